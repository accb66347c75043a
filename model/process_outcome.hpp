// How the process of a task ended, before anybody judges it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bistro {

/// At most this many bytes of a status line are read; a longer one is an error.
inline constexpr std::size_t max_status_line_bytes = 60'000;

struct process_outcome {
    std::int32_t exit_code = 0;
    std::int32_t signal = 0;  ///< that ended it; 0: it exited
    std::string status_text;  ///< what it wrote to its status pipe
    std::string failure;      ///< why it never ran, or was stopped; empty: neither
};

}  // namespace bistro
