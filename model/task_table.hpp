// The tasks of one job: the status of each, which of them may start now, and what changes that. It decides
// eligibility and never looks at slots; the engine decides slots and never looks at statuses.
#pragma once

#include <array>
#include <boost/functional/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "model/bit_set.hpp"
#include "model/forest.hpp"
#include "model/forest_history.hpp"
#include "model/job.hpp"
#include "model/path_filter.hpp"
#include "model/task_status.hpp"

namespace bistro {

/// How many tasks of a job are in which situation. Each task counts once, and `total` leaves the excluded out. What
/// runs on a node that is gone meanwhile still counts.
struct task_counts {
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t running = 0;
    std::uint64_t ending = 0;    ///< have ended; the result is being stored
    std::uint64_t ready = 0;     ///< may start as soon as there are slots
    std::uint64_t backoff = 0;   ///< wait for a time
    std::uint64_t blocked = 0;   ///< wait for other jobs, or the job is disabled
    std::uint64_t excluded = 0;  ///< filtered out, or on a disabled node

    [[nodiscard]] std::uint64_t unfinished() const { return total - done - failed; }
    /// Some attempt runs, or has ended and is not durable.
    [[nodiscard]] bool alive() const { return running + ending > 0; }
    bool operator==(const task_counts&) const = default;
};

/// Why a task is not ready. `ready` and `running` leave nothing to explain here.
enum class task_situation : std::uint8_t {
    ready,
    running,
    done,
    failed,
    backoff,
    job_disabled,
    job_invalid,
    waits_for_node_of_job,  ///< depends_on
    waits_for_whole_job,    ///< run_only_after_all_nodes_are_done_for
    node_disabled,
    filtered_out,
    no_such_task,
};

/// The word for people that stands for a task's state; one of task_words.
std::string_view word_of(task_situation situation, const task_status& status);
inline constexpr std::array<std::string_view, 11> task_words{"waiting",  "running",    "backoff", "blocked",
                                                             "done",     "incomplete", "error",   "failed",
                                                             "disabled", "excluded",   "gone"};

/// Of a task of which no more is known than its status, while no scheduler runs.
task_situation situation_of(const task_status& stored);

/// What the outside must be told after an event, in node indexes of the table's forest.
struct table_changes {
    std::vector<node_index> ready;      ///< may start from now on
    std::vector<node_index> withdrawn;  ///< may no longer start
    std::vector<node_index> done;       ///< became done
    std::vector<node_index> undone;     ///< are no longer done
    bool replaced = false;              ///< `ready` and `done` are the whole truth, the rest is empty
    bool moved = false;  ///< not so, but the forest is a changed one: what goes with it goes without a word. What is
                         ///< done on nodes that are altered, or below them, is told again
    bool all_done_changed = false;  ///< what all_done() says; also where no node's task did, as of nodes that are gone

    [[nodiscard]] bool for_dependents() const {
        return replaced || moved || all_done_changed || !done.empty() || !undone.empty();
    }
    [[nodiscard]] bool for_pool() const { return replaced || moved || !ready.empty() || !withdrawn.empty(); }
    [[nodiscard]] bool empty() const { return !for_dependents() && !for_pool(); }
};

/// A status to be stored, and the attempt that led to it.
struct status_change {
    node_id node;
    task_status status;
    time_ms started_ms = 0;  ///< of the attempt that ended; 0: it is not known, or none did
};

/// A task that runs, as its job sees it.
struct running_task {
    node_id node;
    std::string worker;
    time_ms started_ms = 0;
};

/// All functions take the time in `now`; it must not go backwards.
class task_table {
public:
    explicit task_table(job_spec spec);

    [[nodiscard]] const job_spec& spec() const { return spec_; }
    /// number_of_rules() of it.
    [[nodiscard]] std::uint64_t rules() const { return rules_; }
    [[nodiscard]] const forest_ptr& nodes() const { return forest_; }
    [[nodiscard]] const task_counts& counts() const { return counts_; }

    /// Remembered status of a task, from a store. To be called before the task is first offered.
    void restore(const node_id& node, task_status status, time_ms now);

    /// Costs a look at each task, but nothing where the rules stay the same (number_of_rules).
    void set_spec(job_spec spec, time_ms now);
    /// All knowledge of other jobs is void until they report for this forest; but where that came of the one before by
    /// a change, it is known where they were done, but for altered nodes and what is below them. Costs a look at each
    /// task; after a change, a copy of some bytes of each, and a look at what changed, what runs, and what is
    /// remembered of tasks beyond that: failures, waits, data. (But of each where the whole job waited for others, and
    /// they were all done: now it has to wait again.)
    void set_forest(forest_ptr nodes, time_ms now);
    /// The next changes are the whole truth.
    void tell_all(time_ms now) {
        if (forest_) rebuild(now);
    }
    /// The job is gone from the config: nothing more starts.
    void retire(time_ms now);

