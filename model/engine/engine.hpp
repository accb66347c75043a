// The matching engine: which task starts next, on which path of nodes and on which worker. It knows slots and which
// tasks are pending; whether a task may start at all is decided elsewhere (task_table).
//
// How it works. Each job has a pending_tree: its startable tasks in node order, found from the root down. A search
// that meets a node without enough free slots for the job parks the job there: the subtree leaves the job's tree, and
// the node remembers who waits for it. Jobs that have something to search for stand in a job_queue, in the order of the
// policy. So a waiting task costs nothing until something that blocked it is freed.
//
// A task that ends frees its path and its worker. A node on that path for which jobs wait is offered to one of them: to
// the policy's first of those that would fit. When the turn of that job comes, it takes its next task below that very
// node, without a search from the root, and goes on waiting there; then, or when it does not want the node after all,
// the node is offered to the next one that would fit. So a freed slot costs a few jobs a look, and one of them a
// search.
//
// Workers: jobs that ask the same of a worker form a class, with a queue of its own. When no worker has room for the
// class, it is blocked as a whole, until some worker has. Jobs that want a certain host wait for that host, at the node
// that names it or at the root.
//
// It leaves nothing waiting that could run: a job is in a queue, or parked at each place where it was refused, or its
// class is blocked; and whatever ends such a refusal wakes that place, or that class.
//
// Where the forest has several partitions, each has an engine, with the tasks of its subtrees; of the instance and of
// the workers it may use what is leased to it (engine_leases.cpp). A lease is one more limit: what it keeps from
// starting waits as at any full place, and is told as a claim when somebody asks; a larger one wakes who waits.
//
// Costs, for depth d of the forest, fan-out f, J jobs, W workers and w jobs parked at the nodes of a path:
//   start       O(d log f + log J + log W)   and for each refusal on the way the parking, once for each wake
//   finish      O(d + log W), and O(w) cheap comparisons where a node on the path is woken
//   add or remove a pending task        O(d log f); where some of the job runs, a task is added in amortised time
//                                       (see task_index)
//   a job comes, or takes other nodes   O(nodes of its levels), and of all that runs where some of it does
//   it asks for something else          O(J), and for each place where it waits a look of all who wait there; where it
//                                       waits for hosts, a look at all who do
//   a forest with changed nodes         O(changes x log changes) for each job, O(all that runs), and a copy of some
//                                       bytes for each node, and of two bits for each job; of each parent that has
//                                       other children than before, for each job a copy of what it compares (see
//                                       pending_tree), and where those are tasks, and more than 64, a look at those
//                                       behind the first that is another
//   another forest                      O(nodes), for each job
//   another resource table              O(all that runs), a byte for each node and resource, and for each place where
//                                       some wait a look of all of them
//   a worker comes, changes or goes     O(log W + what it runs)
//   a lease changes                     O(log W), or O(w) of the instance
//   the claims                          O(J + who waits for a host, + W for each demand that is short)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "model/engine/invocation_index.hpp"
#include "model/engine/job_glance.hpp"
#include "model/engine/name_ranks.hpp"
#include "model/engine/pending_tree.hpp"
#include "model/engine/short_vector.hpp"
#include "model/engine/slot_counts.hpp"
#include "model/engine/task_index.hpp"
#include "model/engine/waiting_table.hpp"
#include "model/engine/worker_table.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"
#include "model/policies/job_queue.hpp"
#include "model/policies/policy.hpp"
#include "model/resources.hpp"
#include "model/slot_claim.hpp"

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

/// Nodes from a task's own up to the instance.
using node_path = short_vector<node_index, 6>;

/// One decision. The slots are taken from that moment until finish().
struct start_decision {
    invocation_id invocation;
    job_index job;
    node_index node;
    node_path path;
    worker_index worker;
};

/// A task that holds slots, by name, so that it outlives any forest.
struct held_task {
    job_id job;
    std::vector<std::string> path;  ///< node first, instance last
    worker_index worker;
};

/// What each task of a job takes, without zeros.
struct job_demands {
    std::vector<std::pair<std::string, amounts>> nodes;  ///< of the nodes on its path, by level: the instance first
    amounts worker;

    bool operator==(const job_demands&) const = default;
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
    std::int64_t elsewhere = 0;  ///< of the limit: leased to other partitions

    /// True where no task's end can help.
    [[nodiscard]] bool forever() const { return what != kind::none && demand > limit; }
};

