#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/engine/pending_tree.hpp"
#include "model/forest.hpp"
#include "model/partition.hpp"
#include "tests/support/random_nodes.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::vector<std::string> levels{"host", "db"};

node_decl node(std::string name, std::string level, std::vector<std::string> parents = {}) {
    return {std::move(name), std::move(level), std::move(parents), {}, true, false};
}

forest_ptr two_hosts() {
    return build_forest(levels, {node("h1", "host"), node("h2", "host"), node("a", "db", {"h1"}),
                                 node("b", "db", {"h1"}), node("c", "db", {"h2"})})
        .nodes;
}

std::vector<std::string> names(const forest& f) {
    std::vector<std::string> result;
    for (std::uint32_t i = 0; i < f.size(); ++i) result.emplace_back(f.name(node_index{i}));
    return result;
}

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

TEST(forest_change, pending_tasks_follow_though_a_parent_has_too_many_now_to_look_at_their_bits) {
    std::vector<node_decl> declared{node("h1", "host"), node("h2", "host"), node("a", "db", {"h2"})};
    for (std::size_t i = 0; i < bit_set::bits; ++i) declared.push_back(node("d" + std::to_string(i), "db", {"h1"}));
    const auto few = build_forest(levels, declared).nodes;
    pending_tree tree{*few, level_index{2}, node_rank{1}, nullptr};
    tree.insert(*few, *few->find("a"));
    std::vector<node_decl> more;
    for (std::size_t i = 0; i < pending_tree::words_to_look_at * bit_set::bits; ++i)
        more.push_back(node("m" + std::to_string(i), "db", {"h1"}));
    const auto many = change_forest(few, {{}, more, {}}, 2);
    tree.follow(*few, *many, *many->change_from(*few), node_rank{1}, true, nullptr);
    EXPECT_TRUE(tree.sane(*many));
    ASSERT_TRUE(tree.searchable());
    EXPECT_EQ(tree.next_child(*many, forest::instance()), *many->find("h2"));
    node_changes none;
    for (const auto& d : more) none.removed.push_back(d.name);
    const auto few_again = change_forest(many, none, 3);
    tree.follow(*many, *few_again, *few_again->change_from(*many), node_rank{1}, true, nullptr);
    EXPECT_TRUE(tree.sane(*few_again));
    EXPECT_EQ(tree.next_child(*few_again, *few_again->find("h2")), *few_again->find("a"));
}

class forest_diff : public ::testing::Test {
protected:
    std::optional<node_changes> changes(const std::vector<node_decl>& now, bool keep_order = false) {
        const std::vector<std::span<const node_decl>> sources{std::span{now}.first(now.size() / 2),
                                                              std::span{now}.subspan(now.size() / 2)};
        auto found = find_changes(*two_hosts(), sources, keep_order);
        if (!found) return std::nullopt;
        problems.clear();
        for (const auto& p : found->problems) problems.push_back(p.text);
        return std::move(found->changes);
    }
    std::vector<std::string> problems;
    std::vector<node_decl> declared{node("h1", "host"), node("h2", "host"), node("a", "db", {"h1"}),
                                    node("b", "db", {"h1"}), node("c", "db", {"h2"})};
};

TEST_F(forest_diff, of_the_same_declarations_there_is_none) {
    const auto none = changes(declared);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
}

TEST_F(forest_diff, tells_what_has_come_gone_moved_and_is_altered) {
    declared[2].tags = {"x"};
    declared[4].parents = {"h1"};
    declared.erase(declared.begin() + 3);
    declared.push_back(node("h3", "host"));
    const auto found = changes(declared);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->removed, ElementsAre("b", "c"));
    EXPECT_THAT(found->added, ElementsAre(declared[3], declared[4]));
    EXPECT_THAT(found->altered, ElementsAre(declared[2]));
}

