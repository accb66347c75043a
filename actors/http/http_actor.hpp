// The actor behind the HTTP server: asks the scheduler and answers as JSON. Spawn it detached, so that what it writes
// costs the scheduler's threads nothing.
#pragma once

#include <caf/actor_clock.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"

namespace bistro {

struct http_options {
    scheduler_actor scheduler;
    status_store_actor store;
    monitor_actor monitor;
    console_actor console;  ///< null: there is none
    std::string secret;
    runtime run;
};

/// The scheduler's state is asked for at most once in this time, however many ask.
inline constexpr std::chrono::milliseconds jobs_cache_time{250};

/// A body that many get, and the ETag that stands for it.
struct shared_body {
    std::shared_ptr<const std::string> text;
    std::string etag;
};

struct http_state {
    using jobs_taken = std::function<void(const jobs_answer&)>;
    using failed = std::function<void(const caf::error&)>;

    http_options options;
    std::optional<jobs_answer> jobs;  ///< as asked last
    std::optional<caf::actor_clock::time_point> jobs_at;
    bool jobs_wanted = false;   ///< they have been asked for
    std::uint64_t changes = 0;  ///< that were made by way of this actor: what was asked for before is old
    std::vector<std::pair<jobs_taken, failed>> waiting;
    std::map<std::string, shared_body> bodies;  ///< made of `jobs`
    progress_snapshot progress;                 ///< the latest of the monitor

    static inline const char* name = "http";
};
void describe(const http_state& s, description& d);

http_actor::behavior_type http_behavior(http_actor::stateful_pointer<http_state> self, http_options options);

}  // namespace bistro