/// A sentence for people.
std::string to_string(const blocker& b);

/// Pending tasks of a job that wait for the same kind of thing.
struct blocked_tasks {
    blocker why;               ///< of the first place
    std::string level;         ///< of the places, where they are nodes, or hosts named by nodes
    std::uint64_t tasks = 0;   ///< that wait there
    std::uint64_t places = 0;  ///< nodes where that is so
};

/// A running task that holds nodes of another partition, since the forest has changed or the scheduler has restarted.
struct task_elsewhere {
    std::uint32_t partition = 0;
    invocation_id invocation;
    held_task task;       ///< without a worker
    job_demands demands;  ///< of nodes alone, without the instance
};

class engine {
public:
    /// Invocation ids count up from `first`, those that are this partition's. Where it is not the only one, it may use
    /// the instance and the workers as far as they are leased to it: at first, and after each change of a limit, not at
    /// all.
    engine(engine_options options, invocation_id first, partition part = {});
    ~engine();
    engine(engine&&) noexcept;
    engine& operator=(engine&&) noexcept;

    void set_options(const engine_options& options);
    [[nodiscard]] const engine_options& options() const { return options_; }
    /// Running tasks keep what they hold, by the names of their path. Nothing is pending afterwards; but where the
    /// forest came of the one before by a change, what that kept stays pending, as far as the job's filters still pass.
    void set_forest(forest_ptr nodes);
    /// Running tasks keep what they hold.
    void set_resources(resource_table table);

    [[nodiscard]] const resource_table& resources() const { return resources_; }

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
    /// Leaves only tasks that the job's filters let pass, and that the forest does not disable. For what was said to be
    /// startable in an earlier forest.
    void keep_passing(job_index job, std::vector<node_index>& tasks) const;
    void remove_pending(job_index job, std::span<const node_index> tasks);
    void clear_pending(job_index job);
    [[nodiscard]] std::size_t pending_count() const { return pending_count_; }

    /// Adds a worker that takes tasks, or changes one.
    void put_worker(worker_index worker, worker_info info);
    void set_accepting(worker_index worker, bool accepting);
    /// Gives the invocations that it held; they hold nothing any more.
    std::vector<std::pair<invocation_id, held_task>> erase_worker(worker_index worker);
    [[nodiscard]] const worker_table& workers() const { return workers_; }

    // Of a partition that is not the only one:
    /// It may use so many slots of the instance from now on. What runs keeps what it has.
    void lease_instance(std::span<const std::int64_t> limits);
    /// The same of a worker; nothing where that is not known.
    void lease_worker(worker_index worker, std::span<const std::int64_t> limits);
    /// Something waits for slots of the instance or of the workers, and some of those are leased to others. O(1) where
    /// no job waits for the host of a task.
    [[nodiscard]] bool lacks_leases() const;
    /// How often something was held up at the instance, or found no worker, so far.
    [[nodiscard]] std::uint64_t refusals() const { return refusals_; }
    /// What it lacks: demands that there would be room for if all slots were leased to it. Those that were served
    /// longest ago, at most so many that leave the host to chance, and so many that want one. Costs a look at each job
    /// and at whoever waits for a host, and at the workers for each demand.
    [[nodiscard]] std::vector<slot_claim> claims(std::size_t most, std::size_t most_with_host) const;
    /// What runs on nodes of other partitions, which must count it in (see adopt): once for each of them.
    [[nodiscard]] std::vector<task_elsewhere> held_elsewhere() const;
    [[nodiscard]] std::vector<task_elsewhere> held_elsewhere(invocation_id invocation) const;

    /// The id of the next start.
    [[nodiscard]] invocation_id next_invocation() const { return invocation_id{next_invocation_}; }
    /// From now on, ids are not below this one.
    void skip_invocations(invocation_id to);

    /// The next tasks to start, at most `limit`. Where it gives fewer, nothing that is pending can start.
    std::vector<start_decision> start(std::size_t limit);
    /// Takes slots for a task that was found to run already, whatever the limits: those it was started with, where that
    /// is known, else what its job takes now. Without a worker: for a task that another partition has started.
    void adopt(invocation_id invocation, const held_task& task, const std::optional<job_demands>& started_with = {});
    /// Frees what an invocation holds. False where it is unknown.
    bool finish(invocation_id invocation);
    /// The same for many, faster: what one of them touches is fetched into the cache while others are worked on.
    /// Returns how many were known.
    std::size_t finish(std::span<const invocation_id> invocations);

