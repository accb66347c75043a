// The actor of one running invocation: one process, from its start to its result.
#pragma once

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "io/process/process_launcher.hpp"

namespace bistro {

struct task_links {
    caf::strong_actor_ptr worker;  ///< a worker_actor
    log_store_actor logs;
    process_launcher* launcher = nullptr;  ///< lives longer than the actors
};

struct task_actor_state {
    task_order_ptr order;
    job_command_ptr command;
    task_links links;
    runtime run;
    std::string stop_reason;  ///< empty: nobody wants it to end
    bool blameless = false;   ///< of its end: somebody else wanted it
    bool killed = false;
    std::string last_error;   ///< the last line on stderr, shortened
    std::string last_output;  ///< the same of stdout

    static inline const char* name = "task";
};
void describe(const task_actor_state& s, description& d);
std::string label_of(const task_actor_state& s);

/// What to run for a task on the worker `shard`, below `data_dir` where the job names no folder of its own.
process_spec process_of(const task_order& order, const job_command& command, const std::string& shard,
                        const std::string& status_path, const std::string& data_dir);

task_actor::behavior_type task_behavior(task_actor::stateful_pointer<task_actor_state> self, task_order_ptr order,
                                        job_command_ptr command, task_links links, runtime run);

/// Starts the process of a task, whose actor hears of it. Apart from the actor, so that the process does not wait for
/// the actor's turn.
void launch_task(const task_actor& actor, const task_order& order, const job_command& command, const std::string& shard,
                 const std::string& data_dir, process_launcher& launcher);

}  // namespace bistro
