// Workers join, are silent, come back and are lost; schedulers restart.
#include <gmock/gmock.h>

#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using test::system_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(system_test, a_remote_worker_is_durable_before_it_is_sent_a_task) {
    start_scheduler(one_job);
    *disk_is_full = true;
    start_worker("w", false);
    EXPECT_THAT(launcher.running, IsEmpty());
    *disk_is_full = false;
    pass(std::chrono::milliseconds{1'100});
    EXPECT_THAT(launcher.running, SizeIs(2));
    EXPECT_THAT(statuses->workers(), SizeIs(1));
}

TEST_F(system_test, a_worker_that_is_lost_while_its_hello_is_recorded_gets_no_task) {
    start_scheduler(one_job);
    *disk_is_full = true;
    start_worker("w", false);
    pass(std::chrono::milliseconds{11'000});
    *disk_is_full = false;
    pass(std::chrono::milliseconds{7'000});
    EXPECT_EQ(launcher.launched, 0U);
    ASSERT_THAT(ended_workers, SizeIs(1));
    EXPECT_THAT(ended_workers[0], HasSubstr("given this worker up"));
    start_worker("other", false);
    EXPECT_THAT(launcher.running, SizeIs(2)) << "nobody holds the slots";
}

TEST_F(system_test, a_worker_that_comes_back_is_taken_up_where_it_was) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    EXPECT_THAT(launcher.running, SizeIs(2));
    meet(worker);  // as after a new connection
    EXPECT_THAT(launcher.running, SizeIs(2)) << "nothing is started twice, nothing given up";
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_restarted_scheduler_waits_for_its_workers_and_adopts_what_they_run) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    restart_scheduler(one_job);
    start_worker("other", false);
    EXPECT_EQ(launcher.launched, 2U) << "w may still run them";
    auto told = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(told.suspended, HasSubstr("w"));
    ASSERT_THAT(told.workers, SizeIs(2));
    EXPECT_EQ(told.workers[0].shard.value, "w");
    EXPECT_TRUE(told.workers[0].awaited);
    EXPECT_FALSE(told.workers[0].connected);
    EXPECT_FALSE(told.workers[1].awaited);
    EXPECT_TRUE(told.workers[1].connected);
    meet(worker);
    EXPECT_FALSE(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->workers[0].awaited);
    EXPECT_EQ(counts().running, 2U);
    EXPECT_EQ(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, "");
    EXPECT_EQ(launcher.launched, 2U) << "both hosts are full";
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_scheduler_that_is_stopped_while_it_waits_for_workers_does_not_forget_them) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    restart_scheduler(one_job);
    EXPECT_TRUE(ask<stopped>(scheduler, stop_scheduler{}));
    restart_scheduler(one_job);
    start_worker("other", false);
    EXPECT_EQ(launcher.launched, 2U) << "w may still run them";
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, HasSubstr("w"));
}

TEST_F(system_test, what_ended_while_the_scheduler_was_away_is_not_run_again) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    end_scheduler();
    launcher.end_all();
    run();
    start_scheduler(one_job);
    meet(worker);
    EXPECT_EQ(launcher.launched, 4U) << "the other two";
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, what_ended_meanwhile_of_a_job_that_is_gone_is_stored_before_it_is_acknowledged) {
    const std::string other = "[jobs.k]\nowner = \"x\"\ncommand = [\"work\"]\n";
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    end_scheduler();
    launcher.end_all();
    run();
    start_scheduler(other);
    meet(worker);
    EXPECT_THAT(stored("j"), SizeIs(2));
    caf::anon_send(scheduler, config_changed{config_of(one_job + other)});
    run();
    EXPECT_EQ(counts().done, 2U) << "the job that comes back knows of them";
    end_all();
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(launcher.launched, 8U) << "each task of both once";
}

TEST_F(system_test, a_worker_that_reports_before_the_nodes_are_known_runs_nothing_twice) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    end_scheduler();
    launcher.end(launcher.running.begin()->first);
    run();
    // Its hello is the first message of all.
    launch_scheduler(one_job);
    caf::anon_send(worker, gateway_found{caf::actor_cast<caf::strong_actor_ptr>(gateway), "secret"});
    run();
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, tasks_of_a_job_that_is_gone_hold_their_slots_and_are_known_when_it_comes_back) {
    const std::string other = "[jobs.k]\nowner = \"x\"\ncommand = [\"work\"]\n";
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    restart_scheduler(other);
    meet(worker);
    for (const auto& [id, process] : launcher.running) EXPECT_THAT(process.signals, IsEmpty());
    EXPECT_EQ(launcher.launched, 2U) << "each host has one slot, and it is taken";
    caf::anon_send(scheduler, config_changed{config_of(one_job + other)});
    run();
    EXPECT_EQ(counts().running, 2U);
    end_all();
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(counts("k").done, 4U);
}

