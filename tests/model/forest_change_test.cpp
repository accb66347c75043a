// The forest that comes of another by a change, and how waiting tasks follow it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "model/engine/name_ranks.hpp"
#include "model/engine/pending_tree.hpp"
#include "tests/support/forests.hpp"
#include "tests/support/random_nodes.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using test::expect_alike;
using test::expect_same;
using test::expect_true;
using test::levels;
using test::names;
using test::node;
using test::two_hosts;
using ::testing::ElementsAre;

TEST(forest_change, what_comes_is_last_among_the_children_of_its_parent) {
    const auto before = two_hosts();
    const auto after = change_forest(
        before,
        {{}, {node("d", "db", {"h1"}), node("e", "db", {"h3"}), node("h3", "host"), node("f", "db", {"h3"})}, {}}, 2);
    ASSERT_TRUE(after);
    EXPECT_THAT(names(*after), ElementsAre("instance", "h1", "h2", "h3", "a", "b", "d", "c", "e", "f"));
    EXPECT_EQ(after->name(after->parents(*after->find("f"))[0]), "h3");
    EXPECT_EQ(after->version(), 2U);
}

TEST(forest_change, what_goes_takes_with_it_what_is_below) {
    const auto before = two_hosts();
    const auto after = change_forest(before, {{"h1"}, {}, {}}, 2);
    ASSERT_TRUE(after);
    EXPECT_THAT(names(*after), ElementsAre("instance", "h2", "c"));
    EXPECT_FALSE(after->find("a"));
}

TEST(forest_change, what_goes_may_come_back_elsewhere) {
    const auto before = two_hosts();
    const auto after = change_forest(before, {{"a"}, {node("a", "db", {"h2"})}, {}}, 2);
    ASSERT_TRUE(after);
    EXPECT_THAT(names(*after), ElementsAre("instance", "h1", "h2", "b", "c", "a"));
    const auto* change = after->change_from(*before);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->kept(before->find("a")->value), index_shift::none);
    EXPECT_EQ(change->kept(before->find("c")->value), after->find("c")->value);
}

TEST(forest_change, what_is_altered_keeps_its_place) {
    const auto before = two_hosts();
    auto d = node("a", "db", {"h1"});
    d.enabled = false;
    d.tags = {"slow"};
    const auto after = change_forest(before, {{}, {}, {d}}, 2);
    ASSERT_TRUE(after);
    EXPECT_EQ(names(*after), names(*before));
    EXPECT_FALSE(after->enabled(*after->find("a")));
    EXPECT_THAT(after->tags(*after->find("a")), ElementsAre("slow"));
    EXPECT_THAT(after->change_from(*before)->altered, ElementsAre(*after->find("a")));
}

TEST(forest_change, takes_a_whole_build_where_something_does_not_fit) {
    const auto before = two_hosts();
    const auto fits = [&](const node_changes& changes) { return change_forest(before, changes, 2) != nullptr; };
    EXPECT_TRUE(fits({}));
    EXPECT_FALSE(fits({{"x"}, {}, {}})) << "unknown";
    EXPECT_FALSE(fits({{"instance"}, {}, {}}));
    EXPECT_FALSE(fits({{}, {node("a", "db", {"h2"})}, {}})) << "known";
    EXPECT_FALSE(fits({{}, {node("x", "db", {"h1"}), node("x", "db", {"h1"})}, {}})) << "twice";
    EXPECT_FALSE(fits({{}, {node("x", "db", {"h1", "h9"})}, {}})) << "no such second parent";
    EXPECT_FALSE(fits({{}, {node("x", "db", {"h9"})}, {}})) << "no such parent";
    EXPECT_FALSE(fits({{}, {node("x", "db")}, {}})) << "no parent";
    EXPECT_FALSE(fits({{}, {node("x", "db", {"a"})}, {}})) << "parent of the same level";
    EXPECT_FALSE(fits({{"h1"}, {node("x", "db", {"h1"})}, {}})) << "parent goes";
    EXPECT_FALSE(fits({{}, {node("x", "shelf", {"h1"})}, {}})) << "no such level";
    EXPECT_FALSE(fits({{}, {node("", "host")}, {}})) << "no name";
    EXPECT_FALSE(fits({{}, {}, {node("a", "db", {"h2"})}})) << "altered, but elsewhere";
    EXPECT_FALSE(fits({{"a"}, {}, {node("a", "db", {"h1"})}})) << "altered, but gone";
    EXPECT_FALSE(fits({{}, {}, {node("a", "db", {"h1", "h2"})}})) << "altered, but with one more parent";
}

