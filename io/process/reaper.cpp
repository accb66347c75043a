#include "io/process/reaper.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "io/error.hpp"

namespace bistro {

namespace {

constexpr char all_is_well = 'q';
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
    char word = 0;
    ssize_t n = 0;
    do {
        n = ::read(fd_in_child, &word, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1 && word == all_is_well) ::_exit(0);
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
    errno = error;
    if (pid_ < 0) {
        ::close(pipe_);
        throw errno_error("can't start a process");
    }
}

reaper::~reaper() {
    while (::write(pipe_, &all_is_well, 1) < 0 && errno == EINTR) {
    }
    ::close(pipe_);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace bistro
