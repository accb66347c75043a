// The matching engine: which task starts next, on which path of nodes and on which worker. It knows slots and which
// tasks are pending; whether a task may start at all is decided elsewhere (task_table).
//
// How it works. Each job has a pending_tree: its startable tasks in node order, found from the root down. A search
// that meets a node without enough free slots for the job parks the job there: the subtree leaves the job's tree, and
// the node remembers who waits for it. A task that finishes frees its path and wakes just those jobs on just those
// nodes. A job that finds no worker is parked likewise, at the node that asks for a certain host or else at the root.
// So a waiting task costs nothing until something that blocked it is freed, and nothing that could run is left
// waiting: every job is either parked at each place where it was refused, or will be searched again.
//
// Costs, for depth d of the forest, fan-out f, J jobs with something to search and W workers:
//   start       O(d log f + J + W)   a search also pays for the parking that it does, once for each wake
//   finish      O(d log f) for each job woken on its path
//   add or remove a pending task     O(d log f)
//   a new forest, job or resource table      proportional to the nodes of the forest, for each job concerned
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/engine/pending_tree.hpp"
#include "model/engine/worker_table.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"
#include "model/policies/policy.hpp"
#include "model/resources.hpp"

namespace bistro {

/// The order in which a job takes its nodes.
enum class node_order : std::uint8_t { random, original, lexicographic };

std::string_view to_string(node_order order);
std::optional<node_order> parse_node_order(std::string_view text);

struct engine_options {
    policy_kind policy = policy_kind::round_robin;
    node_order order = node_order::random;
    worker_selector selector = worker_selector::round_robin;
    bool enabled = true;  ///< false: nothing starts
    std::uint64_t seed = 1;

    bool operator==(const engine_options&) const = default;
};

/// One decision. The slots are taken from that moment until finish().
struct start_decision {
    invocation_id invocation;
    job_index job;
    node_index node;
    std::vector<node_index> path;  ///< from the task's node up to the instance
    worker_index worker;
};

/// A task that holds slots, by name, so that it outlives any forest.
struct held_task {
    job_id job;
    std::vector<std::string> path;  ///< node first, instance last
    worker_index worker;
};

/// What keeps a pending task from starting.
struct blocker {
    enum class kind : std::uint8_t {
        none,
        scheduler_disabled,
        no_such_task,
        node_closed,
        node_resource,
        no_worker,
        worker_resource
    };

    kind what = kind::none;
    std::string place;     ///< node, worker host, or empty
    std::string resource;  ///< where a resource is short
    std::int64_t demand = 0;
    std::int64_t free = 0;
    std::int64_t limit = 0;

    /// True where no task's end can help.
    [[nodiscard]] bool forever() const { return what != kind::none && demand > limit; }
};

/// A sentence for people.
std::string to_string(const blocker& b);

class engine {
public:
    /// Invocation ids count up from `first`.
    engine(engine_options options, invocation_id first);
    ~engine();
    engine(engine&&) noexcept;
    engine& operator=(engine&&) noexcept;

    void set_options(const engine_options& options);
    [[nodiscard]] const engine_options& options() const { return options_; }
    /// Nothing is pending afterwards; running tasks keep what they hold, by the names of their path.
    void set_forest(forest_ptr nodes);
    /// Running tasks keep what they hold.
    void set_resources(resource_table table);

    /// Adds a job, or changes one. Its pending tasks stay, unless its level or filters changed: then none is.
    job_index put_job(const job_spec& spec);
    /// Its running tasks keep what they hold.
    void erase_job(const job_id& job);
    [[nodiscard]] std::optional<job_index> find_job(const job_id& job) const;
    [[nodiscard]] const job_id& job_name(job_index job) const;

    /// For the policies that look at it.
    void set_unfinished(job_index job, std::uint64_t count);
    /// Tasks that run already are left out.
    void add_pending(job_index job, std::span<const node_index> tasks);
    void remove_pending(job_index job, std::span<const node_index> tasks);
    void clear_pending(job_index job);
    [[nodiscard]] std::size_t pending_count() const;

    /// Adds a worker that takes tasks, or changes one.
    void put_worker(worker_index worker, worker_info info);
    void set_accepting(worker_index worker, bool accepting);
    /// Gives the invocations that it held; they hold nothing any more.
    std::vector<std::pair<invocation_id, held_task>> erase_worker(worker_index worker);
    [[nodiscard]] const worker_table& workers() const { return workers_; }

