// Runs the actors of a process on the thread that waits for its processes and pipes. Where tasks are short, most of
// what a task costs beyond itself is threads that wake each other: the end of a process, its actor, the worker, the
// pool and the next start then follow each other on one thread, without one wake-up between them. Actors that block
// are detached, here as elsewhere.
#pragma once

#include <caf/actor_system.hpp>

#include "io/io_loop.hpp"

namespace bistro {

/// A scheduler module for caf::actor_system_config::module_factories. The loop must outlive the system.
caf::actor_system::module* make_loop_coordinator(caf::actor_system& system, io_loop& loop);

}  // namespace bistro
