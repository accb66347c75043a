// What is asked for people who look at a running process, and what watchers are told. Like those of messages.hpp, these
// never leave the process.
#pragma once

#include <caf/actor_control_block.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/protocol/messages.hpp"
#include "io/http/http_server.hpp"
#include "model/histogram.hpp"

namespace bistro {

/// To the status store: the last attempts at tasks of a job, or at one of them.
struct attempts_asked {
    job_id job;
    node_id node;  ///< empty: at all
    std::size_t limit = 0;
};
struct attempts_answer {
    std::vector<attempt> attempts;
};

/// To the scheduler: what is in force, at no cost.
struct view_asked {};
struct scheduler_view {
    std::shared_ptr<const settings> config;
    std::vector<job_spec> jobs;  ///< in the order of the config, then those that are in no config any more
    nodes_changed forest;        ///< without nodes until all sources have succeeded once
    time_ms forest_ms = 0;       ///< when that was
};

/// To a job: how it stands below the children of a node of that forest.
struct shares_asked {
    std::uint64_t forest_version = 0;
    node_index below;
};
struct shares_answer {
    std::vector<node_share> shares;  ///< by child; empty where the job has another forest
};
/// To a pool: what is used of the resources of these nodes, in that forest.
struct node_use_asked {
    std::uint64_t forest_version = 0;
    std::vector<node_index> nodes;
};
struct node_use_answer {
    std::vector<std::vector<std::int64_t>> used;  ///< by node, then by the level's resources; empty: another forest
};

/// To a job: how many tasks of each level are in which state, as sets of bits (model/histogram.hpp).
struct histogram_asked {
    std::size_t samples = 0;  ///< nodes to name of each
};
struct histogram_answer {
    job_id job;
    histogram levels;
};
/// To the scheduler: the same of some jobs, or of all where none is named. Jobs that do not answer are left out.
struct histograms_asked {
    std::vector<job_id> jobs;
    std::size_t samples = 0;
};
struct histograms_answer {
    std::vector<histogram_answer> jobs;
};

/// To the HTTP actor, from the server's thread.
struct http_asked {
    std::shared_ptr<http_exchange> exchange;
};

/// To the monitor.
struct watch_progress {
    caf::strong_actor_ptr watcher;
};
/// To the monitor, of which it keeps the latest from the first of these on.
struct watch_events {
    std::shared_ptr<http_events> reader;
    std::string last_id;  ///< see event_feed
};
/// Answered when all events are in the event log; by an error where it could not be written.
struct flush_monitor {};

/// Monitor to whoever watches.
struct progress_snapshot {
    std::vector<job_progress> jobs;
    std::uint64_t running = 0;
    std::uint64_t finished = 0;  ///< attempts since the start
};

}  // namespace bistro
