// What is remembered of a task, what an attempt at it can end with, and how the one follows from the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/backoff.hpp"
#include "model/ids.hpp"

namespace bistro {

/// Milliseconds; since the Unix epoch in a live system, since the start in a simulation.
using time_ms = std::int64_t;

enum class task_state : std::uint8_t { unstarted, running, done, incomplete, error, failed };
inline constexpr task_state last_task_state = task_state::failed;

/// "unstarted", "running", ...
std::string_view to_string(task_state state);
std::optional<task_state> parse_task_state(std::string_view text);

/// How one attempt ended.
enum class attempt_result : std::uint8_t {
    done,
    incomplete,          ///< more to do; starts again without a wait
    incomplete_backoff,  ///< more to do; waits, without advancing the backoff
    error,               ///< waits, and advances the backoff
    failed,              ///< for good
    lost,           ///< said for the worker, not by it: it was lost with the task; an error that a true result replaces
    never_started,  ///< the attempt ran nothing; leaves the task as it was
};
inline constexpr attempt_result last_attempt_result = attempt_result::never_started;

std::string_view to_string(attempt_result result);
/// Also accepts the other words for an error: "error_backoff" and "backoff".
std::optional<attempt_result> parse_attempt_result(std::string_view text);
/// The words that a task may write; a task can be neither lost nor never started in its own eyes.
std::optional<attempt_result> parse_result_word(std::string_view text);

/// The status of a task between attempts.
struct task_status {
    task_state state = task_state::unstarted;
    std::uint32_t backoff_step = 0;  ///< errors since the last forgiveness
    time_ms retry_at_ms = 0;         ///< not to be started before
    invocation_id invocation;        ///< of the last attempt
    bool synthetic = false;          ///< concluded from the loss of a worker
    std::string data_json;           ///< what the task last handed to its successor; empty: nothing

    bool operator==(const task_status&) const = default;
};

/// The end of an attempt, as its worker (or, for `lost`, the scheduler) reports it.
struct attempt_end {
    invocation_id invocation;
    attempt_result result = attempt_result::error;
    std::string data_json;       ///< empty: none
    std::int32_t exit_code = 0;  ///< meaningful where signal is 0
    std::int32_t signal = 0;     ///< that ended the process; 0: it exited
    time_ms ended_ms = 0;
    time_ms not_before_ms = 0;  ///< of the next attempt: when a lost one must be dead
    std::string reason;         ///< for people; empty where the result says it all

    bool operator==(const attempt_end&) const = default;
};

/// The status of a task that is forgiven its errors: as unstarted, its data kept; but a lost attempt that may still be
/// alive is not forgiven its wait. Nothing where there is nothing to forgive.
std::optional<task_status> forgiven(const task_status& before, time_ms now);

/// The status that follows from `before` by an attempt's end. Data is kept where the attempt hands over none.
task_status next_status(const task_status& before, const attempt_end& end, const backoff_policy& backoff);

}  // namespace bistro
