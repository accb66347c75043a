// The actor that looks into its process for people: who lives there, what waits, what passes.
#pragma once

#include <caf/fwd.hpp>
#include <map>
#include <memory>
#include <string>

#include "actors/console/census.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"

namespace bistro {

/// An actor that has not described itself within this time is busy, or hangs.
inline constexpr std::chrono::seconds describe_patience{1};

struct console_state {
    runtime run;
    scheduler_actor scheduler;  ///< null in a worker's process

    static inline const char* name = "console";
};

/// Spawn it detached, so that it answers when all other threads are busy. Without census it knows nobody.
console_actor::behavior_type console_behavior(console_actor::stateful_pointer<console_state> self,
                                              scheduler_actor scheduler, runtime run);

/// What it understands: a word, what may follow, and what for. For help, and for completion.
struct console_command {
    const char* name;
    const char* arguments;
    const char* purpose;
};
const std::vector<console_command>& console_commands();

}  // namespace bistro
