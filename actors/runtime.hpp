// What every actor of a process shares.
#pragma once

#include <atomic>
#include <caf/fwd.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "model/task_status.hpp"

namespace bistro {

/// Bounds of waiting, for requests between actors of one process. An actor that does not answer within it is gone.
inline constexpr std::chrono::seconds local_request_timeout{30};

class census;

struct runtime {
    /// Milliseconds since the Unix epoch at the start of the process, then by a clock that never goes back.
    std::function<time_ms()> now;
    /// Set when the process is about to end its actors. Null: they end whenever they are told to.
    std::shared_ptr<std::atomic<bool>> ending = nullptr;
    /// Where the console sees them. Null: nobody looks.
    std::shared_ptr<census> actors = nullptr;
};

/// The clock of a live process.
runtime live_runtime();

/// What an actor gave as its reason for an error, or CAF's own words where it gave none.
std::string reason_of(const caf::error& e);

}  // namespace bistro