TEST_F(forest_diff, what_is_only_mentioned_is_there) {
    std::vector<node_decl> now;
    for (const std::string host : {"h1", "h1", "h2", "h3", "h3"}) {
        now.push_back(node(host, "host"));
        now.back().implied = true;
    }
    for (const auto* name : {"a", "b"}) now.push_back(node(name, "db", {"h1"}));
    now.push_back(node("c", "db", {"h2"}));
    now.push_back(node("d", "db", {"h3"}));
    const auto found = changes(now);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->added, ElementsAre(node("h3", "host"), now.back()));
    EXPECT_TRUE(found->removed.empty());
    EXPECT_TRUE(found->altered.empty());
    EXPECT_TRUE(changes(now, true)) << "it comes last";
    now = declared;
    now.erase(now.begin());
    now.insert(now.begin() + 1, node("h1", "host"));
    now[1].implied = true;
    const auto mixed = changes(now);
    ASSERT_TRUE(mixed);
    EXPECT_TRUE(mixed->empty());
    EXPECT_FALSE(changes(now, true)) << "h2 comes first now";
    now.insert(now.begin(), now[1]);
    EXPECT_TRUE(changes(now, true)) << "what was mentioned before is in its place";
    now = declared;
    now.insert(now.begin(), declared[1]);
    now[0].implied = true;
    EXPECT_TRUE(changes(now, true)) << "what is declared does not come where it is mentioned before";
    now = declared;
    now.push_back(node("h3", "host"));
    now.back().implied = true;
    now.push_back(node("h4", "host"));
    const auto both = changes(now, true);
    ASSERT_TRUE(both);
    EXPECT_THAT(both->added, ElementsAre(node("h3", "host"), node("h4", "host")));
}

TEST_F(forest_diff, what_hangs_below_a_node_that_moves_moves_with_it) {
    auto now = declared;
    now[0] = node("h1", "host", {"instance"});
    EXPECT_TRUE(changes(now)->empty()) << "the same in other words";
    now = declared;
    now[3].parents = {"h1", "h2", "h1"};
    const auto replica = changes(now);
    ASSERT_TRUE(replica);
    EXPECT_THAT(replica->removed, ElementsAre("b"));
    EXPECT_THAT(replica->added, ElementsAre(now[3]));
}

TEST_F(forest_diff, what_is_wrong_is_told_and_the_rest_goes_on) {
    auto now = declared;
    now.push_back(node("b", "db", {"h2"}));
    EXPECT_TRUE(changes(now)->empty()) << "the first wins";
    EXPECT_THAT(problems, ElementsAre(HasSubstr("\"b\" is declared more than once")));
    now.back() = node("h1", "db", {"h2"});
    EXPECT_TRUE(changes(now, true)->empty()) << "the outer one wins";
    EXPECT_THAT(problems, ElementsAre(HasSubstr("\"h1\" is declared more than once")));
    now = declared;
    now.erase(now.begin());
    const auto orphans = changes(now);
    ASSERT_TRUE(orphans);
    EXPECT_THAT(orphans->removed, ElementsAre("h1", "a", "b"));
    EXPECT_THAT(problems, ElementsAre(HasSubstr("\"h1\", which does not exist at level \"host\""),
                                      HasSubstr("\"h1\", which does not exist at level \"host\"")));
    now = declared;
    for (int i = 0; i < 100; ++i) now.push_back(node("x" + std::to_string(i), "db", {"h9"}));
    now.push_back(node("c", "shelf"));
    EXPECT_FALSE(changes(now)) << "more than there are nodes";
    now.erase(now.begin() + 5, now.begin() + 45);
    EXPECT_TRUE(changes(now)->empty());
    EXPECT_THAT(problems, SizeIs(61));
    now = declared;
    now[2].level = "shelf";
    now.push_back(node("x", "db", {"h1"}));
    const auto unknown = changes(now, true);
    ASSERT_TRUE(unknown);
    EXPECT_THAT(unknown->removed, ElementsAre("a"));
    EXPECT_THAT(unknown->added, ElementsAre(now.back()));
    EXPECT_THAT(problems, ElementsAre(HasSubstr("\"shelf\", which does not exist")));
}

