// The bare loop that `bistro run` is measured against: posix_spawn and waitid, so many at a time.
// Usage: spawn_loop COUNT AT_ONCE COMMAND; prints tasks a second.
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const int count = std::atoi(argv[1]);
    const int at_once = std::atoi(argv[2]);
    const auto began = std::chrono::steady_clock::now();
    for (int started = 0, live = 0; started < count || live > 0;) {
        for (; live < at_once && started < count; ++live, ++started) {
            pid_t pid = 0;
            if (::posix_spawn(&pid, argv[3], nullptr, nullptr, argv + 3, environ) != 0) return 1;
        }
        siginfo_t info{};
        ::waitid(P_ALL, 0, &info, WEXITED);
        --live;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%.1f\n", count / took.count());
}