TEST(forest_change, of_replicas) {
    const auto before = build_forest(levels, {node("h1", "host"), node("h2", "host"), node("h3", "host"),
                                              node("a", "db", {"h1"}), node("b", "db", {"h2"})})
                            .nodes;
    const auto keys = [](const forest& f) {
        std::set<std::uint64_t> all;
        for (std::uint32_t i = 0; i < f.size_of(level_index{1}); ++i) all.insert(f.subtree_key(node_index{i + 1}));
        return all.size();
    };
    const auto joined = change_forest(before, {{}, {node("c", "db", {"h3", "h1"})}, {}}, 2);
    ASSERT_TRUE(joined);
    EXPECT_THAT(names(*joined), ElementsAre("instance", "h1", "h2", "h3", "a", "b", "c"));
    EXPECT_TRUE(joined->has_replicas());
    EXPECT_EQ(keys(*joined), 2U);
    const auto differ = [](std::uint32_t count, const forest& a, const forest& b) {
        return partition_of(a, *a.find("h1"), count) != partition_of(b, *b.find("h1"), count) ||
               partition_of(a, *a.find("h3"), count) != partition_of(b, *b.find("h3"), count);
    };
    std::size_t moves = 0;
    for (std::uint32_t count = 1; count < 20; ++count) {
        EXPECT_EQ(moves_partitions(*before, *joined, *joined->change(), count), differ(count, *before, *joined));
        moves += differ(count, *before, *joined) ? 1 : 0;
    }
    EXPECT_GT(moves, 0U);
    EXPECT_THAT(joined->children(*joined->find("h1")), ElementsAre(*joined->find("a"), *joined->find("c")));
    EXPECT_THAT(joined->change()->regrouped, ElementsAre(*joined->find("h1"), *joined->find("h3")));
    const auto gone = change_forest(joined, {{"h1"}, {}, {}}, 3);
    ASSERT_TRUE(gone);
    EXPECT_THAT(names(*gone), ElementsAre("instance", "h2", "h3", "b")) << "all below any parent that goes";
    EXPECT_FALSE(gone->has_replicas());
    const auto same = change_forest(joined, {{}, {node("d", "db", {"h1", "h3", "h1"})}, {}}, 3);
    ASSERT_TRUE(same);
    for (std::uint32_t count = 1; count < 20; ++count)
        EXPECT_FALSE(moves_partitions(*joined, *same, *same->change(), count));
    EXPECT_THAT(names(*same), ElementsAre("instance", "h1", "h2", "h3", "a", "d", "b", "c"));
    EXPECT_EQ(same->parents(*same->find("d")).size(), 2U);
}

TEST(forest_change, is_of_the_forest_that_it_came_of_alone) {
    const auto before = two_hosts();
    const auto after = change_forest(before, {}, 2);
    const auto later = change_forest(after, {}, 3);
    EXPECT_TRUE(after->change_from(*before));
    EXPECT_TRUE(later->change_from(*after));
    EXPECT_FALSE(later->change_from(*before));
    EXPECT_FALSE(before->change_from(*before));
    EXPECT_FALSE(after->change_from(*two_hosts())) << "another of the same version and size";
}

