// Boost.Process v2 has a vfork launcher, but that of Boost 1.81 notifies the reactor in the child and calls exit()
// where exec fails. The child of vfork shares the parent's memory, so the one breaks the parent's epoll set and the
// other runs its exit handlers. Hence a launcher of our own.
#include "io/process/spawn.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

// vfork() by the C library's own name: the thread sanitizer puts fork() in the place of the other, after which nobody
// hears of a failed exec.
extern "C" pid_t __vfork() noexcept __attribute__((returns_twice));  // NOLINT(bugprone-reserved-identifier,cert-dcl*)

namespace bistro {

namespace {

rlimit open_files_before{0, 0};  // 0: not raised

class group_launcher {
public:
    spawn_result operator()(const spawn_request& request) {
        std::vector<const char*> argv;
        argv.reserve(request.argv.size() + 1);
        for (const auto& argument : request.argv) argv.push_back(argument.c_str());
        argv.push_back(nullptr);

        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        sigdelset(&all, SIGCHLD);  // see io_loop
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failure_.error = 0;
        parent_ = ::getpid();
        const pid_t pid = ::__vfork();
        if (pid == 0) {
            run_child(request, argv.data());
            ::_exit(127);
        }
        const int fork_error = errno;
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (pid < 0) return {-1, fork_error, "fork"};
        if (failure_.error == 0) return {pid, 0, ""};
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        return {-1, failure_.error, failure_.step};
    }

private:
    // In the child, on the parent's stack and memory: system calls only. Returns where one failed.
    void run_child(const spawn_request& request, const char* const* argv) {
        const auto failed = [&](const char* step) {
            failure_.error = errno;
            failure_.step = step;
        };
        if (::setpgid(0, 0) != 0) return failed("setpgid");
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("prctl");
        if (::getppid() != parent_) return;  // it died before, and sends no signal any more
        if (::chdir(request.working_directory.c_str()) != 0) return failed("chdir");
        if (::dup2(request.stdin_fd, STDIN_FILENO) < 0 || ::dup2(request.stdout_fd, STDOUT_FILENO) < 0 ||
            ::dup2(request.stderr_fd, STDERR_FILENO) < 0)
            return failed("dup2");
        if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0) return failed("close_range");
        if (open_files_before.rlim_cur != 0) ::setrlimit(RLIMIT_NOFILE, &open_files_before);
        // Not through the library, where a sanitizer keeps handlers in memory, which is the parent's. All zero:
        // SIG_DFL.
        constexpr std::size_t most_bytes_of_sigaction = 64;
        constexpr std::size_t bytes_of_mask = _NSIG / 8;
        const std::array<char, most_bytes_of_sigaction> plain{};
        for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD})
            ::syscall(SYS_rt_sigaction, signal, plain.data(), nullptr, bytes_of_mask);
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        // As late as can be: this process may have been stopped since it was decided to start another.
        if (request.not_after_ms != 0 && monotonic_ms() >= request.not_after_ms) {
            errno = ETIME;
            return failed("deadline");
        }
        ::execve(request.executable.c_str(), const_cast<char* const*>(argv),
                 const_cast<char* const*>(request.environment.data()));
        failed("exec");
    }

    pid_t parent_ = -1;
    // Written by the child, read by the parent. To the compiler the child's way ends in _exit(), so that without
    // volatile it takes the parent's values for unchanged.
    struct {
        volatile int error = 0;
        const char* volatile step = "";
    } failure_;
};

}  // namespace

void raise_open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    const auto before = limit;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) open_files_before = before;
}

std::int64_t monotonic_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

spawn_result spawn(const spawn_request& request) { return group_launcher{}(request); }

}  // namespace bistro