TEST_F(system_test, a_silent_worker_stops_itself_before_it_is_given_up) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    // The scheduler falls silent: the worker hears nothing any more.
    caf::anon_send_exit(scheduler, caf::exit_reason::user_shutdown);
    run();
    pass(std::chrono::milliseconds{4'000});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    pass(std::chrono::milliseconds{2'000});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, ElementsAre(SIGTERM));
    end_all({0, SIGTERM, {}, {}});
    pass(std::chrono::milliseconds{6'000});
    ASSERT_THAT(ended_workers, SizeIs(1));
    EXPECT_THAT(ended_workers[0], HasSubstr("not been heard"));
}

// Answers a hello with the welcome that it is sent later.
struct slow_scheduler {
    caf::typed_response_promise<welcome> promise;
    hello asked;
    std::vector<finished_task> ends;

    caf::behavior operator()(caf::event_based_actor* self, slow_scheduler* kept) {
        return {[=](hello& m) -> caf::result<welcome> {
                    kept->asked = std::move(m);
                    kept->promise = self->make_response_promise<welcome>();
                    return kept->promise;
                },
                [=](welcome& m) { kept->promise.deliver(std::move(m)); }, [](const heartbeat& m) { return m; },
                [=](const tasks_finished& m) { kept->ends.insert(kept->ends.end(), m.ends.begin(), m.ends.end()); },
                [](const worker_leaves&) {}};
    }
};

class late_welcome : public system_test {
protected:
    // The worker has said hello; its welcome and an order come `wait` later, the order first.
    void welcome_after(std::chrono::milliseconds wait) {
        logs = track(system.spawn(log_store_behavior,
                                  std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}}),
                                  monitor_actor{}));
        const auto worker = worker_side = spawn_worker("w", false);
        auto other = track(caf::actor{system.spawn(slow_scheduler{}, &scheduler_side)});
        const auto handle = scheduler_handle = caf::actor_cast<caf::strong_actor_ptr>(other);
        caf::anon_send(worker, gateway_found{handle, "secret"});
        run();
        pass(wait);
        job_command command;
        command.job = job_id{"j"};
        command.command = {"work"};
        start_tasks orders{scheduler_side.asked.session, {command}, {}};
        orders.tasks.push_back({invocation_id::first_of_epoch(1), job_id{"j"}, node_id{"n"}, {"n", "instance"}, {}});
        caf::anon_send(worker, orders);
        run();
        EXPECT_THAT(launcher.running, IsEmpty()) << "the worker does not know yet how long it may run anything";
        caf::anon_send(
            other,
            welcome{hello_verdict::joined, worker_index{0}, {1000, 3000, 10'000, 5000}, {}, handle, {handle}, 1});
        run();
    }

    slow_scheduler scheduler_side;
    worker_actor worker_side;
    caf::strong_actor_ptr scheduler_handle;
};

TEST_F(late_welcome, orders_before_it_are_carried_out) {
    welcome_after(std::chrono::milliseconds{1000});
    EXPECT_THAT(launcher.running, SizeIs(1));
}

TEST_F(late_welcome, what_an_overdue_member_does_not_start_it_answers) {
    welcome_after(std::chrono::milliseconds{0});
    coordinator().clock().advance_time(std::chrono::milliseconds{5000});  // its wakeup is due, but has not come
    start_tasks orders{scheduler_side.asked.session, {}, {}};
    orders.tasks.push_back({invocation_id::first_of_epoch(2), job_id{"j"}, node_id{"m"}, {"m", "instance"}, {}});
    caf::anon_send(worker_side, orders);
    deliver();
    EXPECT_THAT(launcher.running, SizeIs(1));
    ASSERT_THAT(scheduler_side.ends, SizeIs(1));
    EXPECT_EQ(scheduler_side.ends[0].end.result, attempt_result::never_started);
}

TEST_F(late_welcome, an_overdue_member_says_no_hello) {
    welcome_after(std::chrono::milliseconds{0});
    const auto session = scheduler_side.asked.session;
    coordinator().clock().advance_time(std::chrono::milliseconds{5000});
    caf::anon_send(worker_side, gateway_found{scheduler_handle, "secret"});
    deliver();
    EXPECT_EQ(scheduler_side.asked.session, session);
}

TEST_F(late_welcome, that_took_longer_than_a_worker_may_be_silent_starts_nothing) {
    welcome_after(std::chrono::milliseconds{5000});
    EXPECT_THAT(launcher.running, IsEmpty()) << "the scheduler may have given this worker up";
}

TEST_F(system_test, tasks_of_a_lost_worker_run_again_elsewhere) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
    run();
    const auto orphans = std::exchange(launcher.running, {});
    start_worker("other", false);
    EXPECT_THAT(launcher.running, IsEmpty()) << "both hosts still hold the tasks of w";
    pass(std::chrono::milliseconds{11'000});
    EXPECT_EQ(counts().backoff + counts().running + counts().ready, 4U);
    pass(std::chrono::milliseconds{1'100});
    for (int i = 0; i < 4; ++i) {
        end_all();
        pass(std::chrono::milliseconds{1'100});
    }
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(statuses->attempts(job_id{"j"}, node_id{"h1:1"}, 10).size(), 2U) << "a lost one and a true one";
}

TEST_F(system_test, a_second_worker_of_the_same_name_has_to_wait) {
    start_scheduler(one_job);
    start_worker("w", false);
    auto second = start_worker("w", false);
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->workers, SizeIs(1));
}

TEST_F(system_test, a_wrong_secret_or_version_is_refused) {
    start_scheduler(one_job);
    EXPECT_FALSE(ask<jobs_answer>(gateway, jobs_asked{"wrong"}));
    EXPECT_TRUE(ask<jobs_answer>(gateway, jobs_asked{"secret"}));
    hello m;
    m.secret = "secret";
    m.who.info.shard = shard_name{"w"};
    m.version = 99;
    EXPECT_FALSE(ask<welcome>(gateway, m));
}

TEST_F(system_test, a_peer_of_any_version_learns_that_of_the_scheduler) {
    start_scheduler(one_job);
    EXPECT_EQ(ask<protocol_answer>(gateway, protocol_asked{protocol_version + 1})->version, protocol_version);
    EXPECT_EQ(ask<protocol_answer>(gateway, protocol_asked{protocol_version})->version, protocol_version);
    EXPECT_EQ(caf::type_id<protocol_asked>::value, caf::first_custom_type_id) << "this stays for good";
}

// What it runs would be run again here.
TEST_F(system_test, a_member_of_another_cluster_is_refused) {
    start_scheduler(one_job);
    hello m;
    m.secret = "secret";
    m.who.info = {shard_name{"w"}, "host", {}};
    m.worker = caf::actor_cast<caf::strong_actor_ptr>(spawn_worker("w", false));
    m.cluster = 2;
    EXPECT_FALSE(ask<welcome>(gateway, m));
    m.cluster = 1;
    EXPECT_TRUE(ask<welcome>(gateway, m));
}

TEST_F(system_test, a_worker_without_its_reaper_ends) {
    start_scheduler(one_job);
    launcher.reaper_is_gone = true;
    start_worker("w", false);
    end_all();
    ASSERT_THAT(ended_workers, SizeIs(1));
    EXPECT_THAT(ended_workers[0], HasSubstr("bistro.reaper"));
}

// As where scheduler and workers are restarted one after the other.
TEST_F(system_test, a_worker_that_stops_while_its_scheduler_is_away_hands_its_results_to_the_next_one) {
    start_scheduler(one_job);
    const auto worker = start_worker("w", false);
    ASSERT_THAT(launcher.running, SizeIs(2));
    end_scheduler();
    caf::anon_send(worker, stop_worker{});
    run();
    launcher.end_all({0, 0, "done\n", {}});
    pass(std::chrono::milliseconds{3'000});
    EXPECT_THAT(ended_workers, IsEmpty());
    start_scheduler(one_job);
    meet(worker);
    EXPECT_EQ(counts().done, 2U);
    EXPECT_THAT(ended_workers, SizeIs(1));
    EXPECT_EQ(launcher.launched, 2U);
}

TEST_F(system_test, a_worker_that_is_refused_for_a_while_says_so_and_ends) {
    start_scheduler(one_job);
    auto worker = spawn_worker("w", false);
    const auto try_to_join = [&](const std::string& with) {
        caf::anon_send(worker, gateway_found{caf::actor_cast<caf::strong_actor_ptr>(gateway), with});
        run();
    };
    try_to_join("");
    pass(std::chrono::milliseconds{refusal_patience_ms});
    try_to_join("secret");
    EXPECT_THAT(launcher.running, SizeIs(2)) << "the scheduler's secret may come later than its port";
    worker = spawn_worker("v", false);
    try_to_join("wrong");
    pass(std::chrono::milliseconds{refusal_patience_ms});
    EXPECT_THAT(ended_workers, IsEmpty());
    try_to_join("wrong");
    pass(std::chrono::milliseconds{farewell_wait_ms});
    EXPECT_THAT(ended_workers, ElementsAre("the scheduler refuses it: its secret is not that of this scheduler"));
}

}  // namespace
}  // namespace bistro
