#include "model/worker_side.hpp"

#include <gmock/gmock.h>

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using reception = worker_side::reception;
using meaning = worker_side::refusal_meaning;
using wakeup = worker_side::wakeup;

class worker_side_test : public ::testing::Test {
protected:
    worker_side_test() {
        timeouts.heartbeat_ms = 1'000;
        timeouts.unhealthy_after_ms = 3'000;
        timeouts.lost_after_ms = 20'000;
        timeouts.kill_ms = 5'000;
        deadline = timeouts.worker_deadline_ms();
    }
    // Says hello and is welcomed, both at `now`.
    void join(time_ms now) {
        side.connected();
        const auto hello = side.say_hello(now);
        ASSERT_TRUE(hello);
        side.welcomed(hello->session, hello_verdict::joined, worker_index{3}, timeouts, now);
        ASSERT_TRUE(side.is_member());
    }
    start_tasks orders(const std::vector<std::uint64_t>& invocations, const std::string& program = "work") {
        start_tasks m;
        m.session = side.session();
        job_command command;
        command.job = job_id{"j"};
        command.command = {program};
        command.demands.worker = {{"cpu", 2}};
        m.commands.push_back(std::move(command));
        for (auto id : invocations) {
            task_order order;
            order.invocation = invocation_id{id};
            order.job = job_id{"j"};
            order.node = node_id{"n"};
            order.path = {"n", "instance"};
            m.tasks.push_back(std::move(order));
        }
        return m;
    }
    static attempt_end end_of(std::uint64_t id) {
        attempt_end end;
        end.invocation = invocation_id{id};
        end.result = attempt_result::done;
        return end;
    }

    liveness_timeouts timeouts;
    time_ms deadline = 0;
    worker_side side{100, false};
};

TEST_F(worker_side_test, a_hello_needs_a_connection_and_voids_the_one_before_it) {
    EXPECT_FALSE(side.say_hello(0)) << "there is nobody to say it to";
    EXPECT_EQ(side.wake(0), wakeup::nothing);
    side.connected();
    EXPECT_EQ(side.wake(0), wakeup::say_hello);
    const auto first = side.say_hello(0);
    ASSERT_TRUE(first);
    EXPECT_FALSE(side.say_hello(0)) << "one is under way";
    side.connected();  // anew
    const auto second = side.say_hello(1);
    ASSERT_TRUE(second);
    EXPECT_GT(second->session, first->session);
    EXPECT_EQ(side.welcomed(first->session, hello_verdict::joined, worker_index{1}, timeouts, 2), reception::void_);
    EXPECT_FALSE(side.is_member());
    EXPECT_EQ(side.welcomed(second->session, hello_verdict::joined, worker_index{1}, timeouts, 2), reception::joined);
    EXPECT_TRUE(side.is_member());
    EXPECT_EQ(side.wake(3), wakeup::send_heartbeat);
    EXPECT_EQ(side.next_wake_ms(3), timeouts.heartbeat_ms);
}

TEST_F(worker_side_test, a_welcome_that_was_on_its_way_for_too_long_says_nothing) {
    side.connected();
    const auto hello = side.say_hello(0);
    EXPECT_EQ(side.welcomed(hello->session, hello_verdict::joined, worker_index{1}, timeouts, deadline),
              reception::not_yet);
    EXPECT_FALSE(side.is_member());
    EXPECT_TRUE(side.say_hello(deadline)) << "and it asks again";
}

TEST_F(worker_side_test, a_taken_shard_is_asked_for_again_and_who_was_given_up_stops) {
    side.connected();
    auto hello = side.say_hello(0);
    EXPECT_EQ(side.welcomed(hello->session, hello_verdict::shard_taken, {}, timeouts, 1), reception::not_yet);
    EXPECT_EQ(side.next_wake_ms(1), hello_retry_wait_ms);
    EXPECT_EQ(side.wake(500), wakeup::say_hello);
    hello = side.say_hello(500);
    EXPECT_EQ(side.welcomed(hello->session, hello_verdict::given_up, {}, timeouts, 501), reception::given_up);
}

