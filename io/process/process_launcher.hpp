// Runs processes: each leads a process group of its own, its output comes line by line, its status in a file.
// When to signal what is decided elsewhere (the task actor).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/io_loop.hpp"
#include "io/log_store/log_store.hpp"
#include "model/process_outcome.hpp"

namespace bistro {

/// Chosen by the caller, unique among the running.
using process_id = std::uint64_t;

struct process_spec {
    std::vector<std::string> argv;         ///< argv[0] is searched in $PATH where it has no slash
    std::vector<std::string> environment;  ///< "NAME=value", on top of what this process has
    std::string working_directory;         ///< made where it is missing
    bool raw_output = false;               ///< lines of stdout need not be text
};

struct output_line {
    log_stream stream = log_stream::out;
    time_ms written_ms = 0;
    std::string text;
};

/// Called on a thread of the launcher; must not block.
struct process_events {
    std::function<void(std::vector<output_line>)> on_output;
    std::function<void(process_outcome)> on_end;  ///< once, after all output; the process is reaped
};

/// Bytes of output that a process may have under way before its pipes are no longer read. It blocks when they are
/// full, until return_credit() says that its lines are kept.
inline constexpr std::size_t max_output_in_flight_bytes = 1 << 20;

class process_launcher {
public:
    process_launcher() = default;
    process_launcher(const process_launcher&) = delete;
    process_launcher& operator=(const process_launcher&) = delete;
    virtual ~process_launcher() = default;

    /// The file into which the process with this id may write its status. It does not exist before.
    [[nodiscard]] virtual std::string status_path(process_id id) const = 0;
    /// Starts a process. That it can't be started is told through on_end.
    virtual void launch(process_id id, process_spec spec, process_events events) = 0;
    /// Signals the whole group of a process; nothing where it has ended.
    virtual void signal(process_id id, int signal) = 0;
    /// This many bytes of lines are kept.
    virtual void return_credit(process_id id, std::size_t bytes) = 0;
    /// From the first call on: all that runs is killed unless this is called again within `time`, even where this
    /// process is stopped or hangs, and nothing is started after that time. False where nobody would do so any more.
    virtual bool keep_alive(std::chrono::milliseconds time) = 0;
    /// Kills all that runs without a word to anybody, and launches nothing more.
    virtual void stop() = 0;
};

/// The real one, on `loop`. Status files lie in a private folder that it makes and removes. Throws io_error.
/// Destroying it kills what still runs. Should this process be killed itself, everything dies that has $BISTRO_STATUS
/// in its environment as its task had it.
std::unique_ptr<process_launcher> make_process_launcher(io_loop& loop);

}  // namespace bistro
