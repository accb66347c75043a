#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/task_table_fixture.hpp"

namespace bistro {
namespace {

using test::simple_job;
using test::table_test;
using test::two_hosts;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(table_test, offers_all_tasks_of_its_level_at_first) {
    const auto changes = table.take_changes();
    EXPECT_TRUE(changes.replaced);
    EXPECT_THAT(names(changes.ready), ElementsAre("h1:a", "h1:b", "h2:a", "h2:b"));
    EXPECT_EQ(table.counts().total, 4U);
    EXPECT_EQ(table.counts().ready, 4U);
}

TEST_F(table_test, a_result_counts_once_it_is_durable) {
    table.take_changes();
    start(1, "h1:a");
    EXPECT_EQ(table.counts().running, 1U);
    const auto change = end(1, attempt_result::done);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->status.state, task_state::done);
    EXPECT_EQ(table.counts().done, 0U);
    EXPECT_THAT(table.take_changes().done, IsEmpty());
    table.made_durable(invocation_id{1}, now);
    EXPECT_EQ(table.counts().done, 1U);
    EXPECT_THAT(names(table.take_changes().done), ElementsAre("h1:a"));
}

TEST_F(table_test, a_repeated_or_unknown_result_changes_nothing) {
    start(1, "h1:a");
    EXPECT_TRUE(end(1, attempt_result::done));
    EXPECT_FALSE(end(1, attempt_result::error));
    table.made_durable(invocation_id{1}, now);
    EXPECT_FALSE(end(1, attempt_result::error));
    EXPECT_FALSE(end(99, attempt_result::failed));
    EXPECT_EQ(table.status_of(node_id{"h1:a"}).state, task_state::done);
}

TEST_F(table_test, an_error_comes_back_after_its_delay_then_fails) {
    run(1, "h1:a", attempt_result::error);
    table.take_changes();
    EXPECT_EQ(table.counts().backoff, 1U);
    EXPECT_EQ(table.next_wakeup(), now + 10'000);
    table.advance(now + 9'999);
    EXPECT_TRUE(table.take_changes().empty());
    now += 10'000;
    table.advance(now);
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:a"));
    run(2, "h1:a", attempt_result::error);
    EXPECT_EQ(table.counts().failed, 1U);
    EXPECT_EQ(table.next_wakeup(), std::nullopt);
}

TEST_F(table_test, forgiveness_brings_failed_and_waiting_tasks_back_with_their_data) {
    attempt_end e;
    e.invocation = invocation_id{1};
    e.result = attempt_result::failed;
    e.data_json = R"({"x":1})";
    start(1, "h1:a");
    table.ended(e);
    table.made_durable(e.invocation, now);
    run(2, "h1:b", attempt_result::error);
    table.take_changes();
    EXPECT_EQ(table.forgive(now).size(), 2U);
    EXPECT_THAT(names(table.take_changes().ready), UnorderedElementsAre("h1:a", "h1:b"));
    EXPECT_EQ(table.status_of(node_id{"h1:a"}).data_json, R"({"x":1})");
    EXPECT_EQ(table.status_of(node_id{"h1:b"}).backoff_step, 0U);
}

TEST_F(table_test, a_true_result_replaces_a_synthetic_one) {
    run(1, "h1:a", attempt_result::lost);
    EXPECT_EQ(table.counts().backoff, 1U);
    const auto change = end(1, attempt_result::done);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->status.state, task_state::done);
    table.made_durable(invocation_id{1}, now);
    EXPECT_EQ(table.counts().done, 1U);
}

TEST_F(table_test, a_synthetic_result_never_replaces_a_true_one) {
    run(1, "h1:a", attempt_result::done);
    EXPECT_FALSE(end(1, attempt_result::lost));
    EXPECT_EQ(table.counts().done, 1U);
}

TEST_F(table_test, a_disabled_ancestor_excludes_and_makes_orphans) {
    auto spec = simple_job();
    spec.kill_orphan_tasks_after_s = 5;
    table.set_spec(spec, now);
    start(1, "h2:a");
    table.set_forest(two_hosts(false, 2), now);
    EXPECT_EQ(table.counts().excluded, 1U) << "h2:b; h2:a still runs";
    EXPECT_EQ(table.situation_of(node_id{"h2:b"}), task_situation::node_disabled);
    EXPECT_THAT(table.orphans_due(now + 4'999), IsEmpty());
    EXPECT_EQ(table.next_wakeup(), now + 5'000);
    EXPECT_THAT(table.orphans_due(now + 5'000), ElementsAre(invocation_id{1}));
}

TEST_F(table_test, statuses_follow_their_nodes_through_a_new_forest) {
    run(1, "h1:a", attempt_result::done);
    run(2, "h1:b", attempt_result::error);
    table.set_forest(build_forest({"host", "db"}, {}, 2).nodes, now);
    EXPECT_EQ(table.counts().total, 0U);
    table.set_forest(two_hosts(true, 3), now);
    EXPECT_EQ(table.counts().done, 1U);
    EXPECT_EQ(table.counts().backoff, 1U);
}

TEST_F(table_test, a_task_may_end_while_its_node_is_gone) {
    start(1, "h1:a");
    table.set_forest(build_forest({"host", "db"}, {}, 2).nodes, now);
    EXPECT_EQ(table.counts().running, 1U);
    EXPECT_EQ(table.counts().total, 1U);
    EXPECT_EQ(table.sanity_check(), "");
    table.for_each([](const node_id& node, const task_status&, task_situation situation) {
        EXPECT_EQ(node.value, "h1:a");
        EXPECT_EQ(situation, task_situation::running);
    });
    EXPECT_TRUE(end(1, attempt_result::done));
    EXPECT_EQ(table.counts().running, 0U);
    EXPECT_EQ(table.counts().ending, 1U);
    EXPECT_EQ(table.sanity_check(), "");
    table.made_durable(invocation_id{1}, now);
    EXPECT_EQ(table.counts(), task_counts{});
    EXPECT_EQ(table.sanity_check(), "");
    table.set_forest(two_hosts(true, 3), now);
    EXPECT_EQ(table.counts().done, 1U);
}

// Its dependents wait for the whole job, and nothing that a node shows would tell them.
TEST_F(table_test, the_end_of_the_last_task_whose_node_is_gone_is_news_for_dependents) {
    start(1, "h1:a");
    table.set_forest(build_forest({"host", "db"}, {}, 2).nodes, now);
    table.take_changes();
    EXPECT_FALSE(table.all_done());
    EXPECT_TRUE(end(1, attempt_result::done));
    table.made_durable(invocation_id{1}, now);
    const auto changes = table.take_changes();
    EXPECT_TRUE(table.all_done());
    EXPECT_TRUE(changes.all_done_changed && changes.for_dependents() && !changes.for_pool());
    EXPECT_TRUE(table.take_changes().empty());
}

TEST_F(table_test, what_runs_is_not_forgiven_wherever_its_node_is) {
    run(1, "h1:a", attempt_result::error);
    now = table.next_wakeup().value();
    table.advance(now);
    start(2, "h1:a");
    EXPECT_THAT(table.forgive(now), IsEmpty());
    table.set_forest(build_forest({"host", "db"}, {}, 2).nodes, now);
    EXPECT_THAT(table.forgive(now), IsEmpty());
    EXPECT_TRUE(end(2, attempt_result::error));
    table.made_durable(invocation_id{2}, now);
    EXPECT_EQ(table.forgive(now).size(), 1U);
}

TEST_F(table_test, an_attempt_that_never_started_after_a_lost_one_counts_once) {
    run(1, "h1:a", attempt_result::lost);
    now = table.next_wakeup().value();
    table.advance(now);
    run(2, "h1:a", attempt_result::never_started);
    EXPECT_FALSE(end(2, attempt_result::never_started));
    EXPECT_EQ(table.status_of(node_id{"h1:a"}).backoff_step, 1U);
}

TEST_F(table_test, a_result_after_all_withdraws_the_offer_to_try_again) {
    start(1, "h1:a");
    EXPECT_TRUE(end(1, attempt_result::lost));
    table.made_durable(invocation_id{1}, now);
    now = table.next_wakeup().value();
    table.advance(now);
    EXPECT_THAT(names(table.take_changes().ready), Contains("h1:a"));
    EXPECT_TRUE(end(1, attempt_result::done));
    EXPECT_THAT(names(table.take_changes().withdrawn), ElementsAre("h1:a"));
}

TEST_F(table_test, a_result_after_all_counts_though_its_node_is_gone) {
    start(1, "h1:a");
    table.set_forest(build_forest({"host", "db"}, {}, 2).nodes, now);
    EXPECT_TRUE(end(1, attempt_result::lost));
    table.made_durable(invocation_id{1}, now);
    EXPECT_TRUE(end(1, attempt_result::done));
    EXPECT_TRUE(table.is_ending(invocation_id{1}));
    table.made_durable(invocation_id{1}, now);
    EXPECT_EQ(table.status_of(node_id{"h1:a"}).state, task_state::done);
    EXPECT_EQ(table.counts(), task_counts{});
}

TEST_F(table_test, filters_of_every_level_on_the_path_must_pass) {
    auto spec = simple_job();
    spec.filters["host"].blacklist = {"h1"};
    spec.filters["db"].whitelist_regex = ":b$";
    table.set_spec(spec, now);
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h2:b"));
    EXPECT_EQ(table.counts().excluded, 3U);
    EXPECT_EQ(table.situation_of(node_id{"h1:b"}), task_situation::filtered_out);
}

TEST_F(table_test, a_disabled_or_invalid_job_offers_nothing) {
    table.take_changes();
    auto spec = simple_job();
    spec.enabled = false;
    table.set_spec(spec, now);
    EXPECT_THAT(table.take_changes().ready, IsEmpty());
    EXPECT_EQ(table.counts().blocked, 4U);
    spec.enabled = true;
    spec.errors = {"broken"};
    table.set_spec(spec, now);
    EXPECT_EQ(table.situation_of(node_id{"h1:a"}), task_situation::job_invalid);
    table.set_spec(simple_job(), now);
    EXPECT_EQ(table.counts().ready, 4U);
}

TEST_F(table_test, what_may_start_is_told_again_only_where_the_rules_change) {
    table.take_changes();
    auto spec = simple_job();
    spec.priority = 7;
    spec.command = {"false"};
    spec.resources = {{"slots", 2}};
    table.set_spec(spec, now);
    EXPECT_EQ(table.spec(), spec);
    EXPECT_TRUE(table.take_changes().empty());
    spec.filters["db"].whitelist_regex = ":b$";
    table.set_spec(spec, now);
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:b", "h2:b"));
    EXPECT_EQ(table.rules(), number_of_rules(spec));
    EXPECT_NE(table.rules(), number_of_rules(simple_job()));
    table.retire(now);
    EXPECT_TRUE(table.take_changes().replaced);
    table.set_spec(spec, now);
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:b", "h2:b"));
}

TEST_F(table_test, a_wrong_hint_does_no_harm) {
    const auto other = table.nodes()->find("h1:b");
    ASSERT_TRUE(other);
    for (const auto hint : {*other, node_index{}, table.nodes()->parents(*other).front()}) {
        table.started(invocation_id{9}, {node_id{"h1:a"}, "w", now}, now, hint);
        EXPECT_EQ(table.situation_of(node_id{"h1:a"}), task_situation::running);
        EXPECT_EQ(table.situation_of(node_id{"h1:b"}), task_situation::ready);
        EXPECT_EQ(table.sanity_check(), "");
    }
}

TEST_F(table_test, adopting_what_ended_since_is_refused) {
    run(5, "h1:a", attempt_result::done);
    EXPECT_FALSE(table.adopt(invocation_id{3}, {node_id{"h1:a"}, "w", now}, now));
    EXPECT_TRUE(table.adopt(invocation_id{6}, {node_id{"h1:b"}, "w", now}, now));
    EXPECT_FALSE(table.adopt(invocation_id{7}, {node_id{"h1:b"}, "w", now}, now)) << "one runs already";
    EXPECT_EQ(table.counts().running, 1U);
}

TEST_F(table_test, what_is_ready_no_longer_is_not_offered) {
    task_table fresh{simple_job()};
    fresh.set_forest(table.nodes(), now);
    EXPECT_TRUE(fresh.adopt(invocation_id{6}, {node_id{"h1:b"}, "w", now}, now))
        << "found running, before it was offered";
    EXPECT_THAT(names(fresh.take_changes().ready), UnorderedElementsAre("h1:a", "h2:a", "h2:b"));
}

TEST_F(table_test, what_was_withdrawn_for_a_stale_attempt_is_offered_again) {
    run(5, "h1:a", attempt_result::incomplete);
    static_cast<void>(table.take_changes());
    EXPECT_FALSE(table.adopt(invocation_id{3}, {node_id{"h1:a"}, "w", now}, now));
    EXPECT_THAT(table.take_changes().ready, ::testing::SizeIs(1));
}

TEST_F(table_test, a_restored_status_is_in_force) {
    task_status failed;
    failed.state = task_state::failed;
    table.restore(node_id{"h1:a"}, failed, now);
    EXPECT_EQ(table.counts().failed, 1U);
    EXPECT_EQ(table.counts().ready, 3U);
}

class dependent_test : public table_test {
protected:
    dependent_test()
        : table_test{[] {
              auto spec = simple_job();
              spec.depends_on = {job_id{"first"}};
              spec.run_only_after_all_nodes_are_done_for = {job_id{"gate"}};
              return spec;
          }()} {}
    node_index at(const std::string& name) { return *table.nodes()->find(name); }
};

TEST_F(dependent_test, waits_for_the_node_and_for_the_whole_job) {
    table.take_changes();
    table.dependency_replaced(job_id{"first"}, {at("h1:a")}, false, now);
    EXPECT_THAT(table.take_changes().ready, IsEmpty());
    EXPECT_EQ(table.situation_of(node_id{"h1:a"}), task_situation::waits_for_whole_job);
    EXPECT_THAT(table.waits_for(node_id{"h1:a"}), ElementsAre(job_id{"gate"}));
    table.dependency_replaced(job_id{"gate"}, {}, true, now);
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:a"));
    EXPECT_EQ(table.situation_of(node_id{"h1:b"}), task_situation::waits_for_node_of_job);
    EXPECT_TRUE(table.dependency_changed(job_id{"first"}, {at("h1:b")}, {}, false, now));
    EXPECT_THAT(names(table.take_changes().ready), ElementsAre("h1:b"));
    EXPECT_TRUE(table.dependency_changed(job_id{"first"}, {}, {at("h1:b")}, false, now));
    EXPECT_THAT(names(table.take_changes().withdrawn), ElementsAre("h1:b"));
}

TEST_F(dependent_test, knows_nothing_of_others_after_a_new_forest) {
    table.dependency_replaced(job_id{"first"}, {at("h1:a")}, true, now);
    table.dependency_replaced(job_id{"gate"}, {}, true, now);
    EXPECT_EQ(table.counts().ready, 1U);
    table.set_forest(two_hosts(true, 2), now);
    EXPECT_EQ(table.counts().ready, 0U);
}

TEST_F(dependent_test, knows_nothing_of_others_after_a_changed_forest_either) {
    table.dependency_replaced(job_id{"first"}, {at("h1:a")}, true, now);
    table.dependency_replaced(job_id{"gate"}, {}, true, now);
    const auto changed = change_forest(table.nodes(), {{"h2"}, {}, {}}, 2);
    table.set_forest(changed, now);
    EXPECT_EQ(table.counts().ready, 0U);
    EXPECT_EQ(table.sanity_check(), "");
    table.dependency_replaced(job_id{"first"}, {at("h1:a")}, true, now);
    EXPECT_EQ(table.counts().ready, 0U) << "the other job may have tasks on the new nodes";
    table.dependency_replaced(job_id{"gate"}, {}, true, now);
    EXPECT_EQ(table.counts().ready, 1U);
}

TEST(job_spec_test, each_rule_gives_another_number_and_nothing_else_does) {
    const auto rules = number_of_rules(simple_job());
    std::set<std::uint64_t> numbers{rules};
    const auto look = [&](auto&& change) {
        auto spec = simple_job();
        change(spec);
        EXPECT_TRUE(numbers.insert(number_of_rules(spec)).second) << numbers.size();
    };
    look([](job_spec& s) { s.enabled = false; });
    look([](job_spec& s) { s.level = "host"; });
    look([](job_spec& s) { s.errors = {"a"}; });
    look([](job_spec& s) { s.depends_on = {job_id{"a"}}; });
    look([](job_spec& s) { s.depends_on = {job_id{"a"}, job_id{"b"}}; });
    look([](job_spec& s) { s.run_only_after_all_nodes_are_done_for = {job_id{"a"}}; });
    look([](job_spec& s) { s.filters["db"]; });
    look([](job_spec& s) { s.filters["host"]; });
    look([](job_spec& s) { s.filters["db"].whitelist = {"a"}; });
    look([](job_spec& s) { s.filters["db"].whitelist = {"a", ""}; });
    look([](job_spec& s) { s.filters["db"].blacklist = {"a"}; });
    look([](job_spec& s) { s.filters["db"].whitelist_regex = "a"; });
    look([](job_spec& s) { s.filters["db"].blacklist_regex = "a"; });
    look([](job_spec& s) { s.filters["db"].tag_whitelist = {"a"}; });
    look([](job_spec& s) { s.filters["db"].fraction_of_nodes = 0.5; });
    auto same = simple_job();
    same.priority = 2;
    same.config_json = "{\"a\": 1}";
    same.host_placement = "h";
    EXPECT_EQ(number_of_rules(same), rules);
}

TEST(job_spec_test, a_job_named_twice_is_waited_for_once) {
    auto spec = simple_job();
    spec.depends_on = {job_id{"a"}};
    task_table table{spec};
    table.set_forest(two_hosts(), 0);
    table.dependency_replaced(job_id{"a"}, {*table.nodes()->find("h1:a")}, false, 0);
    spec.depends_on.emplace_back("a");
    table.set_spec(spec, 0);
    EXPECT_EQ(table.counts().ready, 1U);
    EXPECT_EQ(table.sanity_check(), "");
}

}  // namespace
}  // namespace bistro
