#include "model/backoff.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

using ending = backoff_policy::ending;

TEST(backoff, walks_its_delays_then_repeats_the_last) {
    const backoff_policy policy{{15, 30, 60}, ending::repeat};
    EXPECT_EQ(policy.delay_s(0), 15);
    EXPECT_EQ(policy.delay_s(2), 60);
    EXPECT_EQ(policy.delay_s(100), 60);
}

TEST(backoff, fails_after_its_delays) {
    const backoff_policy policy{{15}, ending::fail};
    EXPECT_EQ(policy.delay_s(0), 15);
    EXPECT_EQ(policy.delay_s(1), std::nullopt);
}

TEST(backoff, fail_alone_is_legal_and_an_incomplete_task_then_waits_a_minute) {
    const backoff_policy policy{{}, ending::fail};
    EXPECT_EQ(policy.problem(), "");
    EXPECT_EQ(policy.delay_s(0), std::nullopt);
    EXPECT_EQ(policy.incomplete_delay_s(0), 60);
}

TEST(backoff, an_incomplete_task_never_runs_out_of_delays) {
    EXPECT_EQ((backoff_policy{{5, 9}, ending::fail}.incomplete_delay_s(7)), 9);
}

TEST(backoff, problems) {
    EXPECT_NE((backoff_policy{{}, ending::repeat}.problem()), "");
    EXPECT_NE((backoff_policy{{0}, ending::fail}.problem()), "");
    EXPECT_NE((backoff_policy{{-5}, ending::fail}.problem()), "");
    EXPECT_NE((backoff_policy{{10, 10}, ending::fail}.problem()), "");
    EXPECT_NE((backoff_policy{{30, 15}, ending::repeat}.problem()), "");
    EXPECT_EQ((backoff_policy{{15, 30}, ending::repeat}.problem()), "");
}

}  // namespace
}  // namespace bistro
