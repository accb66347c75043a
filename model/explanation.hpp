// Why a task does what it does, and what the tasks of a job wait for: for people, and by words that programs can rely
// on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/engine/engine.hpp"
#include "model/task_table.hpp"

namespace bistro {

/// A running task that has slots which another waits for.
struct slot_holder {
    job_id job;
    node_id node;
    std::string worker;  ///< shard name

    bool operator==(const slot_holder&) const = default;
};

/// Tasks of a job that wait for the same.
struct waiting_group {
    std::uint64_t tasks = 0;
    std::string cause;     ///< as in an explanation
    std::string resource;  ///< where one is short
    std::string text;      ///< what they wait for, after "N wait: "
};

/// Of a task, or of a whole job.
struct explanation {
    job_id job;
    node_id node;       ///< empty: of the job
    std::string state;  ///< one of task_words; empty of a job
    /// running, done, failed, backoff, job_disabled, job_invalid, waits_for_node_of_job, waits_for_whole_job,
    /// node_disabled, filtered_out, no_such_task; of a task that may start: starts_next, scheduler_disabled,
    /// node_closed, node_resource, no_worker, worker_resource. Of a job: job_disabled, job_invalid, or empty.
    std::string cause;
    std::string text;      ///< a sentence
    std::string advice;    ///< what to do about it; empty: wait, or nothing
    bool forever = false;  ///< neither time nor another task's end can help, only somebody's change

    // For node_resource and worker_resource.
    std::string place;  ///< node, or worker
    std::string resource;
    std::int64_t demand = 0;
    std::int64_t free = 0;
    std::int64_t limit = 0;
    std::vector<slot_holder> holders;  ///< at most max_holders
    std::uint64_t other_holders = 0;

    std::vector<job_id> waits_for;  ///< jobs
    std::uint32_t errors = 0;
    time_ms retry_at_ms = 0;  ///< for backoff
    std::string worker;       ///< of a running task, with its start
    time_ms started_ms = 0;
    invocation_id invocation;  ///< the last one
    std::string last_attempt;  ///< how it ended, for people; empty: unknown

    task_counts counts;                 ///< of a job
    std::vector<waiting_group> groups;  ///< of a job: the largest first
};

/// So many tasks that hold what another waits for are named.
inline constexpr std::size_t max_holders = 10;

/// What the job knows; cause "starts_next" where only the engine can say more.
explanation explain_task(const task_table& table, const node_id& node);
/// Counts, and what holds up the job as a whole.
explanation explain_job(const task_table& table);
/// Adds what one more partition says of a job's tasks.
void merge_waiting(std::vector<blocked_tasks>& all, const std::vector<blocked_tasks>& more);
/// Adds what those of a job's tasks wait for that may start.
void add_groups(explanation& e, const std::vector<blocked_tasks>& waiting);
/// Adds what the engine says of a task that may start.
void add_blocker(explanation& e, const blocker& b);
/// "node_resource", ...
std::string_view cause_word(blocker::kind kind);
/// How an attempt ended, for people.
std::string describe_end(const attempt_end& end);

}  // namespace bistro
