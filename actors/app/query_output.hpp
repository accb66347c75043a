// Answers as tables for people, or as JSON whose shape is documented in the README and only grows.
#pragma once

#include "actors/protocol/messages.hpp"

namespace bistro {

void print_status(const jobs_answer& answer, bool as_json);
void print_workers(const jobs_answer& answer, bool as_json);
void print_jobs(const jobs_answer& answer, bool as_json);
void print_tasks(const tasks_answer& answer, bool as_json);
/// What came of an action; where it was refused, on stderr, but for JSON. Gives the exit code.
int print_done(const control_answer& answer, bool as_json, int code_if_refused, bool with_count = false);
void print_explanation(const explanation& e, bool as_json);
/// One line a line; as JSON, one object a line.
void print_logs(const std::vector<log_line>& lines, bool as_json);

}  // namespace bistro
