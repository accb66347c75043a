// What scheduler and worker tell each other of tasks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/attempt.hpp"
#include "model/engine/engine.hpp"
#include "model/job.hpp"

namespace bistro {

/// What a worker needs to know of a job to run its tasks.
struct job_command {
    job_id job;
    std::uint64_t version = 0;  ///< grows with every change
    std::vector<std::string> command;
    std::string config_json;
    std::string working_directory;  ///< empty: a folder of the job under the worker's data directory
    std::int64_t timeout_s = 0;
    std::int64_t kill_wait_s = 0;
    status_source status = status_source::exit_code;
    command_arguments arguments = command_arguments::full;
    job_demands demands;
};

/// One task to run.
struct task_order {
    invocation_id invocation;
    job_id job;
    node_id node;
    std::vector<std::string> path;  ///< node first, instance last
    std::string prev_data_json;     ///< empty: none
};

/// A running task, as its worker reports it when it connects.
struct task_report {
    invocation_id invocation;
    job_id job;
    node_id node;
    std::vector<std::string> path;
    time_ms started_ms = 0;
    job_demands demands;  ///< that it was started with
};

/// The end of a task's attempt, as its worker reports it.
struct finished_task {
    job_id job;
    node_id node;
    attempt_end end;
};

/// Pool to worker. Lost with a connection: the next hello does not report the tasks, and the pool takes them as never
/// started. Repeated or late: an invocation is started once, ever, and one of an earlier session never.
struct start_tasks {
    std::uint64_t session = 0;
    std::vector<job_command> commands;  ///< of jobs that this worker does not know in this version
    std::vector<task_order> tasks;
};

using task_order_ptr = std::shared_ptr<const task_order>;
using job_command_ptr = std::shared_ptr<const job_command>;

}  // namespace bistro
