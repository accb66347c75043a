// What leads from a forest to what is declared now, and what is wrong with that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/forests.hpp"
#include "tests/support/random_nodes.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using test::expect_alike;
using test::expect_same;
using test::expect_true;
using test::levels;
using test::node;
using test::two_hosts;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

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

// Declarations as they come: in any order, some of them wrong, and some nodes only mentioned.
class wrong_run {
public:
    explicit wrong_run(std::uint64_t seed) : random_{seed} {
        const auto depth = 1 + random_() % 3;
        for (std::size_t l = 0; l < depth; ++l) levels_.push_back("level" + std::to_string(l + 1));
        with_replicas_ = random_() % 2 == 0;
        declared_ = test::draw_declarations(random_, levels_, 12, 12, with_replicas_);
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

TEST(forest_diff_property, of_wrong_declarations_is_as_built_anew) {
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