    /// The next tasks to start, at most `limit`. Where it gives fewer, nothing that is pending can start.
    std::vector<start_decision> start(std::size_t limit);
    /// Takes slots for a task that was found to run already, whatever the limits.
    void adopt(invocation_id invocation, held_task task);
    /// Frees what an invocation holds. Gives what it was; nothing where it is unknown.
    std::optional<held_task> finish(invocation_id invocation);

    [[nodiscard]] std::size_t running_count() const { return held_.size(); }
    [[nodiscard]] const held_task* held(invocation_id invocation) const;
    [[nodiscard]] std::vector<invocation_id> held_by(worker_index worker) const;
    /// What a running task takes: by node of its path, then by its worker's shard name. Zeros are left out.
    [[nodiscard]] std::vector<std::pair<std::string, amounts>> demands_of(invocation_id invocation) const;
    [[nodiscard]] std::optional<invocation_id> running(const job_id& job, const std::string& node) const;
    /// Why a pending task does not start.
    [[nodiscard]] blocker why_waiting(job_index job, node_index task) const;
    /// Why the next pending task of a job does not start.
    [[nodiscard]] blocker why_waiting(job_index job) const;
    /// Slots in use and limits of a node, in the order of its level's resources.
    [[nodiscard]] std::span<const std::int64_t> used(node_index node) const;
    /// Slots in use at a whole level (or at the workers), by resource, and the sum of the limits.
    struct utilisation {
        std::string level;
        std::string resource;
        std::int64_t used = 0;
        std::int64_t capacity = 0;
    };
    [[nodiscard]] std::vector<utilisation> utilisations() const;

    /// An empty string, or the first invariant that does not hold. For tests; costs the whole forest.
    [[nodiscard]] std::string sanity_check() const;

private:
    struct job_entry;
    using demand_by_level = std::map<std::string, amounts>;
    struct holding {
        held_task task;
        std::shared_ptr<const demand_by_level> demand;       // by name: what survives a change of the tables
        std::vector<node_index> nodes;                       // of the path, as far as the forest has them
        std::vector<std::vector<std::int64_t>> node_demand;  // parallel to nodes
        std::vector<std::int64_t> worker_demand;
    };

    void rebuild_job(job_entry& job, bool keep_pending);
    void rebuild_limits();
    void recount();
    void resolve(holding& h) const;
    void account(const holding& h, std::int64_t sign);
    void wake(node_index node);
    void wake_waiters_for_worker(const std::string& host);
    [[nodiscard]] pending_tree::rank_function rank_of(const job_entry& job);
    [[nodiscard]] std::vector<bool> closed_nodes(const job_entry& job) const;
    [[nodiscard]] bool has_room(const job_entry& job, node_index node) const;
    [[nodiscard]] std::optional<start_decision> search(job_index index);
    [[nodiscard]] std::string host_wanted(const job_entry& job, std::span<const node_index> path) const;
    void park_for_worker(job_index index, std::span<const node_index> path, const std::string& host);
    [[nodiscard]] double dominant_share(const job_entry& job) const;
    [[nodiscard]] std::vector<candidate> candidates() const;
    [[nodiscard]] blocker explain_path(const job_entry& job, std::vector<node_index>& path) const;
    [[nodiscard]] blocker explain_worker(const job_entry& job, std::span<const node_index> path) const;
    [[nodiscard]] job_entry& entry(job_index job) const { return *jobs_[job.value]; }

    engine_options options_;
    std::uint64_t next_invocation_;
    std::unique_ptr<policy> policy_;
    random_source random_;
    forest_ptr forest_;
    resource_table resources_;
    std::vector<std::vector<std::int64_t>> limits_;  // by forest level, then resource
    std::vector<std::vector<std::int64_t>> used_;    // by forest level, then node within it and resource
    std::shared_ptr<const std::vector<std::uint32_t>> lexicographic_;  // rank by node; null until asked for
    worker_table workers_;
    std::vector<std::unique_ptr<job_entry>> jobs_;  // by job_index; null where erased
    std::map<job_id, job_index> jobs_by_name_;
    std::map<invocation_id, holding> held_;
    boost::unordered_flat_map<std::string, invocation_id> running_;                            // by job and node
    boost::unordered_flat_map<std::uint32_t, std::vector<job_index>> waiting_at_;              // by node
    std::map<std::string, std::vector<std::pair<job_index, node_index>>> waiting_for_worker_;  // by host; "" is any
    std::uint64_t served_ = 0;
};

}  // namespace bistro
