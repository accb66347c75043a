// Where the program's own log goes: stderr, one line an event.
#pragma once

#include <memory>
#include <string>

#include "actors/program_log.hpp"
#include "io/terminal/progress_view.hpp"

namespace bistro {

/// Lines on stderr.
void log_to_stderr(log_format format = log_format::text);
/// The same, without running into progress bars.
void log_through(const std::shared_ptr<progress_view>& view);

struct process_arguments;
/// As a process was told on its command line. Why it can't; empty: it is done.
std::string set_up_log(const process_arguments& arguments);

}  // namespace bistro
