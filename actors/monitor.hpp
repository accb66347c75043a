// Counts what happens, writes the event log, keeps errors for people, and shows progress to whoever watches.
#pragma once

#include <map>
#include <memory>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "io/event_log.hpp"
#include "io/http/event_feed.hpp"

namespace bistro {

struct monitor_state {
    std::shared_ptr<event_log> log;  ///< null: none is wanted
    std::uint64_t seq = 0;
    std::unique_ptr<event_feed> feed;  ///< null: nobody has asked for events yet
    std::map<job_id, job_progress> jobs;
    std::vector<job_id> order;  ///< of the jobs' first appearance
    std::map<std::string, std::string> problems;
    std::uint64_t running = 0;
    std::uint64_t finished = 0;
    std::vector<progress_actor> watchers;
    bool snapshot_due = false;
    bool unflushed = false;
    bool log_failed = false;

    static inline const char* name = "monitor";
};
void describe(const monitor_state& s, description& d);

/// Watchers hear at most this often.
inline constexpr std::chrono::milliseconds snapshot_interval{100};

/// Spawn it detached: it writes files.
monitor_actor::behavior_type monitor_behavior(monitor_actor::stateful_pointer<monitor_state> self,
                                              std::shared_ptr<event_log> log);

}  // namespace bistro
