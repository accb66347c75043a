// Task tables while the forest changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/task_table_fixture.hpp"

namespace bistro {
namespace {

using test::simple_job;
using test::table_test;
using test::two_hosts;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(table_test, waits_again_for_whole_jobs_after_a_changed_forest) {
    auto spec = simple_job();
    spec.run_only_after_all_nodes_are_done_for.emplace_back("other");
    table = task_table{spec};
    table.set_forest(two_hosts(), now);
    table.dependency_replaced(job_id{"other"}, {}, true, now);
    EXPECT_EQ(table.counts().ready, 4U);
    static_cast<void>(table.take_changes());
    table.set_forest(change_forest(table.nodes(), {{"h2"}, {}, {}}, 2), now);
    EXPECT_EQ(table.counts().ready, 0U);
    EXPECT_TRUE(table.take_changes().replaced);
    EXPECT_TRUE(table.dependency_changed(job_id{"other"}, {}, {}, true, now));
    EXPECT_EQ(table.counts().ready, 2U);
}

class changed_dependent_test : public table_test {
protected:
    changed_dependent_test()
        : table_test{[] {
              auto spec = simple_job();
              spec.depends_on = {other};
              return spec;
          }()} {
        table.dependency_replaced(other, at({"h1:a", "h2:a"}), false, now);
        EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:a", "h2:a"));
    }
    std::vector<node_index> at(const std::vector<std::string>& nodes) {
        std::vector<node_index> result;
        for (const auto& name : nodes) result.push_back(*table.nodes()->find(name));
        return result;
    }
    table_changes change(const node_changes& changes) {
        table.set_forest(change_forest(table.nodes(), changes, table.nodes()->version() + 1), now);
        EXPECT_EQ(table.sanity_check(), "");
        return table.take_changes();
    }

    static inline const job_id other{"other"};
};

TEST_F(changed_dependent_test, knows_where_others_are_done_but_on_new_and_altered_nodes) {
    const auto told =
        change({{"h1:b"}, {{"h1:c", "db", {"h1"}, {}, true, false}}, {{"h2", "host", {}, {"tag"}, true, false}}});
    EXPECT_TRUE(told.moved);
    EXPECT_THAT(told.ready, IsEmpty());
    EXPECT_THAT(names(told.withdrawn), ElementsAre("h2:a"));
    EXPECT_EQ(table.counts().ready, 1U);
    EXPECT_TRUE(table.dependency_changed(other, at({"h2:a", "h1:c"}), {}, false, now));
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h2:a", "h1:c"));
}

TEST_F(changed_dependent_test, tells_again_where_it_is_done_on_altered_nodes) {
    start(1, "h1:a");
    start(2, "h2:a");
    for (const std::uint64_t id : {1U, 2U}) {
        end(id, attempt_result::done);
        table.made_durable(invocation_id{id}, now);
    }
    table.take_changes();
    const auto told = change({{}, {}, {{"h2", "host", {}, {"tag"}, true, false}}});
    EXPECT_THAT(names(told.done), ElementsAre("h2:a"));
    EXPECT_THAT(told.undone, IsEmpty());
}

TEST_F(changed_dependent_test, understands_what_was_said_of_the_forest_before) {
    const auto before = at({"h1:a", "h1:b", "h2:a"});
    change({{"h1:a"}, {}, {}});
    table.dependency_reported_late(other, 1, false, {before[0], before[1]}, {before[2]}, now);
    const auto told = table.take_changes();
    EXPECT_THAT(names(told.ready), ElementsAre("h1:b"));
    EXPECT_THAT(names(told.withdrawn), ElementsAre("h2:a"));
    EXPECT_EQ(table.sanity_check(), "");
}

TEST_F(changed_dependent_test, asks_once_for_what_it_can_not_tell) {
    const auto done = at({"h1:b"});
    const auto expect_to_ask = [&] {
        EXPECT_EQ(table.counts().ready, 0U);
        EXPECT_EQ(table.sanity_check(), "");
        EXPECT_FALSE(table.dependency_changed(other, at({"h2:b"}), {}, false, now));
        EXPECT_TRUE(table.dependency_changed(other, {}, {}, false, now)) << "it has asked";
        EXPECT_EQ(table.counts().ready, 0U);
        table.dependency_replaced(other, at({"h1:a"}), false, now);
        EXPECT_EQ(table.counts().ready, 1U);
    };
    change({{}, {}, {{"h2", "host", {}, {"tag"}, true, false}}});
    table.dependency_reported_late(other, 1, false, done, {}, now);  // whether that holds on h2, nobody can tell
    expect_to_ask();
    change({{"h2:b"}, {{"h2:b", "db", {"h1"}, {}, true, false}}, {}});
    table.dependency_reported_late(other, 2, true, done, {}, now);
    expect_to_ask();
    change({{}, {{"h1:c", "db", {"h1"}, {}, true, false}}, {}});
    table.dependency_reported_late(other, 77, false, done, {}, now);
    expect_to_ask();
    table.set_forest(two_hosts(true, 9), now);  // built anew
    expect_to_ask();
}

TEST_F(table_test, a_changed_forest_tells_only_what_has_changed) {
    static_cast<void>(table.take_changes());
    start(1, "h1:b");
    const auto changed = change_forest(table.nodes(), {{"h1:a"}, {{"n", "db", {"h2"}, {}, true, false}}, {}}, 2);
    table.set_forest(changed, now);
    const auto changes = table.take_changes();
    EXPECT_TRUE(changes.moved);
    EXPECT_FALSE(changes.replaced);
    EXPECT_THAT(names(changes.ready), ElementsAre("n"));
    EXPECT_THAT(names(changes.withdrawn), IsEmpty());
    EXPECT_EQ(table.counts().running, 1U);
    EXPECT_EQ(table.counts().total, 4U);
    end(1, attempt_result::done);
    table.made_durable(invocation_id{1}, now);
    EXPECT_THAT(names(table.take_changes().done), ElementsAre("h1:b"));
}

TEST_F(table_test, what_was_not_told_before_a_changed_forest_is_told_with_it) {
    start(1, "h2:b");
    end(1, attempt_result::done);
    table.made_durable(invocation_id{1}, now);
    table.set_forest(change_forest(table.nodes(), {{"h1"}, {}, {}}, 2), now);
    const auto changes = table.take_changes();
    EXPECT_TRUE(changes.replaced);
    EXPECT_THAT(names(changes.ready), ElementsAre("h2:a"));
    EXPECT_THAT(names(changes.done), ElementsAre("h2:b"));
}

TEST_F(table_test, what_runs_where_a_changed_forest_lacks_its_node_or_disables_it_is_an_orphan) {
    auto spec = table.spec();
    spec.kill_orphan_tasks_after_s = 5;
    table.set_spec(spec, now);
    static_cast<void>(table.take_changes());
    start(1, "h1:a");
    start(2, "h2:a");
    start(3, "h2:b");
    const node_decl h1{"h1", "host", {}, {}, false, false};
    table.set_forest(change_forest(table.nodes(), {{"h2:a"}, {}, {h1}}, 2), now);
    EXPECT_THAT(table.orphans_due(now + 5'000), ElementsAre(invocation_id{1}, invocation_id{2}));
}

}  // namespace
}  // namespace bistro
