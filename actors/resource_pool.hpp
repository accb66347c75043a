// The actor around the matching engine: turns what it decides into messages, and what happens into its calls.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "model/forest_history.hpp"
#include "model/scheduler_side.hpp"

namespace bistro {

/// News for jobs and the monitor go out at once, but not more often than this.
inline constexpr time_ms news_interval_ms = 5;

/// Ids of two pools differ by about this many starts at most.
inline constexpr std::uint64_t max_id_drift = 4096;

struct pool_links {
    caf::strong_actor_ptr scheduler;  ///< a scheduler_actor
    monitor_actor monitor;
    bool keep_events = false;  ///< somebody keeps the events of attempts
    partition part;            ///< of the forest, that is its own
};

struct pool_state {
    // A start that the job has not heard of.
    struct unseen_start {
        std::uint64_t number = 0;
        node_index node;
        std::string name;  // of the node, for the next forest; empty while the index says it
    };
    struct job {
        job_actor actor;
        std::uint64_t number = 0;  ///< no other job of this pool has had it
        job_command command;
        std::uint64_t starts = 0;  ///< the number of its last one
        std::deque<unseen_start> unseen;
        job_spec spec;
        std::uint64_t rules = 0;          ///< of that (number_of_rules)
        bool out_of_step = false;         ///< some of what it said was not understood, or has still to be said
        bool asked = false;               ///< to say it again
        std::vector<std::uint64_t> seen;  // by pool, as it was when it said last what may start
        boost::unordered_flat_map<std::uint32_t, std::string> data;  ///< by node: what its next attempt is handed
        std::vector<attempt_start> started;                          ///< not told yet, as are
        std::vector<node_index> started_nodes;                       ///< their nodes, and
        std::vector<attempt_end> ended;                              ///< these; a task that ended is not started anew
    };
    struct worker {
        worker_actor actor;
        worker_info info;
        std::uint64_t session = 0;
        std::map<job_id, std::uint64_t> known;  ///< versions of job commands that it was sent
    };

    // Another pool, and what it has told of.
    struct peer {
        pool_actor actor;
        std::uint64_t forest_version = 0;
        std::map<invocation_id, std::string> running;  // on nodes that are this pool's, and on which worker
    };

    std::optional<engine> core;
    pool_links links;
    std::vector<peer> peers;  ///< by number, with itself; empty where it is the only one
    struct start_elsewhere {
        std::uint32_t pool = 0;
        std::uint64_t number = 0;
        std::string node;
    };
    std::map<job_id, std::vector<start_elsewhere>> unseen_elsewhere;  ///< of other pools, on nodes of this one
    std::map<invocation_id, std::vector<std::uint32_t>> elsewhere;    ///< of its own, which pools it has told of them
    invocation_id next_told;                                          ///< the next id, as the others know it
    bool wanted = false;                                              ///< leases, as the scheduler was told last
    runtime run;
    forest_ptr nodes;
    forest_history history;  ///< how it came to be
    std::map<job_id, job> jobs;
    std::map<worker_index, worker> workers;
    result_ledger results;  ///< that are not durable yet
    std::uint64_t job_numbers = 0;
    std::uint64_t command_versions = 0;
    std::uint64_t fenced = 0;    ///< messages of workers that were dropped: not of the session that they are in
    std::uint64_t starts = 0;    ///< so far, of all jobs: a job that comes back has none that it has seen before
    bool others_wait = false;    ///< for slots, as the scheduler said last
    bool some_ended = false;     ///< since then
    bool spoke_up = false;       ///< since then, without a change of what is wanted
    std::uint64_t refusals = 0;  ///< of the engine, then
    bool stalled = false;
    bool expects = false;

    // What jobs and the monitor have to be told. No slot waits for that, so it is gathered for a while.
    std::vector<job_id> jobs_with_news;
    events_happened events;
    std::optional<time_ms> news_sent_ms;
    bool news_scheduled = false;

    static inline const char* name = "resource_pool";
};
void describe(const pool_state& s, description& d);
std::string label_of(const pool_state& s);

// resource_pool_inspect.cpp
/// Of each job of which something waits, why its next task does.
std::vector<std::pair<job_id, std::string>> waiting_reasons(const pool_state& s);
waiting_explained explain(const pool_state& s, const waiting_asked& m);
holders_answer name_holders(const pool_state& s, const holders_asked& m);

/// `first` is the first invocation id of this life of the scheduler.
pool_actor::behavior_type pool_behavior(pool_actor::stateful_pointer<pool_state> self, invocation_id first,
                                        pool_links links, runtime run);

}  // namespace bistro
