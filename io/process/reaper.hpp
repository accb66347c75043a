// Ends what this process started, should it die itself, or not be heard in time: a child process that waits for that,
// and then kills every process with a mark in its environment. No kernel does that for a whole tree: the signal at a
// parent's death reaches only the process that it started itself.
#pragma once

#include <cstdint>
#include <string>

namespace bistro {

class reaper {
public:
    /// Processes are marked by this text anywhere in their environment; it must be unique. `folder` is removed at the
    /// end. Throws io_error.
    reaper(const std::string& mark, const std::string& folder);
    reaper(const reaper&) = delete;
    reaper& operator=(const reaper&) = delete;
    /// Nothing is left to be ended.
    ~reaper();

    /// From the first call on: everything marked is killed unless this is called again before `deadline_ms` of
    /// CLOCK_MONOTONIC, even where this process is stopped. Threads may call it. False where the reaper itself has
    /// died, so that nobody would do so.
    [[nodiscard]] bool renew(std::int64_t deadline_ms) const;

private:
    bool tell(std::int64_t word) const;

    int pipe_ = -1;
    int pid_ = -1;
};

}  // namespace bistro