    [[nodiscard]] std::size_t running_count() const { return by_invocation_.size(); }
    [[nodiscard]] bool holds(invocation_id invocation) const { return by_invocation_.contains(invocation.value); }
    /// By name; nothing where it is unknown.
    [[nodiscard]] std::optional<held_task> held(invocation_id invocation) const;
    /// Costs what the worker runs.
    [[nodiscard]] std::vector<invocation_id> held_by(worker_index worker) const;
    /// What runs of a job. O(1) where nothing does, else O(all that runs).
    [[nodiscard]] std::vector<std::pair<invocation_id, held_task>> held_of(job_index job) const;
    /// What a task of the job takes if it starts now.
    [[nodiscard]] job_demands demands_of(job_index job) const;
    [[nodiscard]] bool is_pending(job_index job, node_index task) const;
    /// Why a pending task does not start: what keeps it for ever, else what is nearest to it. (With replicas, where the
    /// host depends on the path, workers that are too small come after nodes that are full.)
    [[nodiscard]] blocker why_waiting(job_index job, node_index task) const;
    /// Why the next pending task of a job does not start.
    [[nodiscard]] blocker why_waiting(job_index job) const;
    /// What all pending tasks of a job wait for: what keeps them for ever, else outermost first, as who waits for a
    /// node does not ask for what is below it. O(1) where it is the instance or the workers, of jobs that leave the
    /// host to chance; else some ten nanoseconds for each node above the tasks, and for each pending task that asks for
    /// something of its own node, or may have two parents. Where the host depends on a node, a look at that host's name
    /// for each parent of tasks, and at all workers for each host.
    [[nodiscard]] std::vector<blocked_tasks> all_waiting(job_index job) const;
    /// Invocations that hold some of what the blocker lacks, at most `most`, and how many there are. Costs a look at
    /// what the worker runs; of a node at all that runs, or at each job on each node below it where that is less, and
    /// running tasks were asked for lately (see task_index). Those of the instance are not looked at one by one, unless
    /// its name or nodes have changed while they ran.
    [[nodiscard]] std::pair<std::vector<invocation_id>, std::uint64_t> holders(const blocker& b,
                                                                               std::size_t most) const;
    /// Slots in use and limits of a node, in the order of its level's resources.
    [[nodiscard]] std::vector<std::int64_t> used(node_index node) const;
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
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);
    static constexpr std::uint32_t empty_demand = 0;  // of tasks whose job is gone
    using demand_by_level = std::map<std::string, amounts>;
    using slots = std::vector<std::int64_t>;

    // What a job asked for at some time: by name, which survives a change of the tables, and as the tables are now.
    // Shared by the job and by the tasks that it started then.
    struct demand_set {
        demand_by_level by_name;
        std::vector<slots> by_level;  // of the forest, from the instance on
        slots worker;
        std::uint32_t users = 0;  // jobs and running tasks
        std::uint32_t held = 0;   // of them, running tasks
    };
    // A running task, in one line of the cache.
    struct alignas(64) holding {
        invocation_id invocation;  // not valid where it is unused
        job_index job;
        worker_index worker;
        std::uint32_t demand = 0;
        bool is_astray = false;         // the forest does not have the path any more
        bool has_names = false;         // in names_, where the forest lacks some of the path
        bool is_known_by_task = false;  // in by_task_, by the first of its nodes; while that is in use
        node_path nodes;                // as far as the forest has them
    };
    static_assert(sizeof(holding) == 64);
    // Jobs that ask the same of a worker, whatever its host.
    struct demand_class {
        slots demand;
        job_queue queue;
        std::size_t jobs = 0;
        bool blocked = false;
        std::vector<job_index> with_offers;  // each once: its jobs that have offers, and some that had
    };
    // A job that is parked at a node until a worker of some host has room.
    struct host_waiter {
        job_index job;
        node_index node;
        std::uint64_t since = 0;  // counts such waits
    };
    // engine.cpp: tables, jobs, tasks, workers
    [[nodiscard]] job_index add_entry(const job_spec& spec);
    void rebuild_job(job_index index, bool keep_pending);
    void renew_job(job_index index);
    void withdraw_offers(job_index index);
    void forget_hosts(job_index index);
    void forget_all_hosts();
    void renew_demand(job_entry& job);
    std::uint32_t add_demand(demand_set fresh);
    std::uint32_t demand_of_adopted(const job_entry& job, const std::optional<job_demands>& started_with);
    void resolve(demand_set& demand) const;
    void unuse(std::uint32_t demand);
    void join_class(job_index index);
    void leave_class(job_entry& job);
    void drop_if_unused(job_index index);
    [[nodiscard]] std::size_t first_slot_of(node_index node, level_index level) const {
        return std::size_t{node.value - forest_->first_of(level).value} * limits_[level.value].size();
    }
    [[nodiscard]] std::int64_t limit_of(std::uint32_t level, std::size_t resource) const;
    void note_least_demand();
    void rebuild_limits();
    void recount();
    void forget_who_waits();
    [[nodiscard]] node_rank rank_of(const job_entry& job);
    [[nodiscard]] job_entry& entry(job_index job) const { return *jobs_[job.value]; }

    // engine_start.cpp: decisions
    [[nodiscard]] preference wish_of(job_index index) const;
    void renew_glance(job_index index);
    void note_wish(job_index index);
    void note_wishes(const waiting_jobs& waiting);
    class room_at;
    enum class among_equals : bool { by_turn, by_offers };
    void update_queue(job_index index);
    [[nodiscard]] bool has_room(const job_entry& job, node_index node) const;
    [[nodiscard]] std::optional<job_index> choose_job();
    [[nodiscard]] bool full_for_all(node_index place) const;
    [[nodiscard]] bool is_open(const job_entry& job, node_index node) const;
    [[nodiscard]] bool has_way_up(const job_entry& job, node_index node) const;
    bool find_way_up(const job_entry& job, node_path& way, node_path& dead) const;
    [[nodiscard]] bool starts_directly(const job_entry& job, node_index place) const;
    [[nodiscard]] job_index first_at_place(node_index place, waiting_jobs waiting, among_equals rule);
    [[nodiscard]] bool is_first_at_place(job_index index, node_index place, const waiting_jobs& waiting);
    void note_offers(job_index index);
    void offer(node_index place);
    void offer_changed_places();
    waiting_jobs withdraw_offer(node_index place, job_index from);
    void block(demand_class& c);
    [[nodiscard]] std::optional<start_decision> take_offer(job_index index);
    [[nodiscard]] invocation_id next_id();
    [[nodiscard]] std::optional<start_decision> search(job_index index);
    [[nodiscard]] std::optional<start_decision> start_below(job_index index, node_index place);
    [[nodiscard]] std::optional<worker_index> worker_for(job_index index, std::span<const node_index> from_root);
    [[nodiscard]] std::string host_wanted(const job_entry& job, std::span<const node_index> path) const;
    void fetch_place(const job_entry& job, node_index place) const;
    void park(job_index index, node_index node);
    void unpark(job_index index, node_index node);
    void park_for_host(job_index index, std::span<const node_index> from_root, const std::string& host);
    void wake(node_index node);
    void note_change(node_index place, waiting_jobs waiting);
    void worker_has_room(worker_index worker);
    [[nodiscard]] double dominant_share(const job_entry& job) const;

    // engine_held.cpp: what running tasks hold
    holding& hold(invocation_id invocation, job_index job, worker_index worker, std::uint32_t demand);
    void finish_holding(std::uint32_t index);
    void account(const holding& h, std::int64_t sign);
    [[nodiscard]] bool has_task(const holding& h) const;
    void note_task(holding& h);
    void forget_task(holding& h);
    [[nodiscard]] auto task_of() const {
        return [this](std::uint32_t index) { return std::pair{holdings_[index].job, holdings_[index].nodes.front()}; };
    }
    void ask_for_tasks();
    [[nodiscard]] const holding* find_holding(job_index job, node_index task) const;
    [[nodiscard]] std::uint32_t index_of(const holding& h) const {
        return static_cast<std::uint32_t>(&h - holdings_.data());
    }
    [[nodiscard]] std::vector<std::string> names_of(const holding& h, const forest& nodes) const;
    void find_nodes(holding& h, std::vector<std::string> names);
    void set_names(holding& h, std::vector<std::string> names);
    void set_astray(holding& h, bool is_astray);
    [[nodiscard]] std::string check_waiting() const;

    [[nodiscard]] blocker lack_of(const job_entry& job, node_index node, std::size_t resource) const;
    [[nodiscard]] blocker explain_node(const job_entry& job, node_index node) const;
    [[nodiscard]] std::optional<std::pair<level_index, std::size_t>> never_enough(const job_entry& job) const;
    class waiting_scan;
    template <class F>
    void for_each_holding(F&& visit) const {
        for (const auto& h : holdings_)
            if (h.invocation.valid()) visit(h);
    }
    template <class F>
    void for_each_holder(node_index place, F&& visit) const;
    [[nodiscard]] bool runs_where_it_seems() const;
    [[nodiscard]] std::vector<node_index> nodes_below(node_index place, std::size_t most) const;
    [[nodiscard]] std::pair<std::vector<invocation_id>, std::uint64_t> holders_of_instance(std::size_t resource,
                                                                                           std::size_t most) const;
    [[nodiscard]] blocker explain_path(const job_entry& job, std::vector<node_index>& path) const;
    [[nodiscard]] blocker explain_worker(const job_entry& job, std::span<const node_index> path) const;

    // engine_nodes.cpp: a forest that came of the one before
    void follow(forest_ptr nodes, const forest_change& change);
    [[nodiscard]] std::shared_ptr<const bit_set> closed_nodes(const job_entry& job, const forest_change* change) const;
    [[nodiscard]] bit_set nodes_above_replicas(level_index level, const forest_change* change) const;
    void move_holdings(const forest_change& change);
    void move_used(const forest& before, const forest_change& change);
    void move_who_waits(const forest_change& change);
    void drop_what_is_excluded(job_entry& job, const forest_change& change);
    std::vector<std::uint32_t> release_what_moves(const forest_change& change);

    // engine_leases.cpp
    void note_instance_lease();
    [[nodiscard]] bool instance_has_room(std::span<const std::int64_t> demand, bool leased) const;
    using claim_key =
        std::tuple<std::uint32_t, std::string, bool>;  // demand, host (empty: any), which is not known yet
    [[nodiscard]] std::map<claim_key, slot_claim> possible_claims() const;
    [[nodiscard]] std::size_t pending_below(const job_entry& job, node_index node) const;
    void add_elsewhere(const holding& h, std::vector<task_elsewhere>& found) const;

    engine_options options_;
    partition part_;
    std::uint64_t next_invocation_;
    std::unique_ptr<policy> policy_;
    random_source random_;
    forest_ptr forest_;
    resource_table resources_;
    std::vector<slots> limits_;          // by forest level, then resource; of the instance, what is leased
    bool instance_is_leased_ = true;     // all of it
    std::vector<slot_counts> used_;      // by forest level, then node within it and resource
    std::vector<slots> capacity_;        // by forest level, then resource: the sum of the limits
    std::optional<name_ranks> by_name_;  // where asked for
    worker_table workers_;
    std::vector<std::unique_ptr<job_entry>> jobs_;  // by job_index; null where unused
    std::map<job_id, job_index> jobs_by_name_;
    std::size_t pending_count_ = 0;
    std::deque<demand_set> demands_;   // which stay where they are: jobs point at theirs
    std::vector<slots> least_demand_;  // by forest level, then resource: of any job
    std::vector<std::uint32_t> unused_demands_;
    std::map<demand_by_level, std::uint32_t> demands_by_name_;  // each once, so that equal ones have one number
    std::vector<job_glance> glances_;                           // by job_index
    std::vector<std::unique_ptr<demand_class>> classes_;        // the first has the jobs that want a certain host
    invocation_index by_invocation_;                            // of holdings_
    task_index by_task_;                                        // of holdings_; while it is in use
    std::vector<holding> holdings_;
    std::vector<std::uint32_t> unused_holdings_;
    std::size_t astray_ = 0;
    std::vector<std::vector<std::uint32_t>> held_by_worker_;                    // by worker: of holdings_
    std::vector<std::uint32_t> place_at_worker_;                                // by holding: in held_by_worker_
    boost::unordered_flat_map<std::uint32_t, std::vector<std::string>> names_;  // of holdings_
    waiting_table waiting_at_;
    std::vector<node_index> changed_places_;     // of waiting_at_, each once
    std::vector<const job_queue*> open_queues_;  // of choose_job(), kept for its memory
    std::map<std::string, std::vector<host_waiter>> waiting_for_host_;
    std::uint64_t waits_ = 0;  // for a host, so far
    std::uint64_t refusals_ = 0;
    std::uint64_t served_ = 0;
};

}  // namespace bistro
