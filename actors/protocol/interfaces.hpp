// The typed interface of every actor: what it takes, and with what it answers.
#pragma once

#include <caf/typed_actor.hpp>

#include "actors/protocol/type_ids.hpp"

namespace bistro {

/// Runs tasks on its host. Its state lives as long as its process.
using worker_actor = caf::typed_actor<
    // From a pool: run these.
    caf::reacts_to<start_tasks>,
    // From a pool: these results are safe.
    caf::reacts_to<acknowledge_results>,
    // From a pool: end these.
    caf::reacts_to<kill_invocations>,
    // From one of its task actors.
    caf::reacts_to<task_ended>,
    // From its own process: end all, and yourself.
    caf::reacts_to<stop_worker>,
    // From its connector, or its own process.
    caf::reacts_to<gateway_found>, caf::reacts_to<wake_due>,
    // From the command line, by way of the gateway: what tasks printed here.
    caf::replies_to<logs_asked>::with<logs_answer>,
    // The same of its process.
    caf::replies_to<console_asked>::with<console_answer>>;

/// One running invocation.
using task_actor = caf::typed_actor<caf::reacts_to<stop_task>, caf::reacts_to<output_written>,
                                    caf::reacts_to<process_ended>, caf::reacts_to<wake_due>>;

/// Looks for the gateway of a worker's scheduler, until it is found.
using connector_actor = caf::typed_actor<caf::reacts_to<gateway_wanted>, caf::reacts_to<wake_due>>;

/// Keeps output lines; runs on a thread of its own.
using log_store_actor =
    caf::typed_actor<caf::replies_to<append_lines>::with<lines_kept>, caf::replies_to<logs_asked>::with<logs_answer>>;

/// Keeps statuses; runs on a thread of its own.
using status_store_actor =
    caf::typed_actor<caf::replies_to<load_statuses>::with<statuses_loaded>,
                     caf::replies_to<record_statuses>::with<recorded>, caf::replies_to<flush_store>::with<recorded>,
                     caf::reacts_to<commit_due>, caf::reacts_to<health_to>,
                     caf::replies_to<attempts_asked>::with<attempts_answer>>;

/// Counts, the event log, and errors for people; runs on a thread of its own, since it writes files.
using monitor_actor =
    caf::typed_actor<caf::reacts_to<events_happened>, caf::reacts_to<job_progress>, caf::reacts_to<problem>,
                     // Sends snapshots to the asker from now on, when something changed and at most a few times a
                     // second.
                     caf::reacts_to<watch_progress>, caf::reacts_to<watch_events>, caf::reacts_to<wake_due>,
                     // Answered when everything sent before is written.
                     caf::replies_to<flush_monitor>::with<recorded>>;

/// One job: the status of each of its tasks.
using job_actor = caf::typed_actor<
    caf::reacts_to<job_changed>, caf::reacts_to<job_removed>, caf::reacts_to<nodes_changed>,
    caf::reacts_to<tasks_started>, caf::reacts_to<attempts_ended>, caf::reacts_to<dependency_news>,
    caf::reacts_to<pending_asked>, caf::reacts_to<news_asked>,
    // From the scheduler: who wants dependency_news.
    caf::reacts_to<dependents_changed>, caf::reacts_to<wake_due>, caf::reacts_to<commit_due>,
    caf::reacts_to<report_due>, caf::reacts_to<load_due>, caf::replies_to<progress_asked>::with<job_progress>,
    caf::replies_to<forgive_asked>::with<control_answer>, caf::replies_to<tasks_asked>::with<tasks_answer>,
    caf::replies_to<details_asked>::with<job_details>, caf::replies_to<shares_asked>::with<shares_answer>,
    // What the job itself knows.
    caf::replies_to<explain_asked>::with<explanation>, caf::replies_to<histogram_asked>::with<histogram_answer>>;

/// The slots of a part of the forest, and which task takes them next.
using pool_actor =
    caf::typed_actor<caf::reacts_to<pool_configured>, caf::reacts_to<nodes_changed>,
                     // The job's specification, and its actor to report to.
                     caf::reacts_to<job_changed, job_actor>, caf::replies_to<job_ended>::with<job_removal>,
                     caf::reacts_to<events_happened>, caf::reacts_to<pending_changed>,
                     caf::replies_to<worker_joined>::with<worker_taken>, caf::reacts_to<worker_accepts>,
                     caf::reacts_to<worker_gone>, caf::reacts_to<tasks_finished>, caf::reacts_to<results_durable>,
                     caf::reacts_to<report_due>, caf::replies_to<kill_tasks>::with<control_answer>,
                     // Why the next task of each job waits.
                     caf::replies_to<rest_asked>::with<rest_answer>, caf::replies_to<reasons_asked>::with<pool_stalled>,
                     caf::replies_to<waiting_asked>::with<waiting_explained>,
                     caf::replies_to<node_use_asked>::with<node_use_answer>,
                     caf::replies_to<holders_asked>::with<holders_answer>,
                     // Where there are several: about what belongs to others, or to all of them.
                     caf::reacts_to<pools_known>, caf::reacts_to<tasks_elsewhere>, caf::reacts_to<elsewhere_ended>,
                     caf::reacts_to<ids_reached>, caf::reacts_to<job_forgotten>,
                     caf::replies_to<slots_asked>::with<slot_report>, caf::reacts_to<leases_changed>>;

/// A configured source of nodes.
using node_source_actor =
    caf::typed_actor<caf::reacts_to<parents_known>, caf::reacts_to<wake_due>, caf::reacts_to<source_read>>;

/// Whoever wants to know the forest: the scheduler is one.
using nodes_listener = caf::typed_actor<caf::reacts_to<nodes_changed>>;

/// The forest.
using nodes_actor = caf::typed_actor<caf::reacts_to<source_fetched>, caf::reacts_to<config_changed>>;

/// Lifecycle, policy, and the registry of workers.
using scheduler_actor = caf::typed_actor<
    caf::replies_to<hello>::with<welcome>, caf::replies_to<heartbeat>::with<heartbeat>, caf::reacts_to<goodbye>,
    caf::reacts_to<worker_leaves>, caf::reacts_to<config_changed>, caf::reacts_to<nodes_changed>,
    caf::reacts_to<job_progress>, caf::reacts_to<pool_stalled>, caf::reacts_to<slots_wanted>, caf::reacts_to<deal_due>,
    caf::reacts_to<store_health>, caf::reacts_to<wake_due>, caf::reacts_to<problem>,
    caf::replies_to<await_quiescence>::with<run_finished>, caf::replies_to<stop_scheduler>::with<stopped>,
    caf::reacts_to<stop_overdue>, caf::reacts_to<wait_overdue>, caf::replies_to<jobs_asked>::with<jobs_answer>,
    caf::replies_to<tasks_asked>::with<tasks_answer>, caf::replies_to<logs_asked>::with<logs_answer>,
    caf::replies_to<control_asked>::with<control_answer>, caf::replies_to<explain_asked>::with<explanation>,
    caf::replies_to<wait_asked>::with<wait_answer>, caf::replies_to<details_asked>::with<job_details>,
    caf::replies_to<nodes_asked>::with<nodes_answer>,
    // About the process of a worker.
    caf::replies_to<console_asked>::with<console_answer>,
    // From the same process.
    caf::reacts_to<watcher_here>, caf::replies_to<view_asked>::with<scheduler_view>,
    caf::replies_to<histograms_asked>::with<histograms_answer>>;

/// The one published actor of a scheduler process: checks secrets, and hands on.
using gateway_actor = caf::typed_actor<
    caf::replies_to<protocol_asked>::with<protocol_answer>, caf::replies_to<hello>::with<welcome>,
    caf::replies_to<jobs_asked>::with<jobs_answer>, caf::replies_to<tasks_asked>::with<tasks_answer>,
    caf::replies_to<logs_asked>::with<logs_answer>, caf::replies_to<control_asked>::with<control_answer>,
    caf::replies_to<explain_asked>::with<explanation>, caf::replies_to<wait_asked>::with<wait_answer>,
    caf::replies_to<console_asked>::with<console_answer>, caf::replies_to<details_asked>::with<job_details>,
    caf::replies_to<nodes_asked>::with<nodes_answer>>;

/// Looks into its own process.
using console_actor = caf::typed_actor<caf::replies_to<console_asked>::with<console_answer>>;

/// Reads the config file again when it changes.
using config_watcher_actor = caf::typed_actor<caf::reacts_to<file_changed>,
                                              // From the scheduler: submit, remove, pause or resume a job.
                                              caf::replies_to<control_asked>::with<control_answer>>;

/// Answers HTTP; runs on a thread of its own, since it writes much JSON.
using http_actor = caf::typed_actor<caf::reacts_to<http_asked>, caf::reacts_to<progress_snapshot>>;

/// Shows snapshots to people.
using progress_actor = caf::typed_actor<caf::reacts_to<progress_snapshot>>;

/// Who wants dependency_news of a job.
struct dependents_changed {
    std::vector<job_actor> dependents;
};

}  // namespace bistro
