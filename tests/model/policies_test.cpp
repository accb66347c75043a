#include "model/policies/policy.hpp"

#include <gtest/gtest.h>

#include <map>

namespace bistro {
namespace {

candidate job(std::uint32_t index, double priority, std::uint64_t unfinished = 0, double share = 0,
              std::uint64_t served = 0) {
    return {job_index{index}, priority, unfinished, share, served};
}

std::size_t choose(policy_kind kind, const std::vector<candidate>& candidates) {
    random_source random{1};
    return choose(*make_policy(kind), candidates, random);
}

TEST(policies, round_robin_serves_who_was_served_longest_ago) {
    EXPECT_EQ(choose(policy_kind::round_robin, {job(0, 1, 0, 0, 7), job(1, 9, 0, 0, 3), job(2, 1, 0, 0, 5)}), 1U);
    EXPECT_EQ(choose(policy_kind::round_robin, {job(4, 1), job(2, 1)}), 1U) << "then the first";
}

TEST(policies, ranked_priority_serves_the_highest_and_takes_turns_among_equals) {
    EXPECT_EQ(choose(policy_kind::ranked_priority, {job(0, 1), job(1, 5, 0, 0, 9), job(2, 5, 0, 0, 8)}), 2U);
}

TEST(policies, long_tail_serves_the_fewest_unfinished) {
    EXPECT_EQ(choose(policy_kind::long_tail, {job(0, 1, 100), job(1, 1, 3), job(2, 9, 50)}), 1U);
}

TEST(policies, fair_serves_the_smallest_share_for_its_priority) {
    EXPECT_EQ(choose(policy_kind::fair, {job(0, 1, 0, 0.4), job(1, 2, 0, 0.6), job(2, 1, 0, 0.5)}), 1U);
    EXPECT_EQ(choose(policy_kind::fair, {job(0, 0, 0, 0.0), job(1, 1, 0, 0.9)}), 1U) << "no priority comes last";
}

TEST(policies, randomized_priority_is_proportional) {
    random_source random{42};
    const auto policy = make_policy(policy_kind::randomized_priority);
    const std::vector<candidate> candidates{job(0, 1), job(1, 3), job(2, 0)};
    std::map<std::size_t, int> counts;
    for (int i = 0; i < 10'000; ++i) ++counts[choose(*policy, candidates, random)];
    EXPECT_NEAR(counts[0], 2500, 200);
    EXPECT_NEAR(counts[1], 7500, 200);
    EXPECT_EQ(counts[2], 0);
}

TEST(policies, randomized_priority_serves_somebody_even_without_priorities) {
    EXPECT_LT(choose(policy_kind::randomized_priority, {job(0, 0), job(1, 0)}), 2U);
}

TEST(policies, names_go_both_ways) {
    for (auto kind : {policy_kind::round_robin, policy_kind::randomized_priority, policy_kind::ranked_priority,
                      policy_kind::long_tail, policy_kind::fair})
        EXPECT_EQ(parse_policy_kind(to_string(kind)), kind);
    EXPECT_EQ(parse_policy_kind("roundrobin"), policy_kind::round_robin);
    EXPECT_FALSE(parse_policy_kind("best"));
}

}  // namespace
}  // namespace bistro
