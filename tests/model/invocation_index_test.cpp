#include "model/engine/invocation_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

TEST(invocation_index, finds_what_is_there_and_nothing_else) {
    invocation_index index;
    EXPECT_EQ(index.find(1), invocation_index::none);
    EXPECT_EQ(index.erase(1), invocation_index::none);
    index.insert(1'000'000, 7);
    EXPECT_EQ(index.find(1'000'000), 7U);
    EXPECT_FALSE(index.contains(1'000'001));
    EXPECT_FALSE(index.contains(999'999));
    EXPECT_EQ(index.erase(1'000'000), 7U);
    EXPECT_EQ(index.size(), 0U);
    EXPECT_EQ(index.erase(1'000'000), invocation_index::none);
}

TEST(invocation_index, knows_one_that_outlives_millions_and_one_from_before_the_first) {
    invocation_index index;
    index.insert(100, 1);
    index.insert(5, 2);
    for (std::uint64_t id = 101; id < 3'000'000; ++id) {
        index.insert(id, 3);
        ASSERT_EQ(index.erase(id), 3U);
    }
    EXPECT_EQ(index.find(100), 1U);
    EXPECT_EQ(index.find(5), 2U);
    EXPECT_EQ(index.size(), 2U);
}

// Steps forward of all sizes, as other partitions and other lives of the scheduler make them; some from before.
TEST(invocation_index_property, is_like_a_map) {
    test::for_each_seed(200, [](std::uint64_t seed) {
        std::mt19937_64 random{seed};
        invocation_index index;
        std::map<std::uint64_t, std::uint32_t> expected;
        std::uint64_t next = random() % 1'000'000 + 2'000;  // no id is below 1
        const auto longest_life = std::uint64_t{1} << (random() % 16);
        for (int step = 0; step < 5'000; ++step) {
            const auto kind = random() % 1000;
            if (kind == 0) next += random() % 1'000'000;
            if (kind == 1) next += std::uint64_t{1} << 40U;
            if (kind == 2) next += 1000 + random() % 2000;  // about the size of the ring
            const auto id = kind == 3 ? next - random() % 2000 : next;
            if (!expected.contains(id)) {
                const auto value = static_cast<std::uint32_t>(random() % 1000);
                index.insert(id, value);
                expected[id] = value;
            }
            next = std::max(next, id) + 1 + random() % 3;
            while (expected.size() > longest_life) {
                auto at = expected.begin();
                std::advance(at, static_cast<long>(random() % std::min<std::size_t>(expected.size(), 8)));
                ASSERT_EQ(index.erase(at->first), at->second);
                ASSERT_FALSE(index.contains(at->first));
                expected.erase(at);
            }
            ASSERT_EQ(index.size(), expected.size());
        }
        for (const auto& [id, value] : expected) ASSERT_EQ(index.find(id), value);
    });
}

}  // namespace
}  // namespace bistro
