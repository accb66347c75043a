#include "model/forest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "model/partition.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

node_decl node(std::string name, std::string level, std::vector<std::string> parents = {}) {
    node_decl d;
    d.name = std::move(name);
    d.level = std::move(level);
    d.parents = std::move(parents);
    return d;
}

const std::vector<std::string> levels{"host", "db"};

std::vector<std::string> names(const forest& f, std::span<const node_index> nodes) {
    std::vector<std::string> result;
    for (auto n : nodes) result.emplace_back(f.name(n));
    return result;
}

TEST(forest, an_empty_one_has_the_instance) {
    const auto f = build_forest(levels, {}).nodes;
    EXPECT_EQ(f->size(), 1U);
    EXPECT_EQ(f->name(forest::instance()), "instance");
    EXPECT_THAT(f->levels(), ElementsAre("instance", "host", "db"));
    EXPECT_EQ(f->find("instance"), forest::instance());
}

TEST(forest, connects_parents_and_children_in_the_order_of_declaration) {
    const auto built = build_forest(
        levels, {node("h2", "host"), node("d1", "db", {"h1"}), node("h1", "host"), node("d0", "db", {"h1"})});
    const auto& f = *built.nodes;
    EXPECT_THAT(built.problems, IsEmpty());
    EXPECT_THAT(names(f, f.children(forest::instance())), ElementsAre("h2", "h1"));
    EXPECT_THAT(names(f, f.children(*f.find("h1"))), ElementsAre("d1", "d0"));
    EXPECT_THAT(names(f, f.parents(*f.find("d0"))), ElementsAre("h1"));
    EXPECT_EQ(f.level_of(*f.find("d0")), level_index{2});
    EXPECT_FALSE(f.has_replicas());
}

TEST(forest, children_are_neighbours_and_the_order_of_declaration_is_remembered) {
    const auto f = build_forest(levels, {node("h2", "host"), node("h1", "host"), node("d0", "db", {"h1"}),
                                         node("d1", "db", {"h2"}), node("d2", "db", {"h1"})})
                       .nodes;
    EXPECT_EQ(f->find("d0")->value + 1, f->find("d2")->value);
    EXPECT_EQ(f->declared_position(*f->find("d0")), 0U);
    EXPECT_EQ(f->declared_position(*f->find("d1")), 1U);
    EXPECT_EQ(f->declared_position(*f->find("d2")), 2U);
    EXPECT_THAT(names(*f, f->children(*f->find("h1"))), ElementsAre("d0", "d2"));
    EXPECT_EQ(f->child(*f->find("h1"), f->place_of(*f->find("d2"), 0)), *f->find("d2"));
}

TEST(forest, a_replica_has_several_parents) {
    const auto built =
        build_forest(levels, {node("h1", "host"), node("h2", "host"), node("d", "db", {"h1", "h2", "h1"})});
    const auto& f = *built.nodes;
    EXPECT_TRUE(f.has_replicas());
    EXPECT_THAT(names(f, f.parents(*f.find("d"))), ElementsAre("h1", "h2"));
    EXPECT_THAT(names(f, f.children(*f.find("h2"))), ElementsAre("d"));
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_EQ(f.name(f.child(f.parents(*f.find("d"))[i], f.place_of(*f.find("d"), i))), "d");
}

TEST(forest, leaves_out_what_is_wrong_and_says_so) {
    const auto built = build_forest(
        levels, {node("h1", "host"), node("h1", "host"), node("d1", "db", {"h9"}), node("d2", "db"), node("x", "shelf"),
                 node("d3", "db", {"d1"}), node("d4", "db", {"h1"}), node("e", "host", {"d4"})});
    EXPECT_EQ(built.nodes->size(), 3U) << "instance, h1, d4";
    ASSERT_EQ(built.problems.size(), 6U);
    auto told = [&](std::size_t declaration, const std::string& text) {
        return std::any_of(built.problems.begin(), built.problems.end(), [&](const node_problem& p) {
            return p.declaration == declaration && p.text.find(text) != std::string::npos;
        });
    };
    EXPECT_TRUE(told(4, "shelf"));
    EXPECT_TRUE(told(1, "\"h1\" is declared more than once"));
    EXPECT_TRUE(told(2, "\"h9\", which does not exist"));
    EXPECT_TRUE(told(3, "\"d2\" of level \"db\" has no parent"));
}

