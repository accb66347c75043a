// What a look at a job that waits at a place takes.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "model/policies/policy.hpp"

namespace bistro {

/// Which of two jobs comes first at a place: by the policy's value, then by how many offers they have (more than 65,535
/// are as many), and then by who was served longest ago. Whole numbers, so that they are compared without a branch.
class job_turn {
public:
    /// Comes after all.
    job_turn() = default;
    job_turn(const preference& wish, std::size_t offers)
        : value_{in_order(wish.value)},
          then_{std::uint64_t{std::min(offers, most_offers)} << starts_bits | std::min(wish.then, most_starts)} {}

    bool operator==(const job_turn&) const = default;
    bool operator<(const job_turn& other) const {
        return ((value_ < other.value_) | ((value_ == other.value_) & (then_ < other.then_))) != 0;
    }

private:
    static constexpr int starts_bits = 48;
    static constexpr std::uint64_t most_starts = (std::uint64_t{1} << starts_bits) - 1;
    static constexpr std::size_t most_offers = 0xffff;

    // Whole numbers in the order of fractions.
    static std::uint64_t in_order(double value) {
        const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // there is but one zero then
        constexpr auto sign = std::uint64_t{1} << 63;
        return (bits & sign) != 0 ? ~bits : bits | sign;
    }

    std::uint64_t value_ = static_cast<std::uint64_t>(-1);
    std::uint64_t then_ = static_cast<std::uint64_t>(-1);
};

/// Of one job; in one line of the cache.
struct alignas(64) job_glance {
    preference wish;
    job_turn by_turn;                                       ///< of that wish
    job_turn by_offers;                                     ///< the same, where offers count
    std::uint32_t demand = static_cast<std::uint32_t>(-1);  ///< of the engine's demands; none
};

}  // namespace bistro
