// Answers as JSON, whose shapes are documented in examples/operate.md and in the OpenAPI description, and only grow.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "actors/protocol/query_messages.hpp"

namespace bistro {

/// Of the JSON that commands print and HTTP answers.
inline constexpr int json_version = 1;

/// As one line, with numbers as people write them.
std::string to_line(const boost::json::value& value);
/// Seconds since the epoch; null for 0.
boost::json::value json_seconds(time_ms t);
/// Whatever bytes it has, as valid UTF-8.
boost::json::string json_text(const std::string& s);
boost::json::object json_counts(const task_counts& c);
/// Over all jobs.
task_counts sum_of(const jobs_answer& answer);

boost::json::object status_json(const jobs_answer& answer);
boost::json::object jobs_json(const jobs_answer& answer);
boost::json::object job_json(const job_row& job);
boost::json::object workers_json(const jobs_answer& answer);
boost::json::object task_json(const task_row& t);
boost::json::object tasks_json(const tasks_answer& answer);
boost::json::object log_line_json(const log_line& line);
boost::json::object details_json(const job_details& details);
boost::json::object nodes_json(const nodes_answer& answer);
boost::json::object explanation_json(const explanation& e);
/// What came of an action; of those about failed tasks also of how many.
boost::json::object done_json(const control_answer& answer, bool with_count);
boost::json::object rest_json(const job_id& job, const wait_answer& answer);

}  // namespace bistro
