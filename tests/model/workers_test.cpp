#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "model/liveness.hpp"
#include "model/worker_registry.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

worker_instance worker(const std::string& shard, std::uint64_t instance) {
    worker_instance w;
    w.info.shard = shard_name{shard};
    w.info.host = "host";
    w.instance = instance;
    w.timeouts = {1'000, 3'000, 10'000, 2'000};
    return w;
}

TEST(liveness, a_worker_is_healthy_then_unhealthy_then_lost) {
    const liveness_timeouts t{1'000, 3'000, 10'000, 2'000};
    EXPECT_EQ(health_after(0, t), worker_health::healthy);
    EXPECT_EQ(health_after(2'999, t), worker_health::healthy);
    EXPECT_EQ(health_after(3'000, t), worker_health::unhealthy);
    EXPECT_EQ(health_after(10'000, t), worker_health::lost);
}

TEST(liveness, a_worker_with_a_slow_clock_is_dead_before_it_counts_as_lost) {
    const liveness_timeouts t;
    const auto at_most = static_cast<double>(t.worker_deadline_ms() + t.kill_ms) / (1.0 - max_clock_skew);
    EXPECT_LE(at_most, static_cast<double>(t.lost_after_ms) + static_cast<double>(t.kill_ms) * 0.02);
    EXPECT_LT(t.worker_deadline_ms() + t.kill_ms, t.lost_after_ms);
}

TEST(liveness, timeouts_that_cannot_hold_are_refused) {
    EXPECT_EQ(liveness_timeouts{}.problem(), "");
    EXPECT_NE((liveness_timeouts{0, 1, 2, 1}.problem()), "");
    EXPECT_NE((liveness_timeouts{1'000, 1'000, 10'000, 1'000}.problem()), "");
    EXPECT_NE((liveness_timeouts{1'000, 3'000, 3'000, 1'000}.problem()), "");
    EXPECT_NE((liveness_timeouts{1'000, 3'000, 10'000, 9'500}.problem()), "") << "no time left to kill";
}

TEST(worker_registry, the_same_instance_comes_back_as_itself) {
    worker_registry r;
    const auto first = r.hello(worker("a", 1), 1, 0);
    EXPECT_EQ(first->verdict, hello_verdict::joined);
    EXPECT_TRUE(r.disconnected(first->worker, 1));
    const auto again = r.hello(worker("a", 1), 1, 5'000);
    EXPECT_EQ(again->verdict, hello_verdict::rejoined);
    EXPECT_EQ(again->worker, first->worker);
    EXPECT_EQ(r.find(first->worker)->health, worker_health::healthy);
}

TEST(worker_registry, a_hello_that_comes_late_over_an_older_connection_counts_for_nothing) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    EXPECT_EQ(r.hello(worker("a", 1), 0, 1), std::nullopt);
    EXPECT_TRUE(r.hello(worker("a", 1), 2, 2));
    EXPECT_EQ(r.find(w)->session, 2u);
    constexpr auto last = std::numeric_limits<std::uint64_t>::max();
    EXPECT_TRUE(r.hello(worker("b", 2), last, 2));
    EXPECT_TRUE(r.hello(worker("b", 2), 0, 3)) << "sessions count on past the end of the range";
    EXPECT_EQ(r.hello(worker("b", 2), last, 4), std::nullopt);
    r.restore(worker("c", 3), 5);
    EXPECT_TRUE(r.hello(worker("c", 3), 7, 6)) << "of another life of the scheduler, nothing is known";
}

TEST(worker_registry, a_second_worker_of_a_shard_waits_until_the_first_is_lost) {
    worker_registry r;
    r.hello(worker("a", 1), 1, 0);
    EXPECT_EQ(r.hello(worker("a", 2), 1, 5'000)->verdict, hello_verdict::shard_taken);
    r.advance(10'000);
    EXPECT_EQ(r.hello(worker("a", 2), 1, 10'001)->verdict, hello_verdict::joined);
    EXPECT_EQ(r.hello(worker("a", 1), 1, 10'002)->verdict, hello_verdict::given_up) << "the loser must exit";
}

TEST(worker_registry, who_is_not_recorded_yet_is_new) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    EXPECT_EQ(r.find(w)->health, worker_health::fresh);
    EXPECT_THAT(r.advance(100), IsEmpty());
    r.confirm(w);
    EXPECT_EQ(r.find(w)->health, worker_health::healthy);
}

TEST(worker_registry, names_stand_in_logs) {
    EXPECT_EQ(shard_name_problem("bigbox 1 é"), "");
    for (const std::string& bad : {std::string{}, std::string{"a\nb"}, std::string{"\x1b[31m"}, std::string(2000, 'x')})
        EXPECT_NE(shard_name_problem(bad), "");
}

TEST(worker_registry, silence_makes_unhealthy_then_lost_and_a_heartbeat_well) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    r.confirm(w);
    EXPECT_THAT(r.advance(2'000), IsEmpty());
    ASSERT_EQ(r.advance(3'000).size(), 1U);
    EXPECT_TRUE(r.heard(w, 1, 4'000));
    const auto well = r.advance(4'100);
    ASSERT_EQ(well.size(), 1U);
    EXPECT_EQ(well[0].health, worker_health::healthy);
    const auto lost = r.advance(14'000);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost[0].health, worker_health::lost);
    EXPECT_THAT(r.members(), IsEmpty());
    EXPECT_FALSE(r.heard(w, 1, 14'001));
}

TEST(worker_registry, a_heartbeat_of_another_instance_counts_for_nothing) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    EXPECT_FALSE(r.heard(w, 2, 100));
    EXPECT_FALSE(r.heard(worker_index{7}, 1, 100));
}

TEST(worker_registry, a_restored_worker_is_awaited_until_it_is_back_or_lost) {
    worker_registry r;
    r.restore(worker("a", 1), 0);
    r.restore(worker("b", 2), 0);
    EXPECT_THAT(r.awaited(), ElementsAre(shard_name{"a"}, shard_name{"b"}));
    const auto back = r.hello(worker("a", 1), 1, 100);
    EXPECT_EQ(back->verdict, hello_verdict::rejoined);
    EXPECT_THAT(r.awaited(), ElementsAre(shard_name{"a"}, shard_name{"b"})) << "its tasks are not accounted for";
    r.confirm(back->worker);
    EXPECT_THAT(r.awaited(), ElementsAre(shard_name{"b"}));
    r.advance(9'999);
    EXPECT_THAT(r.awaited(), ElementsAre(shard_name{"b"}));
    r.advance(10'000);
    EXPECT_THAT(r.awaited(), IsEmpty());
}

TEST(worker_registry, a_member_keeps_longer_timeouts_and_takes_longer_ones) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    auto shorter = worker("a", 1);
    shorter.timeouts.lost_after_ms = 5'000;
    r.hello(shorter, 1, 100);
    EXPECT_EQ(r.find(w)->who.timeouts.lost_after_ms, 10'000) << "it may never hear of the shorter ones";
    auto longer = worker("a", 1);
    longer.timeouts.lost_after_ms = 20'000;
    r.hello(longer, 1, 200);
    EXPECT_EQ(r.find(w)->who.timeouts.lost_after_ms, 20'000);
}

TEST(worker_registry, who_leaves_is_known_as_such) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    EXPECT_FALSE(r.leaves(w, 2)) << "another instance";
    EXPECT_FALSE(r.find(w)->leaving);
    EXPECT_TRUE(r.leaves(w, 1));
    EXPECT_TRUE(r.find(w)->leaving);
}

TEST(worker_registry, one_that_left_is_gone_at_once) {
    worker_registry r;
    const auto w = r.hello(worker("a", 1), 1, 0)->worker;
    EXPECT_FALSE(r.left(w, 9));
    EXPECT_TRUE(r.left(w, 1));
    EXPECT_EQ(r.hello(worker("a", 2), 1, 1)->verdict, hello_verdict::joined);
}

}  // namespace
}  // namespace bistro