TEST_F(forest_diff, takes_a_build_where_it_can_not_tell) {
    const std::vector<node_decl> turned{declared[1], declared[0], declared[2], declared[3], declared[4]};
    EXPECT_TRUE(changes(turned)->empty());
    EXPECT_FALSE(changes(turned, true)) << "where the order counts";
    auto between = declared;
    between.insert(between.begin() + 3, node("a2", "db", {"h1"}));
    EXPECT_TRUE(changes(between));
    EXPECT_FALSE(changes(between, true)) << "where the order counts";
    auto many = declared;
    for (int i = 0; i < 100; ++i) many.push_back(node("n" + std::to_string(i), "db", {"h1"}));
    EXPECT_FALSE(changes(many));
}

TEST(forest_diff_of_many, who_declares_an_outer_node_again_changes_nothing) {
    std::vector<node_decl> declared;
    for (const std::string host : {"h1", "h2", "h3"}) {
        declared.push_back(node(host, "host"));
        for (int i = 0; i < 500; ++i) declared.push_back(node(host + std::to_string(i), "db", {host}));
    }
    declared.push_back(node("h1", "host"));
    declared.push_back(node("h2", "db", {"h3"}));
    const auto before = build_forest(levels, declared).nodes;
    declared.push_back(node("new", "db", {"h1"}));
    const std::vector<std::span<const node_decl>> all{declared};
    const auto found = find_changes(*before, all, true);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->changes.added, ElementsAre(declared.back()));
    EXPECT_TRUE(found->changes.removed.empty());
    EXPECT_EQ(found->problems.size(), 2U);
}

// As built from all declarations, whatever the changes were.
void expect_same(const forest& a, const forest& b) {
    ASSERT_TRUE(a.has_same_nodes(b));
    ASSERT_TRUE(b.has_same_nodes(a));
    ASSERT_EQ(a.size(), b.size());
    for (std::uint32_t l = 0; l < a.levels().size(); ++l)
        EXPECT_EQ(a.most_children(level_index{l}), b.most_children(level_index{l}));
    for (std::uint32_t i = 0; i < a.size(); ++i) {
        const node_index n{i};
        ASSERT_EQ(a.name(n), b.name(n));
        ASSERT_TRUE(std::ranges::equal(a.tags(n), b.tags(n))) << a.name(n);
        ASSERT_EQ(a.enabled(n), b.enabled(n)) << a.name(n);
        ASSERT_EQ(a.find(a.name(n)), n);
        ASSERT_TRUE(std::ranges::equal(a.parents(n), b.parents(n)));
        ASSERT_EQ(a.children(n), b.children(n));
        ASSERT_EQ(a.subtree_key(n), b.subtree_key(n));
        if (a.level_of(n) != a.innermost()) {
            ASSERT_EQ(a.chance(n), b.chance(n));
        }
    }
}

// But for the order.
void expect_alike(const forest& a, const forest& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::uint32_t i = 1; i < a.size(); ++i) {
        const node_index n{i};
        const auto other = b.find(a.name(n));
        ASSERT_TRUE(other) << a.name(n);
        ASSERT_EQ(a.parents(n).size(), b.parents(*other).size()) << a.name(n);
        for (std::size_t p = 0; p < a.parents(n).size(); ++p)
            ASSERT_EQ(a.name(a.parents(n)[p]), b.name(b.parents(*other)[p])) << a.name(n);
        ASSERT_EQ(a.enabled(n), b.enabled(*other)) << a.name(n);
        ASSERT_TRUE(std::ranges::equal(a.tags(n), b.tags(*other))) << a.name(n);
    }
}

