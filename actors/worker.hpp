// The actor of a worker process: runs the tasks that its scheduler sends, keeps their results until they are
// acknowledged, and ends itself before a scheduler that it can't hear may run them elsewhere. What it does when is
// decided by worker_side.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "actors/task.hpp"
#include "io/process/process_launcher.hpp"
#include "model/worker_side.hpp"

namespace bistro {

struct worker_options {
    worker_instance who;
    std::string secret;  ///< comes with the gateway
    std::string data_dir;
    log_store_actor logs;
    process_launcher* launcher = nullptr;  ///< lives longer than the actors
    std::uint64_t first_session = 0;       ///< random, so that nobody guesses it
    caf::strong_actor_ptr connector;       ///< a connector_actor; null where the gateway is told once
    caf::strong_actor_ptr console;         ///< a console_actor; null: there is none
    /// Told why, when the worker has ended, and whether its results were all taken; may be empty.
    std::function<void(std::string, bool)> on_end;
    runtime run;
};

struct worker_state {
    worker_options options;
    std::optional<worker_side> side;
    caf::strong_actor_ptr gateway;             ///< a gateway_actor, while connected
    caf::strong_actor_ptr scheduler;           ///< a scheduler_actor, while a member
    std::vector<caf::strong_actor_ptr> pools;  ///< pool_actors, by number, while a member
    std::map<invocation_id, task_actor> tasks;
    std::uint64_t wake_generation = 0;
    std::string end_reason;
    std::uint64_t cluster = 0;  ///< that it is a member of; 0: of none yet
    std::string last_reason;    ///< why it is no member yet, as said last

    static inline const char* name = "worker";
};
void describe(const worker_state& s, description& d);

worker_actor::behavior_type worker_behavior(worker_actor::stateful_pointer<worker_state> self, worker_options options);

}  // namespace bistro
