// The line that a task writes to its status pipe.
#pragma once

#include "model/job.hpp"
#include "model/process_outcome.hpp"
#include "model/task_status.hpp"

namespace bistro {

/// What an attempt ended with: a word, JSON {"result": word, "data": {...}}, or where nothing was written, what
/// `source` says of the exit. Only the first line counts; a line that can't be understood is an error with a reason.
attempt_end judge(const process_outcome& outcome, status_source source);

}  // namespace bistro
