// What the answers to questions share: for their output only.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "model/task_table.hpp"

namespace bistro {

/// Of the JSON that commands print; its shape only grows.
inline constexpr int json_version = 1;

/// As one line, with numbers as people write them.
std::string to_line(const boost::json::value& value);
/// Seconds since the epoch; null for 0.
boost::json::value json_seconds(time_ms t);
/// Whatever bytes it has, as valid UTF-8.
boost::json::string json_text(const std::string& s);
boost::json::object json_counts(const task_counts& c);
/// Local time, to the second.
std::string clock_text(time_ms t);

}  // namespace bistro
