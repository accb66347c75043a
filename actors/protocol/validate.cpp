#include <algorithm>

#include "actors/protocol/inspect.hpp"

namespace bistro {

namespace {

constexpr std::size_t max_shard_bytes = 1024;
constexpr std::size_t max_ends = 1'000'000;
constexpr std::size_t max_resources = 1'000;  // of a level
constexpr std::size_t max_levels = 256;
constexpr std::size_t max_word_bytes = 1024;

template <class Enum>
bool in_range(Enum value, Enum last) {
    return static_cast<std::uint8_t>(value) <= static_cast<std::uint8_t>(last);
}

bool valid_ends(const std::vector<finished_task>& ends) {
    return ends.size() <= max_ends && std::all_of(ends.begin(), ends.end(), [](const finished_task& f) {
               return in_range(f.end.result, last_attempt_result) && f.end.data_json.size() <= max_status_line_bytes;
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
    return !x.who.info.shard.empty() && x.who.info.shard.value.size() <= max_shard_bytes &&
           x.who.info.host.size() <= max_shard_bytes && valid_amounts(x.who.info.declared) &&
           valid_ends(x.unacknowledged) && x.running.size() <= max_ends &&
           std::all_of(x.running.begin(), x.running.end(),
                       [](const task_report& r) { return !r.path.empty() && valid_demands(r.demands); });
}

bool valid(const welcome& x) {
    const bool member = x.verdict == hello_verdict::joined || x.verdict == hello_verdict::rejoined;
    return in_range(x.verdict, last_hello_verdict) && x.timeouts.problem().empty() &&
           (!member || (x.scheduler && x.pool));
}

bool valid(const start_tasks& x) {
    return std::all_of(x.commands.begin(), x.commands.end(), [](const job_command& c) {
        return !c.command.empty() && job_name_problem(c.job.value).empty() && in_range(c.status, status_source::pipe) &&
               in_range(c.arguments, command_arguments::none) && c.timeout_s >= 0 && c.kill_wait_s >= 0 &&
               valid_demands(c.demands);
    });
}

bool valid(const tasks_finished& x) { return valid_ends(x.ends); }

bool valid(const logs_asked& x) { return in_range(x.query.stream, last_log_stream); }

bool valid(const control_asked& x) { return in_range(x.verb, last_control_verb); }

}  // namespace bistro
