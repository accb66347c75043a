// The program.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "actors/app/command_line.hpp"
#include "io/error.hpp"
#include "io/process/spawn.hpp"

int main(int argc, char** argv) {
    using namespace bistro;
    std::signal(SIGPIPE, SIG_IGN);
    raise_open_files_limit();
    try {
        const int code = command_line{}.run({argv + 1, argv + argc});
        const bool failed_before = std::ferror(stdout) != 0;
        if (failed_before) {  // errno is of something else by now
            std::clearerr(stdout);
            std::fputc('\n', stdout);
            errno = EIO;
        }
        const bool flushed = std::fflush(stdout) == 0;
        if ((flushed && !failed_before) || (!flushed && errno == EPIPE)) return code;
        fmt::print(stderr, "bistro: stdout can't be written to: {}\n", std::strerror(errno));
    } catch (const std::system_error& e) {
        if (e.code() == std::errc::broken_pipe) return 128 + SIGPIPE;  // whoever read it wants no more
        fmt::print(stderr, "bistro: {}\n", e.what());
    } catch (const io_error& e) {
        fmt::print(stderr, "bistro: {}\n", e.what());
    } catch (const std::exception& e) {
        fmt::print(stderr, "bistro: unexpected: {}\n", e.what());
    }
    return could_not_reach_run;
}
