#include "io/process/reaper.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "io/error.hpp"
#include "io/process/spawn.hpp"

namespace bistro {

namespace {

// What crosses the pipe: until when (CLOCK_MONOTONIC, which both ends share) the next word must have come, in
// milliseconds, or that the end is in order.
using word = std::int64_t;
constexpr word all_is_well = -1;
// Once nobody has spoken in time, whatever the process may still start is looked for so often.
constexpr std::int64_t first_late_scan_ms = 100;
constexpr std::int64_t longest_late_scan_ms = 1000;
// A process may fork while the others are looked at, so it takes several passes; a fork bomb is not waited for.
constexpr int most_passes = 1000;
constexpr std::size_t most_environment_bytes = 4 << 20;
constexpr int fd_in_child = 3;

// -- in the child ----------------------------------------------------------------------------------------------------

bool has_mark(int proc, const char* pid, const std::string& mark, std::string& buffer) {
    const auto path = std::string{pid} + "/environ";
    const int fd = ::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    buffer.clear();
    std::array<char, 16'384> chunk{};
    for (ssize_t n = 0; buffer.size() < most_environment_bytes && (n = ::read(fd, chunk.data(), chunk.size())) > 0;)
        buffer.append(chunk.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return buffer.find(mark) != std::string::npos;
}

bool kill_marked(const std::string& mark) {
    auto* proc = ::opendir("/proc");
    if (proc == nullptr) return false;
    bool any = false;
    std::string buffer;
    while (const auto* entry = ::readdir(proc)) {
        const int pid = std::atoi(entry->d_name);
        if (pid <= 1 || pid == ::getpid() || !has_mark(::dirfd(proc), entry->d_name, mark, buffer)) continue;
        if (::kill(pid, SIGKILL) == 0) any = true;
    }
    ::closedir(proc);
    return any;
}

[[noreturn]] void wait_and_reap(int pipe, const std::string& mark, const std::string& folder) {
    ::prctl(PR_SET_NAME, "bistro.reaper");
    ::setsid();  // what a terminal sends to its processes is not meant for this one
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);
    // A task of another bistro may be a bistro itself: its reaper must not bear the mark of that task.
    for (char** entry = environ; *entry != nullptr; ++entry) std::memset(*entry, 0, std::strlen(*entry));
    if (pipe != fd_in_child) ::dup2(pipe, fd_in_child);
    for (int fd : {0, 1, 2}) ::close(fd);
    ::syscall(SYS_close_range, static_cast<unsigned>(fd_in_child) + 1, ~0U, 0U);
    std::int64_t deadline_ms = -1;  // none yet
    auto scan_ms = first_late_scan_ms;
    for (;;) {
        const auto left_ms = deadline_ms < 0 ? -1 : std::max<std::int64_t>(deadline_ms - monotonic_ms(), 0);
        pollfd readable{fd_in_child, POLLIN, 0};
        const int ready = ::poll(&readable, 1, static_cast<int>(std::min<std::int64_t>(left_ms, INT_MAX)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) {
            if (monotonic_ms() < deadline_ms) continue;
            kill_marked(mark);
            deadline_ms = monotonic_ms() + scan_ms;
            scan_ms = std::min(2 * scan_ms, longest_late_scan_ms);
            continue;
        }
        word heard = 0;
        const auto n = ::read(fd_in_child, &heard, sizeof heard);
        if (n < 0 && errno == EINTR) continue;
        if (n != static_cast<ssize_t>(sizeof heard)) break;  // whoever held the other end has died
        if (heard == all_is_well) ::_exit(0);
        deadline_ms = heard;
        scan_ms = first_late_scan_ms;
    }
    for (int pass = 0; pass < most_passes && kill_marked(mark); ++pass) {
        const timespec pause{0, 1'000'000};
        ::nanosleep(&pause, nullptr);
    }
    std::error_code ec;
    std::filesystem::remove_all(folder, ec);
    ::_exit(0);
}

}  // namespace

reaper::reaper(const std::string& mark, const std::string& folder) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw errno_error("can't make a pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::close(ends[1]);
        wait_and_reap(ends[0], mark, folder);
    }
    const int error = errno;
    ::close(ends[0]);
    pipe_ = ends[1];
    ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
    errno = error;
    if (pid_ < 0) {
        ::close(pipe_);
        throw errno_error("can't start a process");
    }
}

bool reaper::renew(std::int64_t deadline_ms) const { return tell(deadline_ms); }

// Where the pipe is full, the word is lost, and everything ends too early: better than too late.
bool reaper::tell(std::int64_t w) const {
    ssize_t written = 0;
    while ((written = ::write(pipe_, &w, sizeof w)) < 0 && errno == EINTR) {
    }
    return written >= 0 || errno != EPIPE;
}

reaper::~reaper() {
    tell(all_is_well);
    ::close(pipe_);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace bistro