TEST(forest_change, pending_tasks_follow_though_a_parent_has_many_now_and_some_have_two) {
    std::vector<node_decl> declared{node("h1", "host"), node("h2", "host"), node("a", "db", {"h2"})};
    for (std::size_t i = 0; i < forest::block_size; ++i)
        declared.push_back(node("d" + std::to_string(i), "db", {"h1"}));
    const auto few = build_forest(levels, declared).nodes;
    pending_tree tree{*few, level_index{2}, node_rank{1}, nullptr};
    tree.insert(*few, *few->find("a"));
    std::vector<node_decl> more;
    for (std::size_t i = 0; i < 3 * forest::block_size; ++i)
        more.push_back(node("m" + std::to_string(i), "db", {"h1", "h2"}));
    const auto many = change_forest(few, {{}, more, {}}, 2);
    tree.follow(*few, *many, *many->change_from(*few), node_rank{1}, true, nullptr);
    EXPECT_TRUE(tree.sane(*many));
    ASSERT_TRUE(tree.searchable());
    EXPECT_EQ(tree.next_child(*many, forest::instance()), *many->find("h2"));
    const auto last = *many->find(more.back().name);
    tree.insert(*many, last);
    EXPECT_TRUE(tree.sane(*many));
    EXPECT_EQ(tree.next_below(*many, *many->find("h1")), last);
    tree.erase(*many, *many->find("a"));
    EXPECT_EQ(tree.next_below(*many, *many->find("h2")), last);
    tree.insert(*many, *many->find("a"));
    node_changes none;
    for (const auto& d : more) none.removed.push_back(d.name);
    const auto few_again = change_forest(many, none, 3);
    tree.follow(*many, *few_again, *few_again->change_from(*many), node_rank{1}, true, nullptr);
    EXPECT_TRUE(tree.sane(*few_again));
    EXPECT_EQ(tree.next_child(*few_again, *few_again->find("h2")), *few_again->find("a"));
    EXPECT_FALSE(tree.next_below(*few_again, *few_again->find("h1")).valid());
}

TEST(forest_change, a_block_in_which_one_child_is_another_is_compared_anew) {
    std::vector<node_decl> declared{node("h1", "host"), node("h2", "host")};
    for (std::size_t i = 0; i < 3 * forest::block_size; ++i)
        declared.push_back(
            node("d" + std::to_string(i), "db",
                 i % 2 == 0 ? std::vector<std::string>{"h1", "h2"} : std::vector<std::string>{"h2", "h1"}));
    const auto before = build_forest(levels, declared).nodes;
    std::vector<node_index> some;
    for (std::uint32_t i = 0; i < before->size_of(level_index{2}); ++i)
        if (i * 7 % 5 < 2) some.emplace_back(before->first_of(level_index{2}).value + i);
    // Among the own children of one host, whatever block they are in, and the guests of the other.
    for (std::size_t gone = 2; gone < declared.size(); gone += 3) {
        pending_tree tree{*before, level_index{2}, node_rank{1}, nullptr};
        tree.insert(*before, some);
        const auto after = change_forest(before, {{declared[gone].name}, {}, {}}, 2);
        tree.follow(*before, *after, *after->change_from(*before), node_rank{1}, true, nullptr);
        ASSERT_TRUE(tree.sane(*after)) << declared[gone].name;
    }
}

class change_run {
public:
    explicit change_run(std::uint64_t seed) : random_{seed} {
        const auto depth = 1 + random_() % 3;
        for (std::size_t l = 0; l < depth; ++l) levels_.push_back("level" + std::to_string(l + 1));
        // Parents of more than 64 tasks compare blocks of them.
        constexpr std::array<std::size_t, 4> most{8, 8, 68, 140};
        most_ = most[random_() % most.size()];
        parents_ = random_() % 2 == 0 ? most_ : 3;
        with_replicas_ = random_() % 2 == 0;
        declared_ = test::draw_declarations(random_, levels_, parents_, most_, with_replicas_);
        if (random_() % 2 == 0) std::shuffle(declared_.begin(), declared_.end(), random_);
        nodes_ = build_forest(levels_, declared_, 1).nodes;
        const auto order = random_() % 3;
        if (order == 2) by_name_.emplace(*nodes_);
        rank_ = order == 0 ? node_rank{seed} : order == 1 ? node_rank::as_declared() : node_rank{by_name_->ranks()};
        level_ = level_index{random_() % (levels_.size() + 1)};
        tree_ = pending_tree{*nodes_, level_, rank_, closed()};
    }

