// A resource pool alone.
#include <gmock/gmock.h>

#include "tests/support/pool_fixture.hpp"

namespace bistro {
namespace {

using test::pool_test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(pool_test, what_ended_unheard_before_there_were_nodes_is_not_started_before_its_job_has_heard_of_it) {
    make_pool();
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(1);
    ended.end.result = attempt_result::done;
    send_worker({ended});
    send_nodes({"a", "b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("b"));
    send_nodes({"b", "a"});
    offer_all(1);
    EXPECT_THAT(started, ElementsAre("b", "a")) << "of a the job knows now, of b not yet";
}

TEST_F(pool_test, a_task_that_was_just_started_is_not_said_to_wait_for_itself) {
    make_pool();
    resource_table table;
    table.by_level["host"] = {{"slot", 1, 1, 0}};
    caf::anon_send(pool, pool_configured{{}, table});
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("a"));
    const auto told = ask<waiting_explained>(pool, waiting_asked{job_id{"j"}, node_id{"a"}});
    EXPECT_EQ(told->why.what, blocker::kind::none);
    EXPECT_THAT(told->holders, IsEmpty());
}

TEST_F(pool_test, what_a_job_said_before_a_start_does_not_end_it) {
    make_pool();
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    offer_all(1);
    EXPECT_FALSE(ask<job_removal>(pool, job_ended{job_id{"j"}, 0})->removed) << "it has heard of the start since";
    EXPECT_TRUE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed);
}

TEST_F(pool_test, a_job_that_owes_its_word_on_a_result_is_not_removed) {
    make_pool();
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    EXPECT_FALSE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed) << "its worker would wait for ever";
    caf::anon_send(pool, results_durable{{ended.end.invocation}, job_id{"j"}, {1}, 0});
    EXPECT_TRUE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed);
}

TEST_F(pool_test, a_start_that_its_job_has_not_seen_counts_over_a_change_of_nodes) {
    make_pool();
    send_worker({});
    send_nodes({"b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("b"));
    finished_task ended{job_id{"j"}, node_id{"b"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    started.clear();
    send_nodes({"a", "b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("a"));
    started.clear();
    offer_all(2);
    EXPECT_THAT(started, ElementsAre("b")) << "a runs; of b the job knows, and offers it again";
}

TEST_F(pool_test, other_resources_make_other_demands_and_workers_hear_of_them) {
    make_pool();
    send_worker({});
    send_nodes({"a"});
    offer_all(0);
    ASSERT_THAT(commands, SizeIs(1));
    EXPECT_THAT(commands[0].demands.nodes, ElementsAre(Pair("instance", IsEmpty()), Pair("host", IsEmpty())));
    pool_configured other_table;
    other_table.resources.by_level["host"] = {{"slots", 3, 2}};
    caf::anon_send(pool, other_table);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    offer_all(1);
    ASSERT_THAT(commands, SizeIs(2));
    EXPECT_THAT(commands[1].demands.nodes,
                ElementsAre(Pair("instance", IsEmpty()), Pair("host", amounts{{"slots", 2}})));
}

// CAF hands a message to any actor whose id a peer can guess.
TEST_F(pool_test, results_of_another_session_or_worker_change_nothing_and_are_counted) {
    make_pool();
    send_worker({});
    send_nodes({"a"});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session + 1, {ended}});
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, 0, {ended}});
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{1}}, session, {ended}});
    run();
    EXPECT_EQ(happened.ended, 0U);
    EXPECT_EQ(ask<pool_stalled>(pool, reasons_asked{})->fenced, 3U);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    EXPECT_EQ(happened.ended, 1U);
}

TEST_F(pool_test, an_exit_message_counts_only_when_the_process_ends) {
    auto ending = std::make_shared<std::atomic<bool>>(false);
    make_pool({clock().now, ending});
    caf::anon_send_exit(pool, caf::exit_reason::kill);
    EXPECT_TRUE(ask<pool_stalled>(pool, reasons_asked{}));
    *ending = true;
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
    EXPECT_FALSE(ask<pool_stalled>(pool, reasons_asked{}));
}

