// The actor of one job: keeps its task table, tells the pool what may start, and its dependents where it is done.
#pragma once

#include <functional>
#include <memory>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "model/failure_groups.hpp"
#include "model/pace.hpp"
#include "model/slowest.hpp"

namespace bistro {

struct job_links {
    std::vector<pool_actor> pools;  ///< by the number of their partition
    status_store_actor store;
    monitor_actor monitor;
    caf::strong_actor_ptr scheduler;  ///< a scheduler_actor, without which the cycle of references would never end
};

struct job_state {
    std::unique_ptr<task_table> table;
    job_links links;
    runtime run;
    bool loaded = false;                       ///< the store has told what it remembers
    std::vector<std::function<void()>> early;  ///< what came before that
    std::vector<job_actor> dependents;
    std::vector<attempt_start> unrecorded_starts;  ///< history, for the next record
    bool record_scheduled = false;
    bool report_scheduled = false;
    std::vector<std::uint64_t> seen_starts;  ///< by pool
    std::uint64_t changes = 0;
    std::uint64_t wake_generation = 0;
    time_ms last_end_ms = 0;
    pace speed;
    failure_groups failures;
    slowest_tasks slowest;
    bool retired = false;

    static inline const char* name = "job";
};
void describe(const job_state& s, description& d);
std::string label_of(const job_state& s);

/// After statuses could not be read, they are tried again.
inline constexpr std::chrono::seconds load_retry_wait{1};
/// While tasks run, the monitor hears of progress at most this often.
inline constexpr std::chrono::milliseconds progress_interval{100};
/// Starts that no end gave occasion to record are recorded after this time.
inline constexpr std::chrono::seconds start_record_delay{1};

job_actor::behavior_type job_behavior(job_actor::stateful_pointer<job_state> self, job_spec spec, job_links links,
                                      runtime run);

}  // namespace bistro