    void step() {
        for (std::uint32_t i = 0; i < nodes_->first_of(level_).value + nodes_->size_of(level_); ++i) {
            const node_index n{i};
            if (random_() % 12 == 0) tree_.parked(n) ? tree_.unpark(*nodes_, n) : tree_.park(*nodes_, n);
            if (nodes_->level_of(n) != level_) continue;
            if (random_() % 3 == 0) tree_.insert(*nodes_, n);
            if (random_() % 6 == 0) tree_.erase(*nodes_, n);
        }
        auto revised = test::revise(random_, levels_, declared_, with_replicas_);
        auto next = change_forest(nodes_, revised.changes, nodes_->version() + 1);
        ASSERT_TRUE(next);
        declared_ = std::move(revised.declared);
        const std::vector<std::span<const node_decl>> all{declared_};
        const bool keep_order = random_() % 2 == 0;
        if (const auto found = find_changes(*nodes_, all, keep_order)) {
            ASSERT_TRUE(found->problems.empty());
            const auto same = change_forest(nodes_, found->changes, nodes_->version() + 1);
            ASSERT_TRUE(same);
            if (keep_order)
                expect_same(*next, *same);
            else
                expect_alike(*next, *same);
        }
        expect_same(*next, *build_forest(levels_, declared_, 1).nodes);
        const auto* change = next->change_from(*nodes_);
        ASSERT_TRUE(change);
        expect_true(*change, *nodes_, *next);
        const auto before = std::exchange(nodes_, std::move(next));
        const bool same_order = !by_name_ || by_name_->follow(*nodes_, *change);
        if (by_name_) rank_ = node_rank{by_name_->ranks()};
        auto fresh = pending_tree{*nodes_, level_, rank_, closed()};
        tree_.for_each_pending([&](node_index n) {
            if (const auto here = change->kept(n.value); here != index_shift::none)
                fresh.insert(*nodes_, node_index{here});
        });
        tree_.for_each_parked([&](node_index n) {
            if (const auto here = change->kept(n.value); here != index_shift::none)
                fresh.park(*nodes_, node_index{here});
        });
        tree_.follow(*before, *nodes_, *change, rank_, same_order && random_() % 4 != 0, closed());
        ASSERT_TRUE(tree_.sane(*nodes_));
        ASSERT_EQ(order_of(tree_), order_of(fresh));
    }

private:
    std::shared_ptr<const bit_set> closed() const {
        return nodes_->disabled().empty() ? nullptr : std::shared_ptr<const bit_set>{nodes_, &nodes_->disabled()};
    }

    // The tasks in the order in which they are found, of all that is pending and not set aside.
    std::vector<node_index> order_of(pending_tree tree) const {
        std::vector<node_index> order;
        while (tree.searchable()) {
            std::vector<node_index> path{forest::instance()};
            while (nodes_->level_of(path.back()) != level_) path.push_back(tree.next_child(*nodes_, path.back()));
            std::reverse(path.begin(), path.end());
            order.push_back(path.front());
            tree.erase(*nodes_, path);
        }
        return order;
    }

    random_source random_;
    std::vector<std::string> levels_;
    std::size_t most_ = 0;     // nodes of the innermost level
    std::size_t parents_ = 0;  // of each other
    bool with_replicas_ = false;
    std::vector<node_decl> declared_;
    forest_ptr nodes_;
    level_index level_;
    std::optional<name_ranks> by_name_;
    node_rank rank_;
    pending_tree tree_;
};

TEST(forest_change_property, is_as_built_anew_and_pending_tasks_follow) {
    test::for_each_seed(1000, [](std::uint64_t seed) {
        change_run run{seed};
        for (int step = 0; step < 12 && !::testing::Test::HasFailure(); ++step) run.step();
    });
}

}  // namespace
}  // namespace bistro
