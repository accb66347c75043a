#include "model/liveness.hpp"

#include <algorithm>
#include <array>

namespace bistro {

std::string liveness_timeouts::problem() const {
    if (heartbeat_ms <= 0) return "the heartbeat period must be positive";
    if (kill_ms <= 0) return "the time to kill must be positive";
    if (std::max({heartbeat_ms, unhealthy_after_ms, lost_after_ms, kill_ms}) > longest_timeout_ms)
        return "no time may be longer than a year";
    if (unhealthy_after_ms <= heartbeat_ms) return "a worker must not be unhealthy before its next heartbeat is due";
    if (lost_after_ms <= unhealthy_after_ms) return "a worker must be unhealthy before it is lost";
    if (worker_deadline_ms() < 2 * heartbeat_ms)
        return "between two heartbeats and the loss of a worker there must be time to kill its tasks";
    return {};
}

time_ms liveness_timeouts::worker_deadline_ms() const {
    return static_cast<time_ms>(static_cast<double>(lost_after_ms) * (1.0 - max_clock_skew)) - kill_ms;
}

time_ms liveness_timeouts::reaper_deadline_ms() const {
    const auto to_spare = std::max(kill_ms / 10, std::min<time_ms>(reaping_ms, kill_ms / 2));
    return worker_deadline_ms() + kill_ms - to_spare;
}

std::string_view to_string(worker_health health) {
    static constexpr std::array<std::string_view, 4> names{"new", "healthy", "unhealthy", "lost"};
    return names.at(static_cast<std::size_t>(health));
}

worker_health health_after(time_ms silence_ms, const liveness_timeouts& timeouts) {
    if (silence_ms >= timeouts.lost_after_ms) return worker_health::lost;
    return silence_ms >= timeouts.unhealthy_after_ms ? worker_health::unhealthy : worker_health::healthy;
}

}  // namespace bistro