TEST_F(worker_side_test, a_newcomer_that_is_refused_is_patient_for_a_while_and_a_member_until_its_deadline) {
    side.connected();
    auto hello = side.say_hello(0);
    EXPECT_EQ(side.refused(hello->session, 0), meaning::first);
    EXPECT_FALSE(side.say_hello(0)) << "the connection counts as lost";
    side.connected();
    hello = side.say_hello(refusal_patience_ms - 1);
    EXPECT_EQ(side.refused(hello->session, refusal_patience_ms - 1), meaning::again);
    side.connected();
    hello = side.say_hello(refusal_patience_ms);
    EXPECT_EQ(side.refused(hello->session - 1, refusal_patience_ms), meaning::void_);
    EXPECT_EQ(side.refused(hello->session, refusal_patience_ms), meaning::final);

    side = worker_side{100, false};
    join(0);
    side.disconnected();
    for (time_ms now : {1, 6'000}) {
        side.connected();
        hello = side.say_hello(now);
        EXPECT_NE(side.refused(hello->session, now), meaning::final);
    }
}

TEST_F(worker_side_test, silence_is_not_refusal) {
    side.connected();
    auto hello = side.say_hello(0);
    EXPECT_EQ(side.refused(hello->session, 0), meaning::first);
    side.connected();
    hello = side.say_hello(4'000);
    EXPECT_TRUE(side.unanswered(hello->session));
    EXPECT_FALSE(side.unanswered(hello->session - 1));
    side.connected();
    hello = side.say_hello(9'000);
    EXPECT_EQ(side.refused(hello->session, 9'000), meaning::first) << "patience begins anew";
}

TEST_F(worker_side_test, silence_has_a_deadline_which_counts_from_what_was_answered) {
    join(0);
    EXPECT_FALSE(side.overdue(deadline - 1));
    EXPECT_TRUE(side.overdue(deadline));
    EXPECT_TRUE(side.heard(side.session(), 2'000));
    EXPECT_TRUE(side.heard(side.session(), 1'000)) << "an answer that was overtaken";
    EXPECT_FALSE(side.heard(side.session() - 1, 9'000));
    EXPECT_FALSE(side.overdue(deadline + 1'999));
    EXPECT_TRUE(side.overdue(deadline + 2'000));
    EXPECT_EQ(side.left_to_live(2'500), timeouts.reaper_deadline_ms() - 500);
    EXPECT_EQ(side.left_to_live(1'000'000), 0);
    EXPECT_EQ(side.next_wake_ms(deadline + 1'900), 100) << "it wakes when the deadline is over";
    side.disconnected();
    EXPECT_EQ(side.wake(deadline + 2'000), wakeup::stop) << "with or without a connection";
    side.connected();
    EXPECT_FALSE(side.say_hello(deadline + 2'000)) << "it may have been given up and forgotten";
}

TEST_F(worker_side_test, a_local_worker_has_no_deadline) {
    side = worker_side{1, true};
    join(0);
    EXPECT_FALSE(side.overdue(1'000'000));
    EXPECT_FALSE(side.left_to_live(0));
}

TEST_F(worker_side_test, an_order_is_carried_out_once_and_otherwise_answered) {
    join(0);
    auto done = side.take_orders(orders({7, 8}), 1);
    ASSERT_THAT(done.launches, SizeIs(2));
    EXPECT_EQ(done.launches[1].order->invocation, invocation_id{8});
    EXPECT_THAT(done.launches[1].command->command, ElementsAre("work"));
    EXPECT_THAT(done.ends, IsEmpty());

    done = side.take_orders(orders({7, 8}), 1);
    EXPECT_THAT(done.launches, IsEmpty());
    EXPECT_THAT(done.ends, IsEmpty()) << "they run, which is answer enough";
    side.ended(end_of(7), 0);
    EXPECT_THAT(side.take_orders(orders({7}), 1).ends, IsEmpty()) << "its result is under way";
    side.acknowledged(side.session(), {invocation_id{7}});
    done = side.take_orders(orders({7, 6}), 1);
    EXPECT_THAT(done.launches, IsEmpty());
    ASSERT_THAT(done.ends, SizeIs(2));
    EXPECT_EQ(done.ends[0].end.result, attempt_result::never_started);

    auto stale = orders({9});
    stale.session -= 1;
    done = side.take_orders(std::move(stale), 1);
    EXPECT_THAT(done.launches, IsEmpty());
    EXPECT_THAT(done.ends, IsEmpty()) << "its session is void, and the pool knows";

    done = side.take_orders(orders({9}), deadline);
    EXPECT_THAT(done.launches, IsEmpty());
    EXPECT_THAT(done.ends, SizeIs(1)) << "the worker may have been given up";
}

TEST_F(worker_side_test, an_order_of_an_unknown_job_is_answered) {
    join(0);
    auto unknown = orders({7});
    unknown.commands.clear();
    const auto done = side.take_orders(std::move(unknown), 1);
    EXPECT_THAT(done.launches, IsEmpty());
    ASSERT_THAT(done.ends, SizeIs(1));
    EXPECT_EQ(done.ends[0].end.reason, "the worker does not know the job");
}

TEST_F(worker_side_test, a_null_task_is_done_at_once_and_kept_until_it_is_acknowledged) {
    join(0);
    const auto done = side.take_orders(orders({7}, std::string{null_command}), 1);
    EXPECT_THAT(done.launches, IsEmpty());
    ASSERT_THAT(done.ends, SizeIs(1));
    EXPECT_EQ(done.ends[0].end.result, attempt_result::done);
    EXPECT_THAT(side.results(), SizeIs(1));
    side.acknowledged(side.session(), {invocation_id{7}});
    EXPECT_THAT(side.results(), IsEmpty());
}

TEST_F(worker_side_test, orders_before_the_welcome_wait_for_it) {
    side.connected();
    const auto hello = side.say_hello(0);
    EXPECT_THAT(side.take_orders(orders({7}), 0).launches, IsEmpty());
    EXPECT_THAT(side.take_orders(orders({8}), 0).launches, IsEmpty());
    side.welcomed(hello->session, hello_verdict::joined, worker_index{1}, timeouts, 1);
    EXPECT_THAT(side.take_early_orders(1).launches, SizeIs(2));
    EXPECT_THAT(side.take_early_orders(1).launches, IsEmpty());
}

TEST_F(worker_side_test, each_pool_has_ids_of_its_own_that_grow) {
    join(0);
    side.take_orders_of(2);
    EXPECT_THAT(side.take_orders(orders({101}), 1).launches, SizeIs(1));
    EXPECT_THAT(side.take_orders(orders({8}), 1).launches, SizeIs(1)) << "of the other one";
    EXPECT_THAT(side.take_orders(orders({99}), 1).launches, IsEmpty());
    EXPECT_THAT(side.take_orders(orders({6}), 1).launches, IsEmpty());
    side.take_orders_of(2);
    EXPECT_THAT(side.take_orders(orders({10}), 1).launches, SizeIs(1)) << "another hello to the same pools";
    side.take_orders_of(3);
    EXPECT_THAT(side.take_orders(orders({12}), 1).launches, IsEmpty()) << "of an earlier life";
    EXPECT_THAT(side.take_orders(orders({102, 103, 104}), 1).launches, SizeIs(3));
}

TEST_F(worker_side_test, too_many_early_orders_make_another_hello) {
    side.connected();
    side.say_hello(0);
    for (std::size_t i = 0; i < max_early_orders; ++i) EXPECT_FALSE(side.take_orders(orders({}), 0).too_many);
    EXPECT_TRUE(side.take_orders(orders({}), 0).too_many);
    const auto again = side.say_hello(1);
    ASSERT_TRUE(again);
    side.welcomed(again->session, hello_verdict::joined, worker_index{1}, timeouts, 1);
    EXPECT_THAT(side.take_early_orders(1).launches, IsEmpty());
}

TEST_F(worker_side_test, the_next_hello_tells_what_runs_and_what_is_not_acknowledged) {
    join(0);
    side.take_orders(orders({7, 8}), 5);
    ASSERT_TRUE(side.ended(end_of(8), 0));
    EXPECT_FALSE(side.ended(end_of(8), 0)) << "known";
    side.disconnected();
    side.connected();
    const auto hello = side.say_hello(10);
    ASSERT_TRUE(hello);
    ASSERT_THAT(hello->running, SizeIs(1));
    EXPECT_EQ(hello->running[0].invocation, invocation_id{7});
    EXPECT_EQ(hello->running[0].started_ms, 5);
    EXPECT_EQ(hello->running[0].demands.worker, (amounts{{"cpu", 2}})) << "what it was started with";
    ASSERT_THAT(hello->unacknowledged, SizeIs(1));
    EXPECT_EQ(hello->unacknowledged[0].end.invocation, invocation_id{8});
}

TEST_F(worker_side_test, who_stops_takes_no_tasks_and_ends_when_all_is_told) {
    join(0);
    side.take_orders(orders({7}), 0);
    EXPECT_TRUE(side.stop(0));
    EXPECT_FALSE(side.stop(0));
    const auto refused = side.take_orders(orders({8}), 0);
    EXPECT_THAT(refused.launches, IsEmpty());
    EXPECT_THAT(refused.ends, SizeIs(1));
    EXPECT_FALSE(side.may_end());
    EXPECT_EQ(side.wake(1), wakeup::send_heartbeat) << "it is a member until the last task has ended";
    side.ended(end_of(7), 0);
    EXPECT_FALSE(side.may_end()) << "its result is not acknowledged";
    side.acknowledged(side.session(), {invocation_id{7}});
    EXPECT_TRUE(side.may_end());
}

TEST_F(worker_side_test, a_stopping_worker_does_not_wait_for_ever_for_its_results) {
    join(0);
    side.take_orders(orders({7}), 0);
    side.stop(0);
    side.ended(end_of(7), 0);
    EXPECT_EQ(side.wake(farewell_wait_ms - 1), wakeup::send_heartbeat);
    EXPECT_EQ(side.next_wake_ms(farewell_wait_ms - 1), 1);
    EXPECT_EQ(side.wake(farewell_wait_ms), wakeup::end);
    EXPECT_TRUE(side.may_end());
    EXPECT_EQ(side.lost_results(), 1U) << "who ended it learns that";
}

TEST_F(worker_side_test, a_stopping_worker_without_a_connection_hands_its_results_back_when_there_is_one_again) {
    join(0);
    side.take_orders(orders({7}), 0);
    side.disconnected();
    side.stop(0);
    side.ended(end_of(7), 0);
    EXPECT_EQ(side.wake(farewell_wait_ms), wakeup::nothing) << "there may be one before its deadline";
    side.connected();
    const auto hello = side.say_hello(farewell_wait_ms);
    ASSERT_TRUE(hello);
    EXPECT_THAT(hello->unacknowledged, SizeIs(1));
    EXPECT_EQ(side.welcomed(hello->session, hello_verdict::rejoined, worker_index{3}, timeouts, farewell_wait_ms),
              reception::rejoined);
    side.acknowledged(side.session(), {invocation_id{7}});
    EXPECT_TRUE(side.may_end());
    EXPECT_EQ(side.lost_results(), 0U);
}

TEST_F(worker_side_test, without_a_connection_its_deadline_ends_it) {
    join(0);
    side.take_orders(orders({7}), 0);
    side.disconnected();
    side.stop(0);
    side.ended(end_of(7), 0);
    EXPECT_EQ(side.wake(deadline), wakeup::stop);
    EXPECT_TRUE(side.may_end());
    EXPECT_EQ(side.lost_results(), 1U);
}

TEST_F(worker_side_test, what_is_of_an_earlier_session_is_dropped_and_counted) {
    join(0);
    side.take_orders(orders({7}, std::string{null_command}), 1);
    side.acknowledged(side.session() - 1, {invocation_id{7}});
    EXPECT_THAT(side.results(), SizeIs(1));
    auto stale = orders({8});
    stale.session -= 1;
    side.take_orders(std::move(stale), 1);
    EXPECT_EQ(side.fenced(), 2U);
}

}  // namespace
}  // namespace bistro