    /// News of a job that this one depends on. Node lists are those of this table's forest.
    void dependency_replaced(const job_id& job, const std::vector<node_index>& done, bool all_done, time_ms now);
    /// False where that is not enough, and the other has to be asked for the whole truth.
    [[nodiscard]] bool dependency_changed(const job_id& job, const std::vector<node_index>& done,
                                          const std::vector<node_index>& undone, bool all_done, time_ms now);
    /// The same of an earlier version of the forest: the other will report for this one, too. Costs a look at each task
    /// where these changes lie too far back, or the whole truth was told, or what lies between altered nodes.
    void dependency_reported_late(const job_id& job, std::uint64_t version, bool replaced, std::vector<node_index> done,
                                  std::vector<node_index> undone, time_ms now);

    /// A task was found to run already, or to have ended unheard. False where that is stale: the task has ended since.
    bool adopt(invocation_id invocation, running_task task, time_ms now);
    /// A task was started. `hint`: where its node may be in the forest.
    void started(invocation_id invocation, running_task task, time_ms now, node_index hint = node_index{});
    /// An attempt ended. Gives the status to store; the table takes it over at made_durable(). Nothing where the end
    /// is stale: of an unknown, older or already ended invocation.
    std::optional<status_change> ended(const attempt_end& end);
    /// The status that ended() gave is safe.
    void made_durable(invocation_id invocation, time_ms now);
    /// The end of this attempt is known, but not durable yet.
    [[nodiscard]] bool is_ending(invocation_id invocation) const;

    /// Which tasks are meant, by node and status; empty: all.
    using which_tasks = std::function<bool(const node_id&, const task_status&)>;
    /// Errors and failures are forgotten: such tasks are as unstarted, their data kept. Gives the statuses to store.
    std::vector<status_change> forgive(time_ms now, const which_tasks& which = {});
    /// How many tasks that would be.
    [[nodiscard]] std::uint64_t count_forgivable(time_ms now, const which_tasks& which = {}) const;
    /// Ends waits that are over.
    void advance(time_ms now);
    /// When advance() or orphans_due() next has something to do.
    [[nodiscard]] std::optional<time_ms> next_wakeup() const;
    /// Running tasks to be killed because their job or node is gone for too long.
    [[nodiscard]] std::vector<invocation_id> orphans_due(time_ms now);

    /// What happened since the last call.
    table_changes take_changes();

    /// True where every task that the job has is done, and its nodes are known.
    [[nodiscard]] bool all_done() const;
    /// Every node on which this job is done.
    [[nodiscard]] std::vector<node_index> done_nodes() const;
    /// Calls `visit` for every running task, in no order.
    void for_each_running(const std::function<void(invocation_id, const running_task&)>& visit) const;

    /// What a task's last attempt left for the next; null where it left nothing.
    [[nodiscard]] const std::string* data_of(node_index node) const;
    [[nodiscard]] task_status status_of(const node_id& node) const;
    [[nodiscard]] task_situation situation_of(const node_id& node) const;
    /// Jobs that hold up any of this job's tasks, or may.
    [[nodiscard]] std::vector<job_id> waited_for() const;
    [[nodiscard]] bool retired() const { return retired_; }
    /// For an excluded task: a sentence that names the node, and the filter, that excludes it.
    [[nodiscard]] std::string why_excluded(const node_id& node) const;
    /// For a task in `waits_for_...`: the jobs that it waits for.
    [[nodiscard]] std::vector<job_id> waits_for(const node_id& node) const;
    /// Calls `visit` for every task that the job has or remembers, excluded ones included, in node order.
    void for_each(const std::function<void(const node_id&, const task_status&, task_situation)>& visit) const;
    /// The same of those in the forest, without what costs more: O(tasks), and no names.
    void for_each_node(const std::function<void(node_index, task_situation)>& visit) const;
    /// The same with the status, which costs a little more.
    void for_each_node(const std::function<void(node_index, const task_status&, task_situation)>& visit) const;
    /// As for_each() of those behind `after` (empty: of all), until `visit` says false. Nothing where there is no such
    /// task.
    void visit_behind(const node_id& after,
                      const std::function<bool(const node_id&, const task_status&, task_situation)>& visit) const;

