#include "model/pace.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

constexpr time_ms start = 1'000'000'000;

TEST(pace, nothing_is_known_before_the_first_task_has_finished) {
    const pace p;
    EXPECT_EQ(p.rate(start), 0);
    EXPECT_FALSE(p.left(10, start));
}

TEST(pace, a_steady_job) {
    pace p;
    for (time_ms t = 1'000; t <= 100'000; t += 1'000) p.finished(start + t, 2'000);
    EXPECT_NEAR(p.rate(start + 100'000), 1, 0.02);
    const auto left = p.left(600, start + 100'000);
    ASSERT_TRUE(left);
    EXPECT_NEAR(left->likely_s, 600, 10);
    EXPECT_LT(left->low_s, left->likely_s);
    EXPECT_GT(left->high_s, left->likely_s);
    EXPECT_FALSE(p.left(0, start + 100'000)) << "it is through";
}

TEST(pace, the_spread_shrinks_with_what_has_been_seen) {
    pace few;
    pace many;
    for (time_ms i = 1; i <= 4; ++i) few.finished(start + i * 1'000, 1'000);
    for (time_ms i = 1; i <= 200; ++i) many.finished(start + i * 1'000, 1'000);
    const auto spread = [](const time_left& l) { return (l.high_s - l.low_s) / l.likely_s; };
    EXPECT_GT(spread(*few.left(100, start + 4'000)), 2 * spread(*many.left(100, start + 200'000)));
}

TEST(pace, what_was_long_ago_does_not_count) {
    pace p;
    for (time_ms i = 0; i < 1'000; ++i) p.finished(start + i, 10);
    const auto later = start + static_cast<time_ms>(pace::buckets + 1) * pace::bucket_ms;
    EXPECT_EQ(p.rate(later), 0);
    EXPECT_FALSE(p.left(10, later));
    p.finished(later, 1'000);
    EXPECT_LT(p.rate(later), 0.02) << "one in five minutes";
}

// Jobs with as many workers as there are, and durations of any kind: the bounds hold most of the time.
TEST(pace, the_bounds_hold_most_of_the_time) {
    test::for_each_seed(1, [](std::uint64_t seed) {
        std::mt19937_64 random{seed};
        int held = 0;
        constexpr int trials = 200;
        for (int trial = 0; trial < trials; ++trial) {
            pace p;
            constexpr int tasks = 400;
            std::vector<time_ms> slots(8, start);
            std::vector<std::pair<time_ms, time_ms>> ends;
            std::exponential_distribution<double> duration{1.0 / 3'000};
            for (int i = 0; i < tasks; ++i) {
                auto& slot = *std::min_element(slots.begin(), slots.end());
                const auto took = static_cast<time_ms>(duration(random));
                slot += took;
                ends.emplace_back(slot, took);
            }
            std::sort(ends.begin(), ends.end());
            for (int i = 0; i < tasks / 2; ++i) p.finished(ends[i].first, ends[i].second);
            const auto now = ends[tasks / 2 - 1].first;
            const auto truth = static_cast<double>(ends.back().first - now) / 1000;
            const auto left = p.left(tasks / 2, now);
            held += left->low_s <= truth && truth <= left->high_s ? 1 : 0;
        }
        EXPECT_GT(held, trials * 17 / 20);
    });
}

}  // namespace
}  // namespace bistro
