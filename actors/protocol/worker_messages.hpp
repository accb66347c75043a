// The messages between scheduler and worker processes. Each says what becomes of it if it is lost, repeated, late, or
// from the wrong process.
#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/sec.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/protocol/errors.hpp"
#include "model/liveness.hpp"
#include "model/task_order.hpp"
#include "model/worker_registry.hpp"

namespace bistro {

/// Of the messages between processes. A peer with another one is refused.
inline constexpr std::uint32_t protocol_version = 10;

/// Whoever has connected to a gateway, before anything else; answered by the scheduler's version. These two, and their
/// place among the types, stay as they are for good: so peers of any two versions understand each other so far, and can
/// say what is wrong. Lost: the connection is given up, and tried again.
struct protocol_asked {
    std::uint32_t version = protocol_version;
};
struct protocol_answer {
    std::uint32_t version = protocol_version;
};

/// Worker to gateway, before its hello, which may be long: the door takes it, and lets pass what follows (see
/// network_door.hpp). Lost: the connection is lost, or the hello is refused.
struct secret_told {
    std::string secret;
};

/// Worker to gateway, answered by `welcome`. Lost or late: the worker times out and says it again. Repeated: the same
/// answer. The session counts the hellos of this instance; whatever belongs to an earlier one is void.
struct hello {
    std::uint32_t version = protocol_version;
    std::string secret;
    std::uint64_t cluster = 0;  ///< that it is a member of; 0: of none yet
    worker_instance who;
    std::uint64_t session = 0;
    std::vector<task_report> running;
    std::vector<finished_task> unacknowledged;
    caf::strong_actor_ptr worker;  ///< to send tasks to
};

/// The answer. Unless joined or rejoined, the worker is no member; `reason` says why.
struct welcome {
    hello_verdict verdict = hello_verdict::joined;
    worker_index worker;
    liveness_timeouts timeouts;
    std::string reason;
    caf::strong_actor_ptr scheduler;           ///< to send heartbeats to
    std::vector<caf::strong_actor_ptr> pools;  ///< to send results to: the one that gave the invocation its id
    std::uint64_t cluster = 0;  ///< the scheduler's; of its data directory, so that another life of it has the same
};

/// Worker to scheduler, answered by itself. It is the worker's sign of life, and the answer the scheduler's: both
/// count silence from their side. Lost: the next one follows. From a wrong or lost instance: answered with `known`
/// false, and the worker says hello again.
struct heartbeat {
    worker_index worker;
    std::uint64_t instance = 0;
    bool known = true;
};

/// Worker to scheduler: it stops, and runs nothing any more. Lost: the worker is lost by its silence.
struct goodbye {
    worker_index worker;
    std::uint64_t instance = 0;
};

/// Worker to scheduler: it takes no more tasks, and will say goodbye when the last one has ended. Lost: orders that
/// follow are answered as never started.
struct worker_leaves {
    worker_index worker;
    std::uint64_t instance = 0;
};

/// Worker to pool. Lost: the results stay with the worker, and the next hello repeats them. Repeated: an end that is
/// known changes nothing and is acknowledged again. Of another session, or from who knows none: dropped, and counted.
struct tasks_finished {
    worker_index worker;
    std::uint64_t session = 0;
    std::vector<finished_task> ends;
};

/// Pool to worker: these results are durable, forget them. Lost: the next hello repeats the results. Repeated or for
/// unknown ones, or of another session: nothing happens.
struct acknowledge_results {
    std::uint64_t session = 0;
    std::vector<invocation_id> invocations;
};

/// Pool to worker: end these. Lost: who asked may ask again. For what has ended, or of another session: nothing
/// happens.
struct kill_invocations {
    std::uint64_t session = 0;
    std::vector<invocation_id> invocations;
    std::string reason;
    bool blameless = false;  ///< nothing is wrong with the tasks: they are incomplete, not in error
};

}  // namespace bistro