    /// An empty string, or the first invariant that does not hold. For tests.
    [[nodiscard]] std::string sanity_check() const;

private:
    using position = std::uint32_t;  // of a node within the job's level
    static constexpr position none = static_cast<position>(-1);

    struct details {
        std::uint32_t backoff_step = 0;
        time_ms retry_at_ms = 0;
        invocation_id invocation;
        bool synthetic = false;
        std::string data_json;
    };
    struct slot {  // one byte a task
        std::uint8_t state : 3 = 0;
        std::uint8_t live : 1 = 0;      // runs, or its end is not durable yet
        std::uint8_t ending : 1 = 0;    // that is it, of the two
        std::uint8_t excluded : 1 = 0;  // by a filter or a disabled node
        std::uint8_t waiting : 1 = 0;   // for its time
        std::uint8_t offered : 1 = 0;   // told to the outside as ready
    };
    struct dependency {
        bit_set done;        // by position, where that is
        bool known = false;  // for this forest
        bool asked = false;  // for the whole truth, since it is not known
    };
    // A running task, or one whose end is not durable yet.
    struct live_task {
        running_task task;
        position at = none;                   // in the forest of now
        std::unique_ptr<task_status> ending;  // where it ended
    };
    // A running task whose job or node is gone or disabled.
    struct orphan {
        time_ms since_ms = 0;
        time_ms next_kill_ms = 0;  // not asked for again before
    };

    [[nodiscard]] position position_of(std::string_view node) const;
    [[nodiscard]] position position_of(std::string_view node, node_index hint) const;
    [[nodiscard]] node_index node_at(position p) const;
    [[nodiscard]] node_id name_at(position p) const;
    [[nodiscard]] task_status status_at(position p) const;
    [[nodiscard]] task_situation situation_at(position p) const;
    [[nodiscard]] bool job_may_run() const;
    [[nodiscard]] bool gates_open() const;
    [[nodiscard]] std::uint64_t task_counts::*count_of(position p) const;
    [[nodiscard]] std::vector<bool> passing_nodes() const;

    void write(position p, const task_status& status, time_ms now);
    template <class Change>
    void change(position p, Change&& mutate);
    void refresh(position p);
    static std::uint64_t task_counts::*count_of(const live_task& live);
    void count_homeless(const live_task& live, bool more);
    void rebuild(time_ms now);
    void set_excluded(position p, bool excluded);
    void set_dependency(dependency& on, node_index node, bool done);
    // task_table_nodes.cpp
    [[nodiscard]] bool follow(const forest_ptr& nodes, time_ms now);
    void leave(position p);
    void come(position p, const path_filter& filter, time_ms now);
    void move_live_tasks(const index_shift& kept);
    void renew_excluded(const forest_change& change, const path_filter& filter);
    void doubt(const forest_change& change);

    void note_orphan(invocation_id invocation, position at, time_ms now);
    [[nodiscard]] time_ms kill_time(const orphan& task) const;
    [[nodiscard]] status_change corrected(status_change before, const attempt_end& end);
    [[nodiscard]] bool is_live(std::string_view node) const;
    // The status that it would have; nothing where there is nothing to forgive, or it is not meant.
    [[nodiscard]] std::optional<task_status> forgivable_at(position p, time_ms now, const which_tasks& which) const;
    [[nodiscard]] std::optional<task_status> forgivable(const std::string& absent, const task_status& before,
                                                        time_ms now, const which_tasks& which) const;
    [[nodiscard]] task_status remembered(std::string_view node) const;

    struct name_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return boost::hash<std::string_view>{}(name); }
    };
    using absent_statuses = boost::unordered_flat_map<std::string, task_status, name_hash, std::equal_to<>>;

    job_spec spec_;
    std::uint64_t rules_;
    bool retired_ = false;
    forest_ptr forest_;
    forest_history history_;
    std::optional<level_index> level_;
    std::vector<slot> slots_;
    boost::unordered_flat_map<position, details> details_;
    std::vector<std::uint16_t> unmet_;  // by position: depends_on jobs that are not done there; empty without any
    std::map<job_id, dependency> dependencies_;
    std::map<job_id, bool> gates_;                              // run_only_after_...: open or not
    absent_statuses absent_;                                    // statuses of nodes that the forest lacks
    boost::unordered_flat_map<std::uint64_t, live_task> live_;  // by invocation
    std::map<invocation_id, orphan> orphans_;
    using timer = std::pair<time_ms, position>;
    std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
    task_counts counts_;
    table_changes changes_;
    bool told_all_done_ = false;
};

}  // namespace bistro
