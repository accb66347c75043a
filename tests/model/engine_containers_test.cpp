// The containers of the engine that are made for few visits to memory: each is like the plain one that it stands for.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "model/engine/job_glance.hpp"
#include "model/engine/short_vector.hpp"
#include "model/engine/slot_counts.hpp"
#include "model/engine/task_index.hpp"
#include "model/engine/waiting_table.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

TEST(short_vector, keeps_what_does_not_fit_within_it_elsewhere) {
    short_vector<node_index, 2> v;
    EXPECT_TRUE(v.empty());
    std::vector<node_index> expected;
    for (std::size_t i = 0; i < 9; ++i) {
        v.push_back(node_index{i});
        expected.emplace_back(i);
        ASSERT_EQ(std::vector<node_index>(v.begin(), v.end()), expected);
    }
    EXPECT_EQ(v.front(), node_index{0U});
    EXPECT_EQ(v.back(), node_index{8U});
    v.clear();
    EXPECT_EQ(v.size(), 0U);
    v.assign(expected);
    EXPECT_EQ(std::vector<node_index>(v.begin(), v.end()), expected);
}

TEST(short_vector, moves) {
    for (const std::size_t size : {1U, 2U, 3U, 50U}) {
        short_vector<std::uint32_t, 2> from;
        std::vector<std::uint32_t> expected;
        for (std::uint32_t i = 0; i < size; ++i) {
            from.push_back(i);
            expected.push_back(i);
        }
        auto to = std::move(from);
        EXPECT_EQ(std::vector<std::uint32_t>(to.begin(), to.end()), expected);
        from = {};
        from.push_back(7);
        to = std::move(from);
        EXPECT_EQ(std::vector<std::uint32_t>(to.begin(), to.end()), std::vector<std::uint32_t>{7});
    }
}

