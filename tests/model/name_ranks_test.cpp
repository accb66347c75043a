#include "model/engine/name_ranks.hpp"

#include <gtest/gtest.h>

#include "tests/support/random_nodes.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

void expect_order(const forest& nodes, const std::vector<std::uint32_t>& ranks) {
    ASSERT_EQ(ranks.size(), nodes.size());
    for (std::uint32_t a = 0; a < nodes.size(); ++a)
        for (std::uint32_t b = 0; b < a; ++b)
            ASSERT_EQ(ranks[a] < ranks[b], nodes.name(node_index{a}) < nodes.name(node_index{b}))
                << nodes.name(node_index{a}) << ", " << nodes.name(node_index{b});
}

TEST(name_ranks_property, new_nodes_find_their_place_and_the_rest_keep_theirs) {
    test::for_each_seed(100, [](std::uint64_t seed) {
        random_source random{seed};
        const std::vector<std::string> levels{"b", "a"};
        auto declared = test::draw_declarations(random, levels, 12, 12, false);
        auto nodes = build_forest(levels, declared).nodes;
        name_ranks ranks{*nodes};
        expect_order(*nodes, *ranks.ranks());
        for (int step = 0; step < 20 && !::testing::Test::HasFailure(); ++step) {
            auto revised = test::revise(random, levels, declared, false);
            const auto before = std::exchange(nodes, change_forest(nodes, revised.changes, nodes->version() + 1));
            declared = std::move(revised.declared);
            const auto ranks_before = ranks.ranks();
            const auto& change = *nodes->change_from(*before);
            ASSERT_TRUE(ranks.follow(*nodes, change));
            expect_order(*nodes, *ranks.ranks());
            for (std::uint32_t i = 0; i < before->size(); ++i)
                if (const auto here = change.kept(i); here != index_shift::none) {
                    ASSERT_EQ((*ranks.ranks())[here], (*ranks_before)[i]);
                }
        }
    });
}

TEST(name_ranks, where_there_is_no_room_all_get_others) {
    auto nodes = build_forest({"n"}, {{"a", "n", {}, {}, true, false}}).nodes;
    name_ranks ranks{*nodes};
    bool all_kept = true;
    for (std::string name = "b"; name.size() < 80; name = "a" + name) {  // each between the last one and "a"
        const auto before = std::exchange(nodes, change_forest(nodes, {{}, {{name, "n", {}, {}, true, false}}, {}}, 2));
        all_kept = ranks.follow(*nodes, *nodes->change_from(*before)) && all_kept;
        expect_order(*nodes, *ranks.ranks());
    }
    EXPECT_FALSE(all_kept);
}

TEST(name_ranks, names_that_count_up_between_others_have_room_too) {
    std::vector<node_decl> declared;
    for (int i = 0; i < 100; ++i) declared.push_back({"h" + std::to_string(1000 + i), "n", {}, {}, true, false});
    auto nodes = build_forest({"n"}, declared).nodes;
    name_ranks ranks{*nodes};
    for (int i = 0; i < 200; ++i) {
        const node_decl next{"h1050." + std::to_string(1000 + i), "n", {}, {}, true, false};
        const auto before = std::exchange(nodes, change_forest(nodes, {{}, {next}, {}}, 2));
        ASSERT_TRUE(ranks.follow(*nodes, *nodes->change_from(*before))) << i;
    }
    expect_order(*nodes, *ranks.ranks());
}

TEST(name_ranks, names_that_count_up_have_room_for_long) {
    auto nodes = build_forest({"n"}, {{"a", "n", {}, {}, true, false}, {"b", "n", {}, {}, true, false}}).nodes;
    for (int i = 0; i < 100; ++i)
        nodes = change_forest(nodes, {{}, {{"z" + std::to_string(1000 + i), "n", {}, {}, true, false}}, {}}, 2);
    name_ranks ranks{*nodes};
    for (int i = 100; i < 150; ++i) {
        const node_decl next{"z" + std::to_string(1000 + i), "n", {}, {}, true, false};
        const auto before = std::exchange(nodes, change_forest(nodes, {{}, {next}, {}}, 2));
        EXPECT_TRUE(ranks.follow(*nodes, *nodes->change_from(*before)));
    }
    expect_order(*nodes, *ranks.ranks());
}

}  // namespace
}  // namespace bistro
