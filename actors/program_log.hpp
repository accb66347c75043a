// The program's own log: one logger for each part of it, whose level can be changed while it runs.
#pragma once

#include <spdlog/spdlog.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bistro {

enum class log_part : std::uint8_t { program, scheduler, worker, network, config, monitor, store, http };
inline constexpr std::array<std::string_view, 8> log_parts{"program", "scheduler", "worker", "network",
                                                           "config",  "monitor",   "store",  "http"};

enum class log_format : std::uint8_t { text, logfmt, json };

/// Any thread. Before log_to() it is spdlog's default.
spdlog::logger& log_of(log_part part);

/// Where all parts write to from now on, and how. A line that repeats the one before it within some seconds is counted
/// instead. Not thread-safe: before the actors.
void log_to(spdlog::sink_ptr sink, log_format format);

/// "trace", "debug", "info", "warning", "error" or "off".
bool is_log_level(std::string_view level);
/// False where the part (empty: all) or the level is unknown.
bool set_log_level(std::string_view part, std::string_view level);
/// Each part with its level.
std::vector<std::pair<std::string, std::string>> log_levels();

}  // namespace bistro
