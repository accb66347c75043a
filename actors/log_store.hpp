// The actor in front of a log store.
#pragma once

#include <functional>
#include <memory>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"

namespace bistro {

struct log_store_options {
    std::unique_ptr<log_store> store;
    /// Also told every line; may be empty.
    std::function<void(const log_line&)> echo;
};

struct log_store_state {
    log_store_options options;
    bool in_trouble = false;
    std::uint64_t lost = 0;  ///< lines since the trouble began

    static inline const char* name = "log_store";
};
void describe(const log_store_state& s, description& d);

/// Spawn it detached: it blocks. Lines that can't be kept (a full disk) are dropped with a problem to `monitor`:
/// output is not worth stopping work for.
log_store_actor::behavior_type log_store_behavior(log_store_actor::stateful_pointer<log_store_state> self,
                                                  std::shared_ptr<log_store_options> options, monitor_actor monitor);

}  // namespace bistro
