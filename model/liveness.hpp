// When a worker counts as what. The scheduler and the worker run this same function on the same timeouts, so that a
// worker that is cut off has stopped its tasks before the scheduler may run them elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/task_status.hpp"

namespace bistro {

/// How long who waits for whom. The scheduler sends them to each worker.
struct liveness_timeouts {
    time_ms heartbeat_ms = 2'000;         ///< a worker sends one so often
    time_ms unhealthy_after_ms = 10'000;  ///< without one, no new tasks
    time_ms lost_after_ms = 60'000;       ///< without one, its tasks are given up
    time_ms kill_ms = 15'000;             ///< that a worker needs at most to stop all it runs

    /// Why these can't hold together, or an empty string.
    [[nodiscard]] std::string problem() const;
    /// A worker stops its tasks after so long without word from the scheduler: early enough that they are dead before
    /// lost_after_ms is over, even if its clock runs slow by max_clock_skew.
    [[nodiscard]] time_ms worker_deadline_ms() const;
    /// What still runs after so long is killed at once, without the worker's doing: it may be stopped itself. Later
    /// than a worker that is well needs for its own way to end them, and with a tenth of kill_ms to spare, and
    /// reaping_ms or half of kill_ms where that is more.
    [[nodiscard]] time_ms reaper_deadline_ms() const;

    bool operator==(const liveness_timeouts&) const = default;
};

inline constexpr time_ms longest_timeout_ms = time_ms{366} * 24 * 3600 * 1000;

/// That looking for what is left over takes on a busy host.
inline constexpr time_ms reaping_ms = 250;

/// Clock rates of two hosts differ by less than this share.
inline constexpr double max_clock_skew = 0.01;

enum class worker_health : std::uint8_t { fresh, healthy, unhealthy, lost };
inline constexpr worker_health last_worker_health = worker_health::lost;

std::string_view to_string(worker_health health);

/// The health of a worker whose last sign of life was `silence_ms` ago.
worker_health health_after(time_ms silence_ms, const liveness_timeouts& timeouts);

}  // namespace bistro
