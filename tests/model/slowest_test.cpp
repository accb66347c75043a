#include "model/slowest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bistro {
namespace {

TEST(slowest_tasks, are_the_longest_in_their_order) {
    std::mt19937_64 random{1};
    std::vector<timed_task> all;
    slowest_tasks slowest;
    for (int i = 0; i < 1000; ++i) {
        all.push_back({node_id{std::to_string(i)}, static_cast<time_ms>(random() % 300)});
        slowest.add(all.back().node, all.back().took_ms);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.took_ms > b.took_ms; });
    all.resize(slowest_tasks::kept);
    EXPECT_EQ(slowest.longest(), all);
}

TEST(slowest_tasks, are_named_once_with_their_longest_attempt) {
    slowest_tasks slowest;
    slowest.add(node_id{"a"}, 5);
    slowest.add(node_id{"b"}, 7);
    slowest.add(node_id{"a"}, 9);
    slowest.add(node_id{"b"}, 1);
    EXPECT_EQ(slowest.longest(), (std::vector<timed_task>{{node_id{"a"}, 9}, {node_id{"b"}, 7}}));
}

}  // namespace
}  // namespace bistro
