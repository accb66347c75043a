// One attempt at a task, as history keeps it.
#pragma once

#include <string>
#include <vector>

#include "model/ids.hpp"
#include "model/task_status.hpp"

namespace bistro {

/// An attempt that began.
struct attempt_start {
    job_id job;
    node_id node;
    invocation_id invocation;
    std::string worker;             ///< shard name
    std::vector<std::string> path;  ///< node first, instance last
    time_ms started_ms = 0;
};

/// An attempt that ended, and the status that its task has since.
struct attempt_finish {
    job_id job;
    node_id node;
    attempt_end end;
    task_status status;
};

/// An attempt in full.
struct attempt {
    attempt_start start;
    bool ended = false;
    attempt_end end;  ///< where it ended
};

}  // namespace bistro
