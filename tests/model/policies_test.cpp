#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "model/policies/job_queue.hpp"

namespace bistro {
namespace {

candidate job(std::uint32_t index, double priority, std::uint64_t unfinished = 0, double share = 0,
              std::uint64_t served = 0) {
    return {job_index{index}, priority, unfinished, share, served};
}

// The position within `candidates` of the one that is served next, where they stand in two queues, in turn.
std::size_t choose(const policy& rule, const std::vector<candidate>& candidates, random_source& random) {
    std::vector<job_queue> queues(2);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        auto& queue = queues[i % 2];
        queue.set(queue.add(candidates[i].job), rule.prefer(candidates[i]));
    }
    std::vector<const job_queue*> filled;
    for (const auto& queue : queues)
        if (!queue.empty()) filled.push_back(&queue);
    const auto job = choose(rule, filled, random);
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.job == job; });
    return static_cast<std::size_t>(found - candidates.begin());
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

TEST(job_queue, who_leaves_is_not_served_and_places_are_used_again) {
    job_queue queue;
    const auto rule = make_policy(policy_kind::round_robin);
    std::vector<job_queue::place> places;
    for (std::uint32_t i = 0; i < 5; ++i) {
        places.push_back(queue.add(job_index{i}));
        queue.set(places[i], rule->prefer(job(i, 1, 0, 0, 10 - i)));
    }
    EXPECT_EQ(queue.first().job, job_index{4});
    queue.clear(places[4]);
    EXPECT_EQ(queue.first().job, job_index{3});
    queue.set(places[3], rule->prefer(job(3, 1, 0, 0, 20)));
    EXPECT_EQ(queue.first().job, job_index{2});
    queue.remove(places[2]);
    EXPECT_EQ(queue.count(), 3U);
    EXPECT_EQ(queue.add(job_index{7}), places[2]);
    EXPECT_EQ(queue.count(), 3U) << "not in the queue yet";
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