TEST(slot_counts, hold_numbers_of_any_size) {
    slot_counts counts{3};
    for (const auto value : {254, 255, 256, 1'000'000'000, -1, 0, 255, 3}) {
        counts.add(1, value - counts[1]);
        EXPECT_EQ(counts[1], value);
        EXPECT_EQ(counts[0], 0);
        EXPECT_EQ(counts[2], 0);
    }
    counts.add(2, std::int64_t{1} << 40);
    EXPECT_EQ(counts[2], std::int64_t{1} << 40);
}

TEST(slot_counts, follow_their_members) {
    slot_counts counts{6};  // two of each of three
    for (std::size_t i = 0; i < 6; ++i) counts.add(i, static_cast<std::int64_t>(i * 100));
    index_shift kept;  // the second has gone, another has come first
    kept.add(0, 1, 1);
    kept.add(2, 2, 1);
    const auto after = counts.follow(kept, 3, 2);
    ASSERT_EQ(after.size(), 6U);
    const std::vector<std::int64_t> expected{0, 0, 0, 100, 400, 500};
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(after[i], expected[i]) << i;
}

TEST(task_index_property, is_like_a_map) {
    test::for_each_seed(20, [](std::uint64_t seed) {
        std::mt19937_64 random{seed};
        using task = std::pair<job_index, node_index>;
        std::vector<task> task_of(500);
        std::vector<std::uint32_t> unused;
        for (std::uint32_t i = 0; i < task_of.size(); ++i) unused.push_back(i);
        std::map<task, std::uint32_t> expected;
        task_index index;
        const auto look_up = [&](std::uint32_t number) { return task_of[number]; };
        for (int step = 0; step < 5000; ++step) {
            const task t{job_index{random() % 4}, node_index{random() % 200}};
            index.ask(0);
            const auto known = expected.find(t);
            ASSERT_EQ(index.find(t.first, t.second, look_up),
                      known == expected.end() ? task_index::none : known->second);
            if (known != expected.end()) {
                index.erase(t.first, t.second, known->second);
                unused.push_back(known->second);
                expected.erase(known);
            } else if (!unused.empty()) {
                std::swap(unused[random() % unused.size()], unused.back());
                task_of[unused.back()] = t;
                index.insert(t.first, t.second, unused.back(), look_up);
                expected[t] = unused.back();
                unused.pop_back();
            }
            ASSERT_EQ(index.size(), expected.size());
            if (random() % 2000 == 0) {
                index.clear();
                for (const auto& [gone, number] : std::exchange(expected, {})) unused.push_back(number);
            }
        }
    });
}

TEST(job_turn, is_in_the_order_of_the_value_then_of_offers_then_of_who_was_served_longest_ago) {
    const double last = std::numeric_limits<double>::infinity();
    const std::vector<job_turn> ascending{{{-last, 9}, 9},
                                          {{-2.5, 0}, 0},
                                          {{-1e-300, 7}, 0},
                                          {{0, 1}, 0},
                                          {{0, 2}, 0},
                                          {{0, 0}, 1},
                                          {{0, 0}, 65'535},
                                          {{1e-300, 0}, 0},
                                          {{1, 0}, 0},
                                          {{1.5, 0}, 0},
                                          {{1e300, 0}, 0},
                                          {{last, 0}, 0},
                                          {}};
    for (std::size_t i = 0; i < ascending.size(); ++i)
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            EXPECT_EQ(ascending[i] < ascending[j], i < j) << i << ' ' << j;
            EXPECT_EQ(ascending[i] == ascending[j], i == j) << i << ' ' << j;
        }
    EXPECT_EQ((job_turn{{-0.0, 1}, 0}), (job_turn{{0.0, 1}, 0})) << "a priority of 0, turned round";
    EXPECT_EQ((job_turn{{0, 1}, 65'535}), (job_turn{{0, 1}, 1'000'000})) << "more offers than are counted";
}

TEST(task_index, is_given_up_when_nobody_asks_for_long) {
    std::vector<std::pair<job_index, node_index>> tasks;
    for (std::size_t i = 0; i < 1000; ++i) tasks.emplace_back(job_index{0}, node_index{i});
    const auto task_of = [&](std::uint32_t number) { return tasks[number]; };
    task_index index;
    const auto start_and_end = [&](std::uint32_t number) {
        if (index.in_use()) index.insert(tasks[number].first, tasks[number].second, number, task_of);
        if (index.in_use()) index.erase(tasks[number].first, tasks[number].second, number);
    };
    EXPECT_FALSE(index.in_use());
    EXPECT_FALSE(index.ask(0)) << "what is known has to be inserted first";
    index.insert(tasks[999].first, tasks[999].second, 999, task_of);
    for (int round = 0; round < 100; ++round) {
        EXPECT_TRUE(index.ask(0));
        for (std::uint32_t i = 0; i < 100; ++i) start_and_end(i);
    }
    EXPECT_EQ(index.find(tasks[999].first, tasks[999].second, task_of), 999U);
    for (std::uint32_t i = 0; i < 200; ++i) start_and_end(i);
    EXPECT_FALSE(index.in_use());
    EXPECT_EQ(index.size(), 0U);

    EXPECT_FALSE(index.ask(1000)) << "to fill it takes longer now";
    for (std::uint32_t i = 0; i < 500; ++i) start_and_end(i);
    EXPECT_TRUE(index.in_use()) << "as many changes as looks";
    start_and_end(500);
    EXPECT_FALSE(index.in_use());
}

TEST(waiting_table_property, is_like_a_map_of_sets) {
    test::for_each_seed(20, [](std::uint64_t seed) {
        std::mt19937_64 random{seed};
        struct waiting {
            std::set<job_index> jobs;
            job_index offered_to;
            bool changed = false;
        };
        constexpr std::size_t nodes = 50;
        std::map<node_index, waiting> expected;
        waiting_table table{nodes};
        const auto jobs = std::size_t{1} << random() % 9;  // up to 256, which takes several words
        for (int step = 0; step < 3000; ++step) {
            const node_index node{random() % nodes};
            const job_index job{random() % jobs};
            ASSERT_EQ(table.contains(node), expected.contains(node));
            switch (random() % 6) {
                case 0:
                case 1:
                    table.add(node, job);
                    expected[node].jobs.insert(job);
                    break;
                case 2:
                    if (auto here = table.find(node)) {
                        here.remove(job);
                        expected[node].jobs.erase(job);
                    }
                    break;
                case 3:
                    if (auto here = table.find(node)) {
                        here.offer_to(random() % 2 == 0 ? job : job_index{});
                        expected[node].offered_to = here.offered_to();
                    }
                    break;
                case 4:
                    if (auto here = table.find(node)) {
                        here.set_changed(random() % 2 == 0);
                        expected[node].changed = here.changed();
                    }
                    break;
                default:
                    if (random() % 10 == 0) {
                        table.erase(node);
                        expected.erase(node);
                    }
            }
            std::size_t seen = 0;
            table.for_each([&](node_index at, const waiting_jobs& here) {
                ++seen;
                std::set<job_index> there;
                here.for_each([&](job_index j) { there.insert(j); });
                const auto& e = expected.at(at);
                EXPECT_EQ(there, e.jobs);
                EXPECT_EQ(here.size(), e.jobs.size());
                EXPECT_EQ(here.empty(), e.jobs.empty());
                EXPECT_EQ(here.contains(job), e.jobs.contains(job));
                EXPECT_EQ(here.offered_to(), e.offered_to);
                EXPECT_EQ(here.changed(), e.changed);
            });
            ASSERT_EQ(seen, expected.size());
        }
    });
}

}  // namespace
}  // namespace bistro
