// The actor at the top: follows the config, keeps the registry of workers, and knows when all is done. It decides no
// start: that is the pool's.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "actors/console/description.hpp"
#include "actors/node_source.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"

namespace bistro {

struct scheduler_options {
    std::shared_ptr<const settings> config;
    invocation_id first_invocation;
    std::vector<worker_instance> known_workers;  ///< of an earlier life: they may still run tasks
    status_store_actor store;
    log_store_actor logs;
    monitor_actor monitor;
    source_tools tools;
    std::string secret;                   ///< of whoever may ask anything
    std::uint64_t cluster = 1;            ///< what its workers are members of
    bool keep_events = false;             ///< the monitor keeps those of attempts
    std::function<void()> on_stop_asked;  ///< somebody asks the whole process to end; may be empty
    runtime run;
};

struct scheduler_state {
    struct job {
        job_spec spec;
        job_actor actor;
        job_progress progress;
        bool retired = false;
        bool removal_asked = false;  ///< of the pools, which have not all answered yet
        bool progress_came = false;  ///< since then
        bool needed_again = false;   ///< since then, it came back, or a worker has told of its tasks
    };

    scheduler_options options;
    std::shared_ptr<const settings> config;
    std::vector<pool_actor> pools;  ///< by the number of their partition
    nodes_actor nodes;
    std::optional<nodes_changed> forest;
    time_ms forest_ms = 0;          ///< when it came
    caf::strong_actor_ptr watcher;  ///< of the config; null: there is none
    std::string nodes_failure;      ///< why there is no forest, where a source has failed
    std::map<job_id, job> jobs;
    std::vector<job_id> order;  ///< of the jobs in the config
    worker_registry registry;
    std::map<worker_index, caf::strong_actor_ptr> worker_handles;
    std::string store_trouble;
    std::vector<pool_stalled> stalls;  ///< by pool, as each has told last

    // Of the slots that all pools use; without a meaning where there is only one.
    struct lease_rounds {
        slot_broker broker{1};
        std::vector<bool> wanted;              // by pool: it lacks slots
        std::set<worker_index> not_accepting;  // of those with an account
        bool active = false;                   // pools have been asked
        bool again = false;                    // something has changed since
        std::vector<bool> claimed;             // by pool, in the last round
        std::uint64_t generation = 0;
        time_ms ended_ms = 0;  // of the last round
        time_ms took_ms = 0;   // of it, the deal
        int unchanged = 0;     // rounds in a row without a change
        int at_once = 0;       // rounds in a row that followed each other, since slots were moving
    } leases;
    std::map<std::string, std::string> problems;
    bool stopping = false;
    bool pools_stopped = false;     ///< they start nothing any more, and jobs have heard of all that they started
    bool starting_allowed = false;  ///< as the pools were told last
    bool ticking = false;

    // Is everything at rest? Asked of all jobs, and believed when two rounds in a row give the same answers.
    std::vector<caf::typed_response_promise<run_finished>> quiescence_waiters;
    std::vector<caf::typed_response_promise<stopped>> stop_waiters;
    struct job_waiter {
        job_id job;
        time_ms until_ms = 0;
        caf::typed_response_promise<wait_answer> promise;
    };
    std::vector<job_waiter> job_waiters;
    std::uint64_t round_changes = 0;
    bool round_active = false;
    bool round_again = false;
    bool round_missed = false;  ///< something came while one was active

    static inline const char* name = "scheduler";
};
void describe(const scheduler_state& s, description& d);

/// Leases are dealt anew at most so often, a millisecond more seldom for so many workers, and so that dealing takes no
/// more than this part of the time.
inline constexpr time_ms deal_interval_ms = 5;
inline constexpr time_ms workers_a_deal_ms = 500;
inline constexpr time_ms deal_share = 10;
/// While nothing changes, the interval doubles so many times; pools speak up when something has ended.
inline constexpr int max_unchanged_deals = 8;
inline constexpr time_ms longest_deal_wait_ms = 1300;
inline constexpr int max_deals_at_once = 4;
/// More who wait for jobs are refused.
inline constexpr std::size_t max_job_waiters = 10'000;
/// How often the health of remote workers is judged.
inline constexpr std::chrono::seconds health_interval{1};
/// A stopping scheduler waits this much longer than the longest kill_wait_s of its jobs for its tasks to end.
inline constexpr std::chrono::seconds stop_margin{5};

scheduler_actor::behavior_type scheduler_behavior(scheduler_actor::stateful_pointer<scheduler_state> self,
                                                  scheduler_options options);

}  // namespace bistro
