// Ends what this process started, should it die itself: a child process that waits for that, and then kills every
// process with a mark in its environment. No kernel does that for a whole tree: the signal at a parent's death reaches
// only the process that it started itself.
#pragma once

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

private:
    int pipe_ = -1;
    int pid_ = -1;
};

}  // namespace bistro