TEST(forest, tells_a_bounded_number_of_problems) {
    const std::vector<node_decl> all(max_node_problems + 6, node("h", "host"));
    const auto built = build_forest(levels, all);
    EXPECT_EQ(built.problems.size(), max_node_problems);
    EXPECT_EQ(built.more_problems, 5U);
}

TEST(forest, an_implied_node_yields_to_a_declared_one) {
    auto implied = node("h1", "host");
    implied.implied = true;
    auto declared = node("h1", "host");
    declared.tags = {"ssd"};
    const auto built = build_forest(levels, {implied, implied, declared});
    EXPECT_THAT(built.problems, IsEmpty());
    EXPECT_THAT(built.nodes->tags(*built.nodes->find("h1")), ElementsAre("ssd"));
}

TEST(forest, takes_any_name_that_a_process_can_be_given) {
    for (const std::string name : {"with space", "quote\"s'", "line\nbreak", "😀", "\xff\xfe"})
        EXPECT_EQ(build_forest({"n"}, {node(name, "n")}).nodes->size(), 2U) << name;
    const std::string long_name(10'000, 'x');
    EXPECT_TRUE(build_forest({"n"}, {node(long_name, "n")}).nodes->find(long_name));
    EXPECT_NE(node_name_problem(""), "");
    EXPECT_NE(node_name_problem(std::string_view{"a\0b", 3}), "");
    EXPECT_NE(node_name_problem(std::string(20'000, 'x')), "");
}

TEST(forest, subtrees_keep_their_partition_and_those_that_a_replica_joins_share_one) {
    const auto child = [](const std::string& name, std::vector<std::string> parents) {
        return node_decl{name, "db", std::move(parents), {}, true, false};
    };
    std::vector<node_decl> declared;
    for (int h = 0; h < 20; ++h) {
        const auto host = "h" + std::to_string(h);
        declared.push_back(node(host, "host"));
        declared.push_back(child(host + "a", {host}));
    }
    const auto before = build_forest(levels, declared).nodes;
    const auto key = [](const forest_ptr& f, const std::string& name) { return f->subtree_key(*f->find(name)); };
    std::set<std::uint32_t> used;
    for (int h = 0; h < 20; ++h) {
        const auto host = "h" + std::to_string(h);
        EXPECT_EQ(key(before, host), key(before, host + "a"));
        used.insert(partition_of(*before, *before->find(host), 4));
    }
    EXPECT_EQ(used.size(), 4U);
    EXPECT_EQ(before->subtree_key(forest::instance()), 0U);
    declared.push_back(child("shared", {"h3", "h7"}));
    declared.push_back(child("shared too", {"h7", "h11"}));
    const auto joined = build_forest(levels, declared).nodes;
    for (const std::string name : {"h3", "h7a", "h11", "shared", "shared too"})
        EXPECT_EQ(key(joined, name), key(joined, "h3a")) << name;
    EXPECT_NE(key(joined, "h4"), key(joined, "h3"));
    for (int h = 12; h < 20; ++h) {
        const auto host = "h" + std::to_string(h);
        EXPECT_EQ(key(joined, host), key(before, host)) << "nothing has moved there";
    }
}

TEST(forest, survives_being_moved_with_a_short_name_table) {
    const auto f = build_forest({"n"}, {}).nodes;
    EXPECT_TRUE(f->find("instance"));
}

}  // namespace
}  // namespace bistro
