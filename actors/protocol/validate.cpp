#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include "config/submissions.hpp"

#include "actors/protocol/inspect.hpp"

namespace bistro {

namespace {

constexpr std::size_t max_ends = 1'000'000;
constexpr std::size_t max_resources = 1'000;  // of a level
constexpr std::size_t max_lines_asked = 1'000'000'000;
constexpr std::size_t max_levels = 256;
constexpr std::size_t max_word_bytes = 1024;
constexpr std::size_t max_console_words = 8;
constexpr std::size_t max_console_columns = 16;
constexpr std::size_t max_console_notes = 100;
constexpr std::size_t max_nodes_asked = 100'000;
constexpr std::size_t max_reason_bytes = 64 * 1024;
constexpr std::size_t max_json_bytes = 16 << 20;  // a job's config
constexpr std::size_t max_arguments = 100'000;
constexpr std::size_t max_command_bytes = 16 << 20;
// Milliseconds since the epoch, and seconds, that can be added to each other and turned into each other.
constexpr time_ms latest_ms = time_ms{1} << 53;
constexpr std::int64_t longest_s = std::int64_t{1} << 40;

template <class Enum>
bool in_range(Enum value, Enum last) {
    return static_cast<std::uint8_t>(value) <= static_cast<std::uint8_t>(last);
}

// What people ask for need not exist.
bool are_words(std::initializer_list<std::string_view> words) {
    return std::all_of(words.begin(), words.end(), [](auto word) { return word.size() <= max_word_bytes; });
}

bool valid_time(time_ms t) { return t >= 0 && t <= latest_ms; }

bool valid_task(const job_id& job, const node_id& node) {
    return job_name_problem(job.value).empty() && node_name_problem(node.value).empty();
}

// From the task's node up to the instance. Of an attempt before the scheduler's restart only the node may be known.
bool valid_path(const std::vector<std::string>& path, const node_id& node) {
    return !path.empty() && path.size() <= max_levels && path.front() == node.value &&
           std::all_of(path.begin(), path.end(), [](const auto& name) { return node_name_problem(name).empty(); });
}

bool valid_ends(const std::vector<finished_task>& ends) {
    return ends.size() <= max_ends && std::all_of(ends.begin(), ends.end(), [](const finished_task& f) {
               return valid_task(f.job, f.node) && f.end.invocation.valid() &&
                      in_range(f.end.result, last_attempt_result) && f.end.data_json.size() <= max_status_line_bytes &&
                      f.end.reason.size() <= max_reason_bytes && valid_time(f.end.ended_ms) &&
                      valid_time(f.end.not_before_ms);
           });
}

bool valid_amounts(const amounts& x) {
    return x.size() <= max_resources && std::all_of(x.begin(), x.end(), [](const auto& entry) {
               return entry.first.size() <= max_word_bytes && entry.second >= 0 && entry.second <= max_amount;
           });
}

// What tasks hold is added up, so nothing else may be in there.
bool valid_demands(const job_demands& x) {
    return x.nodes.size() <= max_levels && valid_amounts(x.worker) &&
           std::all_of(x.nodes.begin(), x.nodes.end(), [](const auto& level) {
               return level.first.size() <= max_word_bytes && level.first != worker_level &&
                      valid_amounts(level.second);
           });
}

}  // namespace

bool valid(const hello& x) {
    boost::unordered_flat_set<std::uint64_t> invocations;
    return shard_name_problem(x.who.info.shard.value).empty() && shard_name_problem(x.who.info.host).empty() &&
           valid_amounts(x.who.info.declared) && valid_ends(x.unacknowledged) && x.running.size() <= max_ends &&
           std::all_of(x.running.begin(), x.running.end(), [&](const task_report& r) {
               return valid_task(r.job, r.node) && r.invocation.valid() && valid_path(r.path, r.node) &&
                      valid_time(r.started_ms) && valid_demands(r.demands) &&
                      invocations.insert(r.invocation.value).second;
           });
}

bool valid(const welcome& x) {
    const bool member = x.verdict == hello_verdict::joined || x.verdict == hello_verdict::rejoined;
    return in_range(x.verdict, last_hello_verdict) && x.timeouts.problem().empty() &&
           (!member || (x.scheduler && !x.pools.empty() && x.pools.size() <= max_partitions &&
                        std::all_of(x.pools.begin(), x.pools.end(), [](const auto& pool) { return pool != nullptr; })));
}

bool valid(const start_tasks& x) {
    return x.commands.size() <= max_ends && x.tasks.size() <= max_ends &&
           std::all_of(x.commands.begin(), x.commands.end(),
                       [](const job_command& c) {
                           std::size_t bytes = 0;
                           for (const auto& argument : c.command) bytes += argument.size();
                           return !c.command.empty() && c.command.size() <= max_arguments &&
                                  bytes <= max_command_bytes && job_name_problem(c.job.value).empty() &&
                                  c.config_json.size() <= max_json_bytes && in_range(c.status, status_source::pipe) &&
                                  in_range(c.arguments, command_arguments::none) && c.timeout_s >= 0 &&
                                  c.timeout_s <= longest_s && c.kill_wait_s >= 0 && c.kill_wait_s <= longest_s &&
                                  valid_demands(c.demands);
                       }) &&
           std::all_of(x.tasks.begin(), x.tasks.end(), [](const task_order& o) {
               return valid_task(o.job, o.node) && o.invocation.valid() && valid_path(o.path, o.node) &&
                      o.prev_data_json.size() <= max_status_line_bytes;
           });
}

bool valid(const tasks_finished& x) { return valid_ends(x.ends); }

bool valid(const acknowledge_results& x) { return x.invocations.size() <= max_ends; }

bool valid(const kill_invocations& x) {
    return x.invocations.size() <= max_ends && x.reason.size() <= max_reason_bytes;
}

bool valid(const tasks_asked& x) {
    return are_words({x.job.value, x.state}) && x.after.value.size() <= max_node_name_bytes &&
           (x.after.empty() || !x.job.empty());
}

bool valid(const explain_asked& x) { return are_words({x.job.value, x.node.value}); }

bool valid(const logs_asked& x) {
    return in_range(x.query.stream, last_log_stream) && are_words({x.query.job.value, x.query.node.value}) &&
           x.query.limit <= max_lines_asked && x.after.size() <= max_ends;
}

bool valid(const logs_answer& x) {
    return std::all_of(x.lines.begin(), x.lines.end(), [](const log_line& line) {
        return in_range(line.stream, last_log_stream) && valid_time(line.written_ms);
    });
}

bool valid(const wait_asked& x) {
    return are_words({x.job.value}) && x.timeout_s >= 1 && x.timeout_s <= longest_wait_at_once_s;
}

bool valid(const console_asked& x) {
    return x.words.size() <= max_console_words && are_words({x.worker}) &&
           std::all_of(x.words.begin(), x.words.end(), [](const auto& word) { return are_words({word}); });
}

bool valid(const nodes_asked& x) {
    return are_words({x.job.value}) && x.below.value.size() <= max_node_name_bytes &&
           x.after.value.size() <= max_node_name_bytes && x.limit <= max_nodes_asked;
}

bool valid(const console_answer& x) {
    const auto fits = [](const auto& texts, std::size_t most) {
        return texts.size() <= most && std::all_of(texts.begin(), texts.end(),
                                                   [](const auto& text) { return text.size() <= max_reason_bytes; });
    };
    return fits(x.columns, max_console_columns) && fits(x.notes, max_console_notes) &&
           x.rows.size() <= max_console_rows &&
           std::all_of(x.rows.begin(), x.rows.end(), [&](const auto& row) { return fits(row, max_console_columns); });
}

bool valid(const details_asked& x) { return are_words({x.job.value}); }

bool valid(const control_asked& x) {
    // Without a job, all jobs would be meant, which nobody asks for.
    return in_range(x.verb, last_control_verb) && (x.verb == control_verb::stop || !x.job.empty()) &&
           are_words({x.job.value, x.node.value}) && x.text.size() <= max_submitted_job_bytes &&
           are_words({x.error, x.nodes, x.state, x.cause}) &&
           failure_filter{x.error, x.nodes, x.state, x.cause}.problem().empty();
}

}  // namespace bistro
