// The actor of a worker process: runs the tasks that its scheduler sends, keeps their results until they are
// acknowledged, and ends itself before a scheduler that it can't hear may run them elsewhere.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "actors/task.hpp"
#include "io/process/process_launcher.hpp"

namespace bistro {

struct worker_options {
    worker_instance who;
    std::string secret;  ///< comes with the gateway
    std::string data_dir;
    log_store_actor logs;
    process_launcher* launcher = nullptr;     ///< lives longer than the actors
    std::uint64_t first_session = 0;          ///< random, so that nobody guesses it
    caf::strong_actor_ptr connector;          ///< a connector_actor; null where the gateway is told once
    std::function<void(std::string)> on_end;  ///< told why, when the worker has ended; may be empty
    runtime run;
};

struct worker_state {
    struct running_task {
        task_actor actor;
        task_order_ptr order;
        time_ms started_ms = 0;
    };

    worker_options options;
    caf::strong_actor_ptr gateway;    ///< a gateway_actor, while connected
    caf::strong_actor_ptr scheduler;  ///< a scheduler_actor, while a member
    caf::strong_actor_ptr pool;       ///< a pool_actor, while a member
    worker_index index;
    std::uint64_t session = 0;
    liveness_timeouts timeouts;
    bool member = false;       ///< of the scheduler, as far as this worker knows
    bool ever_member = false;  ///< from then on silence has a deadline
    time_ms last_heard_ms = 0;
    time_ms hello_sent_ms = 0;
    std::uint64_t wake_generation = 0;
    bool hello_under_way = false;
    std::optional<time_ms> refused_since_ms;
    std::vector<start_tasks> early_orders;  ///< of this session, before its welcome
    std::map<job_id, job_command_ptr> commands;
    std::map<invocation_id, running_task> running;
    std::map<invocation_id, finished_task> unacknowledged;
    invocation_id last_started;  ///< ids only grow, so what is not above this has been started or refused
    bool stopping = false;
    std::string end_reason;

    static inline const char* name = "worker";
};

/// Between two hellos that were not answered, or answered with a no.
inline constexpr std::chrono::milliseconds hello_retry_wait{500};
/// A newcomer that is refused for so long ends. Not at once: a scheduler that is just starting has opened its port, but
/// may not have left its secret yet where workers of the same host look for it.
inline constexpr std::chrono::milliseconds refusal_patience{5000};
/// Messages with orders that are kept until the welcome comes: more than a scheduler sends in the meantime. With one
/// more, all of them are void, and the worker says hello again.
inline constexpr std::size_t max_early_orders = 10'000;
/// After its last task has ended, a stopping worker waits this long for its results to be acknowledged.
inline constexpr std::chrono::seconds farewell_wait{5};

worker_actor::behavior_type worker_behavior(worker_actor::stateful_pointer<worker_state> self, worker_options options);

}  // namespace bistro
