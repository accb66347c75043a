// Many seeds hold all promises; each planted mistake is found; a seed repeats itself exactly.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "tests/simulation/world.hpp"

namespace bistro::simulation {
namespace {

// What the program would log is no part of the result.
class quiet {
public:
    quiet() { spdlog::set_level(spdlog::level::off); }
    ~quiet() { spdlog::set_level(spdlog::level::info); }
    quiet(const quiet&) = delete;
    quiet& operator=(const quiet&) = delete;
};

class simulation : public ::testing::Test {
    quiet log_;
};

TEST_F(simulation, all_promises_hold_under_faults) {
    constexpr std::uint64_t seeds = 2000;
    options o;
    for (o.seed = 1; o.seed <= seeds; ++o.seed) {
        const auto failure = world{o}.run();
        ASSERT_EQ(failure, "") << "repeat it with: tests/simulation/run --seed " << o.seed << " --trace";
    }
}

TEST_F(simulation, a_seed_repeats_itself_event_by_event) {
    options o;
    o.seed = 7;
    std::ostringstream first;
    std::ostringstream second;
    world{o, &first}.run();
    world{o, &second}.run();
    EXPECT_GT(first.str().size(), 10'000U);
    EXPECT_TRUE(first.str() == second.str());
}

class planted : public ::testing::TestWithParam<int> {
    quiet log_;
};

TEST_P(planted, mistake_is_found) {
    constexpr std::uint64_t seeds = 3000;
    options o;
    o.planted = static_cast<mutation>(GetParam());
    for (o.seed = 1; o.seed <= seeds; ++o.seed)
        if (!world{o}.run().empty()) return;
    FAIL() << to_string(o.planted) << " was not found by " << seeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(mutations, planted, ::testing::Range(1, static_cast<int>(last_mutation) + 1),
                         [](const auto& m) { return std::string{to_string(static_cast<mutation>(m.param))}; });

}  // namespace
}  // namespace bistro::simulation