// What both keep has the same name, level and parent; what is between the runs has not; and what is said of the rest is
// so.
void expect_true(const forest_change& change, const forest& before, const forest& after) {
    std::set<std::string> altered;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
        const auto to = change.kept(i);
        if (to == index_shift::none) continue;
        ASSERT_EQ(change.kept.back(to), i);
        const node_index old{i};
        const node_index now{to};
        ASSERT_EQ(before.name(old), after.name(now));
        ASSERT_EQ(before.level_of(old), after.level_of(now));
        ASSERT_EQ(before.parents(old).size(), after.parents(now).size());
        for (std::size_t p = 0; p < before.parents(old).size(); ++p)
            ASSERT_EQ(change.kept(before.parents(old)[p].value), after.parents(now)[p].value);
        if (partition_of(before, old, 3) != partition_of(after, now, 3)) {
            ASSERT_TRUE(moves_partitions(before, after, change, 3));
        }
        const bool is_altered =
            before.enabled(old) != after.enabled(now) || !std::ranges::equal(before.tags(old), after.tags(now));
        if (is_altered) {
            ASSERT_TRUE(std::ranges::count(change.altered, now)) << after.name(now);
        }
    }
    for (std::uint32_t i = 0; i < after.size(); ++i) {
        const node_index now{i};
        if (after.level_of(now) == after.innermost()) continue;
        const auto old = change.kept.back(i);
        std::vector<std::uint32_t> children;
        if (old != index_shift::none)
            for (const auto child : before.children(node_index{old})) children.push_back(change.kept(child.value));
        std::vector<std::uint32_t> children_now;
        for (const auto child : after.children(now)) children_now.push_back(child.value);
        const bool same = old != index_shift::none && children == children_now;
        ASSERT_EQ(std::ranges::count(change.regrouped, now), same ? 0 : 1) << after.name(now);
    }
    ASSERT_TRUE(std::ranges::is_sorted(change.regrouped));
    ASSERT_TRUE(std::ranges::is_sorted(change.altered));
}

class change_run {
public:
    explicit change_run(std::uint64_t seed) : random_{seed} {
        const auto depth = 1 + random_() % 3;
        for (std::size_t l = 0; l < depth; ++l) levels_.push_back("level" + std::to_string(l + 1));
        // Parents of more than 64 tasks are kept otherwise than those of fewer.
        most_ = random_() % 3 == 0 ? 68 : 8;
        with_replicas_ = random_() % 2 == 0;
        declared_ = test::draw_declarations(random_, levels_, most_, with_replicas_);
        if (random_() % 2 == 0) std::shuffle(declared_.begin(), declared_.end(), random_);
        nodes_ = build_forest(levels_, declared_, 1).nodes;
        const auto order = random_() % 3;
        rank_ = order == 0 ? node_rank{seed} : node_rank::as_declared();
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
        auto fresh = pending_tree{*nodes_, level_, rank_, closed()};
        tree_.for_each_pending([&](node_index n) {
            if (const auto here = change->kept(n.value); here != index_shift::none)
                fresh.insert(*nodes_, node_index{here});
        });
        tree_.for_each_parked([&](node_index n) {
            if (const auto here = change->kept(n.value); here != index_shift::none)
                fresh.park(*nodes_, node_index{here});
        });
        tree_.follow(*before, *nodes_, *change, rank_, random_() % 4 != 0, closed());
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
            auto n = forest::instance();
            while (nodes_->level_of(n) != level_) n = tree.next_child(*nodes_, n);
            order.push_back(n);
            tree.erase(*nodes_, n);
        }
        return order;
    }

    random_source random_;
    std::vector<std::string> levels_;
    std::size_t most_ = 0;
    bool with_replicas_ = false;
    std::vector<node_decl> declared_;
    forest_ptr nodes_;
    level_index level_;
    node_rank rank_;
    pending_tree tree_;
};

TEST(forest_change_property, is_as_built_anew_and_pending_tasks_follow) {
    test::for_each_seed(1000, [](std::uint64_t seed) {
        change_run run{seed};
        for (int step = 0; step < 12 && !::testing::Test::HasFailure(); ++step) run.step();
    });
}

// Declarations as they come: in any order, some of them wrong, and some nodes only mentioned.
class wrong_run {
public:
    explicit wrong_run(std::uint64_t seed) : random_{seed} {
        const auto depth = 1 + random_() % 3;
        for (std::size_t l = 0; l < depth; ++l) levels_.push_back("level" + std::to_string(l + 1));
        with_replicas_ = random_() % 2 == 0;
        declared_ = test::draw_declarations(random_, levels_, 12, with_replicas_);
        build();
    }

