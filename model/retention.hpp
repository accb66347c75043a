// How much of the past is kept.
#pragma once

#include <cstdint>

#include "model/task_status.hpp"

namespace bistro {

/// Of records in the order of their time, the oldest go first. What is kept may exceed this for a while, since what is
/// written pays for what is deleted, a bounded number at a time.
struct retention {
    std::uint64_t max_count = 1'000'000;
    time_ms max_age_ms = time_ms{90} * 24 * 3600 * 1000;  ///< before the newest

    bool operator==(const retention&) const = default;
};

/// At most so many old records are deleted beside `added` new ones: more than are added, so that a surplus shrinks.
constexpr std::uint64_t most_deleted(std::uint64_t added) { return 2 * added + 64; }

}  // namespace bistro
