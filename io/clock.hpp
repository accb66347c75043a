// The time of the outside world.
#pragma once

#include <chrono>

#include "model/task_status.hpp"

namespace bistro {

/// Milliseconds since the Unix epoch.
inline time_ms wall_clock_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace bistro