    void step() {
        for (auto count = random_() % 4; count > 0; --count) mutate();
        const std::vector<std::span<const node_decl>> all{std::span{declared_}.first(declared_.size() / 3),
                                                          std::span{declared_}.subspan(declared_.size() / 3)};
        const auto built = build_forest(levels_, declared_, 1);
        const bool keep_order = random_() % 2 == 0;
        const auto found = find_changes(*nodes_, all, keep_order);
        if (!found) return build();
        ++found_;
        const auto next = change_forest(nodes_, found->changes, nodes_->version() + 1);
        ASSERT_TRUE(next);
        if (keep_order)
            expect_same(*next, *built.nodes);
        else
            expect_alike(*next, *built.nodes);
        ASSERT_EQ(next->size(), built.nodes->size());
        ASSERT_EQ(found->problems.size(), built.problems.size());
        ASSERT_EQ(found->more_problems, built.more_problems);
        for (std::size_t i = 0; i < built.problems.size(); ++i) {
            ASSERT_EQ(found->problems[i].text, built.problems[i].text);
            ASSERT_EQ(found->problems[i].declaration, built.problems[i].declaration);
        }
        if (found->changes.empty()) {
            ASSERT_TRUE(next->has_same_nodes(*nodes_) || !keep_order);
        }
        expect_true(*next->change_from(*nodes_), *nodes_, *next);
        nodes_ = next;
    }

    [[nodiscard]] std::size_t found() const { return found_; }

private:
    void build() { nodes_ = build_forest(levels_, declared_, 1).nodes; }

    std::string draw_name() {
        if (random_() % 20 == 0) return "instance";
        if (random_() % 20 == 0) return {};
        return levels_[random_() % levels_.size()] + "_" + std::to_string(random_() % 14);
    }

    void draw_parents(node_decl& d) {
        const auto level = static_cast<std::size_t>(std::ranges::find(levels_, d.level) - levels_.begin());
        d.parents.clear();
        if (random_() % 8 == 0) return;
        for (auto count = 1 + (with_replicas_ ? random_() % 3 : 0); count > 0; --count)
            d.parents.push_back(level == 0 || level == levels_.size() || random_() % 8 == 0
                                    ? draw_name()
                                    : levels_[level - 1] + "_" + std::to_string(random_() % 14));
        if (level == 0 && random_() % 4 != 0) d.parents.clear();
    }

    void mutate() {
        const auto at = declared_.empty() ? 0 : random_() % declared_.size();
        auto* const any = declared_.empty() ? nullptr : &declared_[at];
        const auto what = random_() % 8;
        if (!any || what < 3) {
            node_decl d;
            d.name = draw_name();
            d.level = random_() % 20 == 0 ? "shelf" : levels_[random_() % levels_.size()];
            d.implied = random_() % 4 == 0;
            draw_parents(d);
            const auto place = random_() % 2 == 0 ? declared_.size() : at;
            declared_.insert(declared_.begin() + static_cast<std::ptrdiff_t>(place), std::move(d));
        } else if (what == 3) {
            declared_.erase(declared_.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (what == 4) {
            draw_parents(*any);
        } else if (what == 5) {
            auto again = *any;
            again.implied = random_() % 2 == 0;
            declared_.push_back(std::move(again));
        } else if (what == 6) {
            any->enabled = !any->enabled;
        } else {
            std::swap(*any, declared_[random_() % declared_.size()]);
        }
    }

    random_source random_;
    std::vector<std::string> levels_;
    bool with_replicas_ = false;
    std::vector<node_decl> declared_;
    forest_ptr nodes_;
    std::size_t found_ = 0;
};

TEST(forest_change_property, of_wrong_declarations_is_as_built_anew) {
    std::size_t found = 0;
    test::for_each_seed(2000, [&](std::uint64_t seed) {
        wrong_run run{seed};
        for (int step = 0; step < 20 && !::testing::Test::HasFailure(); ++step) run.step();
        found += run.found();
    });
    EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace bistro
