// A resource pool alone, among stand-ins that keep what they are sent.
#include "actors/resource_pool.hpp"

#include <gmock/gmock.h>

#include "actors/console/observed.hpp"
#include "tests/support/actor_fixture.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class pool_test : public test::actor_test {
protected:
    // Keeps what orders and events say, and drops all else.
    caf::actor stand_in() {
        auto keep = [](caf::event_based_actor* self, pool_test* test) -> caf::behavior {
            // Not caf::drop: that answers with an error, which ends the pool.
            self->set_default_handler(
                [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> { return caf::message{}; });
            return {
                [=](const start_tasks& m) {
                    for (const auto& order : m.tasks) test->started.push_back(order.node.value);
                    test->commands.insert(test->commands.end(), m.commands.begin(), m.commands.end());
                },
                [=](const events_happened& m) {
                    test->happened.started += m.started;
                    test->happened.ended += m.ended;
                    test->happened.events.insert(test->happened.events.end(), m.events.begin(), m.events.end());
                },
            };
        };
        return track(caf::actor{system.spawn(keep, this)});
    }

    void make_pool() { make_pool(clock()); }
    void make_pool(const runtime& time) {
        other = stand_in();
        pool = track(spawn_guarded(
            system, time, pool_behavior, invocation_id::first_of_epoch(2),
            pool_links{caf::actor_cast<caf::strong_actor_ptr>(other), caf::actor_cast<monitor_actor>(other), false, {}},
            time));
        caf::anon_send(pool, pool_configured{});
        job_spec job;
        job.name = job_id{"j"};
        job.level = "host";
        job.command = {"work"};
        caf::anon_send(pool, job_changed{job}, caf::actor_cast<job_actor>(other));
        run();
    }

    void send_nodes(const std::vector<std::string>& names) {
        std::vector<node_decl> nodes;
        for (const auto& name : names) nodes.push_back({name, "host", {}, {}, true, false});
        forest = build_forest({"host"}, nodes, ++version).nodes;
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }

    void send_worker(std::vector<finished_task> unacknowledged) {
        worker_joined m;
        m.worker = worker_index{std::size_t{0}};
        m.info = {shard_name{"w"}, "host", {}};
        m.handle = caf::actor_cast<caf::strong_actor_ptr>(other);
        m.session = session;
        m.unacknowledged = std::move(unacknowledged);
        caf::anon_send(pool, std::move(m));
        caf::anon_send(pool, worker_accepts{worker_index{std::size_t{0}}, true});
        run();
    }

    // A job that has heard of so many starts offers every node.
    void offer_all(std::uint64_t seen_starts) {
        pending_changed m;
        m.job = job_id{"j"};
        m.forest_version = version;
        m.seen_starts = {seen_starts};
        m.replace = true;
        const auto level = forest->innermost();
        for (std::size_t i = 0; i < forest->size_of(level); ++i)
            m.ready.emplace_back(forest->first_of(level).value + i);
        caf::anon_send(pool, std::move(m));
        run();
    }

    static constexpr std::uint64_t session = 7;
    std::vector<std::string> started;
    std::vector<job_command> commands;
    events_happened happened;
    caf::actor other;
    pool_actor pool;
    forest_ptr forest;
    std::uint64_t version = 0;
};

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

}  // namespace
}  // namespace bistro
