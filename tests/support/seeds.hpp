// Random tests: each run has a seed of its own, which is printed where it fails. $BISTRO_SEED repeats one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace bistro::test {

/// Calls `run` with `runs` seeds that follow each other, up to the first that fails; or only with $BISTRO_SEED.
template <class Run>
void for_each_seed(std::uint64_t runs, Run&& run) {
    const char* wanted = std::getenv("BISTRO_SEED");
    const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
    if (wanted != nullptr) runs = 1;
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        SCOPED_TRACE("BISTRO_SEED=" + std::to_string(seed));
        run(seed);
        if (!::testing::Test::HasFailure()) continue;
        std::fprintf(stderr, "repeat with BISTRO_SEED=%llu\n", static_cast<unsigned long long>(seed));
        return;
    }
}

}  // namespace bistro::test