TEST_F(pool_test, attempts_are_counted_where_nobody_keeps_their_events) {
    make_pool();
    send_worker({});
    send_nodes({"a", "b"});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    for (int repeated = 0; repeated < 2; ++repeated)
        caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    EXPECT_EQ(happened.started, 2U);
    EXPECT_EQ(happened.ended, 1U);
    EXPECT_THAT(happened.events, IsEmpty());
}

// The second of two pools, which has all there is leased to it. The first one is a stand-in.
class second_pool : public pool_test {
protected:
    void SetUp() override {
        make_pool(clock(), {1, 2});
        pools_known all;
        all.pools = {caf::actor_cast<caf::strong_actor_ptr>(other), caf::actor_cast<caf::strong_actor_ptr>(pool)};
        caf::anon_send(pool, std::move(all));
        for (int i = 1; node.empty(); ++i) {
            const auto name = "n" + std::to_string(i);
            const auto alone = build_forest({"host"}, {{name, "host", {}, {}, true, false}}).nodes;
            if (partition_of(*alone, node_index{1}, 2) == 1) node = name;
        }
        send_worker({});
        send_nodes({node});
    }
    void tell(bool replaces, std::vector<task_told> tasks) {
        caf::anon_send(pool, tasks_elsewhere{0, version, replaces, std::move(tasks), invocation_id::first_of_epoch(2)});
        run();
    }
    // A start of the first pool on the node, which has ended since.
    task_told ended_start(std::uint64_t number) { return {{}, job_id{"j"}, {node}, {}, false, {}, number}; }

    std::string node;
};

TEST_F(second_pool, nothing_starts_before_the_others_have_told_of_the_same_forest) {
    offer_all({0, 0});
    EXPECT_THAT(started, IsEmpty());
    tell(true, {});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, a_start_that_the_job_has_not_heard_of_withdraws_its_offer) {
    offer_all({0, 0});
    tell(true, {ended_start(5)});
    offer_all({4, 0});
    EXPECT_THAT(started, IsEmpty());
    offer_all({5, 0});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, a_start_that_the_job_knew_when_it_made_its_offer_does_not_withdraw_it) {
    offer_all({5, 0});
    tell(true, {ended_start(5)});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, what_was_told_of_a_job_that_is_gone_is_forgotten_with_it) {
    tell(true, {ended_start(5)});
    caf::anon_send(pool, job_forgotten{0, job_id{"j"}});
    run();
    offer_all({0, 0});
    EXPECT_THAT(started, ElementsAre(node)) << "a job of this name that has come back begins to count anew";
}

TEST_F(second_pool, what_runs_elsewhere_on_its_node_holds_it_until_it_ends) {
    resource_table table;
    table.by_level["host"] = {{"slot", 1, 1, 0}};
    caf::anon_send(pool, pool_configured{{}, table});
    task_told runs{invocation_id{2}, job_id{"other"}, {node, "instance"}, {}, true, "w", 0};
    runs.demands.nodes = {{"host", {{"slot", 1}}}};
    tell(true, {runs});
    offer_all({0, 0});
    EXPECT_THAT(started, IsEmpty());
    caf::anon_send(pool, elsewhere_ended{0, {invocation_id{2}}});
    run();
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, ids_are_its_own_and_above_those_that_others_have_given) {
    caf::anon_send(pool, ids_reached{invocation_id{invocation_id::first_of_epoch(2).value + 1000}});
    tell(true, {});
    offer_all({0, 0});
    ASSERT_THAT(ids, SizeIs(1));
    EXPECT_EQ(partition_of(ids[0], 2), 1U);
    EXPECT_GE(ids[0].value, invocation_id::first_of_epoch(2).value + 1000);
}

}  // namespace
}  // namespace bistro
