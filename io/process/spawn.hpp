// Starts one process by vfork.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bistro {

/// Everything that the child needs, prepared before it exists: between vfork and exec it may only make system calls.
struct spawn_request {
    std::string executable;  ///< a path
    std::vector<std::string> argv;
    std::vector<const char*> environment;  ///< "NAME=value", with a null at the end
    std::string working_directory;
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
    std::int64_t not_after_ms = 0;  ///< by CLOCK_MONOTONIC: it is not started from then on (ETIME); 0: whenever
};

struct spawn_result {
    pid_t pid = -1;  ///< leader of its own group; -1: it could not be started
    int error = 0;   ///< errno, where it could not
    const char* step = "";
};

/// Lets this process have as many open files as the system allows; children get the limit that was in force before.
void raise_open_files_limit();

/// Milliseconds of CLOCK_MONOTONIC.
std::int64_t monotonic_ms();

/// The child has only the three descriptors, default signals, and dies with the calling thread.
spawn_result spawn(const spawn_request& request);

}  // namespace bistro
