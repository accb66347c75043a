// What happened, as the event log tells it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/task_status.hpp"

namespace bistro {

enum class event_kind : std::uint8_t {
    start,
    finish,
    lost,
    job_added,
    job_changed,
    job_removed,
    nodes_changed,
    worker_up,
    worker_unhealthy,
    worker_lost,
    killed,
};
inline constexpr event_kind last_event_kind = event_kind::killed;

std::string_view to_string(event_kind kind);

/// One line of the event log. Fields that a kind does not have are empty.
struct event {
    std::uint64_t seq = 0;  ///< counts from 1, in the order of the scheduler's decisions
    time_ms at_ms = 0;
    event_kind kind = event_kind::start;
    job_id job;
    node_id node;
    std::string worker;
    invocation_id invocation;
    std::vector<std::string> path;                 ///< of a start: node first, instance last
    attempt_result result = attempt_result::done;  ///< of a finish
    std::int32_t exit_code = 0;                    ///< of a finish whose signal is 0
    std::int32_t signal = 0;                       ///< of a finish that a signal ended
    std::uint64_t count = 0;                       ///< of nodes_changed: nodes in all
};

}  // namespace bistro
