// The actor in front of a status store: gathers records and commits them together.
#pragma once

#include <memory>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"

namespace bistro {

struct status_store_state {
    std::unique_ptr<status_store> store;
    caf::strong_actor_ptr health_listener;  ///< a scheduler_actor; may be null
    status_batch gathered;
    std::vector<caf::typed_response_promise<recorded>> waiting;
    bool commit_scheduled = false;
    caf::actor_clock::time_point next_commit{};  ///< not before this time, unless somebody waits for all of it
    bool in_trouble = false;

    static inline const char* name = "status_store";
};
void describe(const status_store_state& s, description& d);

/// How long after a failed commit it is tried again.
inline constexpr std::chrono::seconds commit_retry_wait{1};

/// Of more records than these together the next commit waits for company (status_store::commit_spacing).
inline constexpr std::size_t records_of_a_stream = 4;

/// `health_listener` hears store_health. Spawn it detached: its commits block.
status_store_actor::behavior_type status_store_behavior(status_store_actor::stateful_pointer<status_store_state> self,
                                                        std::shared_ptr<std::unique_ptr<status_store>> store);

}  // namespace bistro
