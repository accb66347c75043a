// What the answers to questions share: for their output only.
#pragma once

#include <string>

#include "model/task_status.hpp"

namespace bistro {

/// Local time, to the second.
std::string clock_text(time_ms t);

}  // namespace bistro
