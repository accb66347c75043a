// Messages within a process, which are delivered once and in order. Messages are named for what happened or what is
// asked, and carry many where one event can. Those between processes are in worker_messages.hpp and query_messages.hpp,
// those for people who look at a process in view_messages.hpp.
#pragma once

#include <caf/actor_control_block.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/protocol/query_messages.hpp"
#include "actors/protocol/worker_messages.hpp"
#include "config/settings.hpp"
#include "io/log_store/log_store.hpp"
#include "io/process/process_launcher.hpp"
#include "io/status_store/status_store.hpp"
#include "model/attempt.hpp"
#include "model/engine/engine.hpp"
#include "model/event.hpp"
#include "model/failure_groups.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"
#include "model/liveness.hpp"
#include "model/pace.hpp"
#include "model/process_outcome.hpp"
#include "model/slot_broker.hpp"
#include "model/task_table.hpp"
#include "model/worker_registry.hpp"

namespace bistro {

// -- nodes ------------------------------------------------------------------------------------------------------------

/// Source to nodes: everything that the source has now, or why it has nothing new.
struct source_fetched {
    std::size_t source = 0;
    std::uint64_t request = 0;  ///< answers this parents_known; 0: by itself
    std::vector<node_decl> nodes;
    diagnostics problems;  ///< without a file: of the source as a whole
    bool failed = false;   ///< then `nodes` is empty, and the last good ones stay
};

/// Nodes to source: fetch, below these parents.
struct parents_known {
    std::uint64_t request = 0;
    std::vector<std::string> parents;
};

/// To a source, from its reader: the text of a file, or what a script printed for one parent.
struct source_read {
    std::uint64_t attempt = 0;
    std::string parent;
    std::string text;
    std::string failure;        ///< why there is no text
    std::uint64_t process = 0;  ///< of the script
};

/// Nodes to scheduler, and on to pool and jobs: a new forest.
struct nodes_changed {
    forest_ptr nodes;
    diagnostics problems;             ///< of all sources, as they are now
    bool first_fetch_failed = false;  ///< some source has never had any nodes to give
};

// -- scheduler, pool and jobs -----------------------------------------------------------------------------------------

struct config_changed {
    std::shared_ptr<const settings> config;
};

struct pool_configured {
    engine_options options;
    resource_table resources;
};

struct job_changed {
    job_spec spec;
};

/// To a job: it is gone from the config.
struct job_removed {
    job_id job;
};
/// To a pool: of this job nothing runs any more, it says, as far as it has heard of this pool's starts.
struct job_ended {
    job_id job;
    std::uint64_t seen_starts = 0;
};
/// The pool's answer: false where it has started more than that, which has to end first.
struct job_removal {
    bool removed = false;
};

/// Job to pool: which tasks of its partition may start. Node indexes are of the forest with that version. Of an earlier
/// one, they are taken where changes led from it to the pool's; else the job says it all again for the new forest, by
/// itself or since it is asked to. A job that waits for whole jobs always does. `seen_starts` counts, by pool, the
/// starts that the job has heard of, so that one under way is not taken for pending.
struct pending_changed {
    job_id job;
    std::uint64_t forest_version = 0;
    std::vector<std::uint64_t> seen_starts;
    std::uint64_t rules = 0;  ///< of the job (number_of_rules), when this was said
    bool replace = false;
    std::uint64_t unfinished = 0;
    std::vector<node_index> ready;
    std::vector<node_index> withdrawn;
    std::vector<std::pair<node_index, std::string>> data;  ///< what ready tasks are handed from their last attempt
};

/// Pool to job: say it all again. Some of it was not understood, or was said before the nodes or the job's rules
/// changed.
struct pending_asked {};

/// Pool to job.
struct tasks_started {
    std::vector<attempt_start> starts;
    std::uint64_t count = 0;        ///< starts of this job by this pool so far, these included
    bool adopted = false;           ///< they ran already: a worker came back with them
    std::uint32_t pool = 0;         ///< its number
    std::vector<node_index> nodes;  ///< of the starts, in the pool's forest, as a hint; or empty
};

/// Pool to job. Also carries ends of invocations that the pool does not know: the job decides what they mean.
struct attempts_ended {
    std::vector<attempt_end> ends;
};

/// Job to pool: these ends are stored, or mean nothing any more; their workers may forget them.
struct results_durable {
    std::vector<invocation_id> invocations;
    job_id job;
    std::vector<std::uint64_t> seen_starts;  ///< as in pending_changed
    std::uint64_t unfinished = 0;
};

/// Scheduler to pool, each with what has an id of its own; answered by `worker_taken` when all of that is counted in.
struct worker_joined {
    worker_index worker;
    worker_info info;
    caf::strong_actor_ptr handle;
    std::uint64_t session = 0;
    std::vector<task_report> running;
    std::vector<finished_task> unacknowledged;
    /// For some pool, of an earlier life: then nothing of the instance is leased until all have counted them in.
    bool brings_tasks = false;
};
struct worker_taken {};
struct worker_accepts {
    worker_index worker;
    bool accepting = false;
};
struct worker_gone {
    worker_index worker;
    std::string reason;
};

/// To a pool: end a running task; answered by how many there were.
struct kill_tasks {
    std::vector<invocation_id> invocations;  ///< or, where empty:
    job_id job;
    node_id node;  ///< empty: all of the job; both empty: all
    std::string reason;
    bool blameless = false;
};

/// Job to job: where the sender is done. `replaced`: `done` is the whole truth for this forest. Otherwise it is what
/// has changed since the news before; in the first of a changed forest, what is done on altered nodes, or below them,
/// again.
struct dependency_news {
    job_id job;
    forest_ptr nodes;
    bool replaced = false;
    bool all_done = false;
    std::vector<node_index> done;
    std::vector<node_index> undone;
};

/// Job to job: it wants to hear the whole truth, for it can't tell what has changed.
struct news_asked {};

/// Job to scheduler and monitor, after each event.
struct job_progress {
    job_id job;
    std::string level;
    task_counts counts;
    std::uint64_t changes = 0;  ///< events so far
    bool retired = false;
    time_ms last_end_ms = 0;
    std::vector<std::uint64_t> seen_starts;  ///< by pool, as in pending_changed: what is said here includes these
    bool loaded = true;                      ///< false: the job does not know its tasks yet
    double rate = 0;                         ///< tasks that finish in a second, lately
    std::optional<time_left> left = {};
};

/// Scheduler to job, answered by job_progress: what is your state after all that was sent to you before?
struct progress_asked {};

/// To a job: forget errors and failures, or say of how many.
struct forgive_asked {
    failure_filter which;
    bool only_count = false;
};

/// Job to job's dependents: declared in interfaces.hpp, since it carries handles.
struct dependents_changed;

/// Scheduler to pool: who all of them are, by number.
struct pools_known {
    std::vector<caf::strong_actor_ptr> pools;
};

/// What one pool has started on a node that is another's now.
struct task_told {
    invocation_id invocation;
    job_id job;
    std::vector<std::string> path;  ///< node first, instance last; of one that has ended, the node alone
    job_demands demands;            ///< of nodes alone
    bool runs = false;
    std::string worker;       ///< shard of where it runs
    std::uint64_t start = 0;  ///< not 0: its job may not have heard of it, which is that pool's start of this number
};
/// Pool to pool, for each forest and whenever there is one more. Nothing starts before all pools have told of the same
/// forest.
struct tasks_elsewhere {
    std::uint32_t from = 0;
    std::uint64_t forest_version = 0;
    bool replaces = false;  ///< these are all; else some more
    std::vector<task_told> tasks;
    invocation_id next;  ///< of the sender. Whoever starts a task after this gives it a later id
};
/// Pool to pool, now and then: ids are the later, the larger they are, so far.
struct ids_reached {
    invocation_id next;
};
/// Pool to pool: the job is gone, and with it what was told of its starts.
struct job_forgotten {
    std::uint32_t from = 0;
    job_id job;
};
/// Pool to pool: these, of which it told, run no more.
struct elsewhere_ended {
    std::uint32_t from = 0;
    std::vector<invocation_id> invocations;
};

/// Pool to scheduler: something waits for leased slots that others have, or no longer.
struct slots_wanted {
    std::uint32_t pool = 0;
    bool wanted = false;
};
/// Scheduler to pool, answered by slot_report. After that the pool says slots_wanted once more when a task has ended
/// that others, or its own, may wait for, or when more of its own wait.
struct slots_asked {
    bool others_wait = false;
};
/// Scheduler to pool: so much may be used from now on.
struct leases_changed {
    std::vector<account_slots> leases;
};

/// To a pool: who has some of what this lacks, besides those that another pool has told of?
struct holders_asked {
    blocker why;
};
struct holders_answer {
    std::vector<slot_holder> holders;
    std::uint64_t others = 0;
};

/// To a pool: why does the next task of each job wait? Answered by pool_stalled.
struct reasons_asked {};

/// To a pool: why does this task wait, or, with an empty node, what do all of the job's wait for?
struct waiting_asked {
    job_id job;
    node_id node;
};
struct waiting_explained {
    blocker why;                       ///< of the task
    std::vector<slot_holder> holders;  ///< of what it lacks
    std::uint64_t other_holders = 0;
    std::vector<blocked_tasks> all;  ///< of the job
};

/// Watcher to the scheduler: whom to ask for changes of the jobs. A config_watcher_actor.
struct watcher_here {
    caf::strong_actor_ptr watcher;
};

/// Watcher to itself: the file may have changed.
struct file_changed {
    bool whole = false;    ///< likely to be complete, so that it can be read at once
    bool settled = false;  ///< no change, but some time is over
};

/// Pool to scheduler: tasks wait, none runs, and none of those can start.
struct pool_stalled {
    std::vector<std::pair<job_id, std::string>> reasons;  ///< by job: why its next task does not start
    std::uint32_t pool = 0;                               ///< its number
    bool expects = false;      ///< none runs, but some may start when other pools or the scheduler have answered
    std::uint64_t fenced = 0;  ///< messages of workers so far that were of an earlier session, and dropped
};

/// Store to scheduler: statuses can't be made durable (a reason), or can again (empty).
struct store_health {
    std::string trouble;
};

/// Errors of an operation that nobody waits for, for people. An empty text takes back what `source` said before.
struct problem {
    std::string source;
    std::string text;
};

struct events_happened {
    std::vector<event> events;  ///< without numbers; those of attempts only where somebody keeps them
    std::uint64_t started = 0;  ///< attempts
    std::uint64_t ended = 0;
};

// -- stores -----------------------------------------------------------------------------------------------------------

struct load_statuses {
    job_id job;
};
struct statuses_loaded {
    std::vector<std::pair<node_id, task_status>> statuses;
    std::vector<failure_record> failures;
};
/// Answered by `recorded` once it is durable, and not before.
struct record_statuses {
    std::shared_ptr<const status_batch> batch;
};
struct recorded {};
/// Answered by itself when all that was recorded before is durable.
struct flush_store {};

/// To the status store: a scheduler_actor that wants to hear store_health.
struct health_to {
    caf::strong_actor_ptr listener;
};

/// Task to log store, answered by `lines_kept`.
struct append_lines {
    std::vector<log_line> lines;
};
struct lines_kept {
    std::uint64_t bytes = 0;
};

/// To itself: commit what has gathered. Goes behind the records that are in the mailbox already, so that all of them
/// share one commit.
struct commit_due {};

/// To itself: try to load again.
struct load_due {};

/// To itself: report progress.
struct report_due {};

/// To itself, at a time. Of several under way only the latest generation counts.
struct wake_due {
    std::uint64_t generation = 0;
};

// -- worker and tasks -------------------------------------------------------------------------------------------------

/// Worker to task: end, by TERM to its group and, after a wait, by KILL.
struct stop_task {
    std::string reason;
    bool blameless = false;
};
/// To a worker: here is the gateway of its scheduler.
struct gateway_found {
    caf::strong_actor_ptr gateway;
    std::string secret;
};
/// Worker to its connector: find the gateway again, after a wait.
struct gateway_wanted {};
/// Launcher to task.
struct output_written {
    std::vector<output_line> lines;
};
struct process_ended {
    process_outcome outcome;
};
/// Task to worker.
struct task_ended {
    attempt_end end;
};
/// To a worker: start nothing more, stop what runs, hand its results back, and end.
struct stop_worker {};

// -- people -----------------------------------------------------------------------------------------------------------

/// To the scheduler: answered by run_finished when nothing runs and nothing ever will, of itself.
struct await_quiescence {};
struct run_finished {
    std::vector<job_progress> jobs;
    std::vector<std::pair<job_id, std::string>> stalled;  ///< why tasks are left over
    std::string failure;                                  ///< it could not run at all
    std::string nodes_problem;                            ///< what was wrong with the nodes; empty: nothing
    std::shared_ptr<const settings> config = nullptr;     ///< in force at the end
};
/// To the scheduler: stop starting, stop what runs, make all durable; answered by `stopped`.
struct stop_scheduler {};
struct stopped {};
/// Scheduler to itself: it is time for a round of leases. Of several under way only the latest generation counts.
struct deal_due {
    std::uint64_t generation = 0;
};
/// Scheduler to pool, after all jobs have said that they are at rest: is that so? Jobs hear all that has happened
/// before.
struct rest_asked {};
struct rest_answer {
    bool runs = false;  ///< something does
    pool_stalled stall;
};
/// Scheduler to itself: what has not ended by now is no longer waited for.
struct stop_overdue {};
/// The time of somebody who waits for a job is over.
struct wait_overdue {};

}  // namespace bistro
