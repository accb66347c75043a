#include "model/task_status.hpp"

#include <algorithm>
#include <array>

namespace bistro {

namespace {

constexpr std::array<std::string_view, 6> state_names{"unstarted", "running", "done", "incomplete", "error", "failed"};
constexpr std::array<std::string_view, 7> result_names{"done",   "incomplete", "incomplete_backoff", "error",
                                                       "failed", "lost",       "never_started"};
constexpr time_ms ms_per_s = 1000;

template <class Enum, std::size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view text) {
    auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view to_string(task_state state) { return state_names.at(static_cast<std::size_t>(state)); }
std::optional<task_state> parse_task_state(std::string_view text) { return parse<task_state>(state_names, text); }

std::string_view to_string(attempt_result result) { return result_names.at(static_cast<std::size_t>(result)); }

std::optional<attempt_result> parse_attempt_result(std::string_view text) {
    if (text == "error_backoff" || text == "backoff") return attempt_result::error;
    return parse<attempt_result>(result_names, text);
}

std::optional<attempt_result> parse_result_word(std::string_view text) {
    auto result = parse_attempt_result(text);
    if (result == attempt_result::lost || result == attempt_result::never_started) return std::nullopt;
    return result;
}

std::optional<task_status> forgiven(const task_status& before, time_ms now) {
    if (before.state != task_state::error && before.state != task_state::failed && before.retry_at_ms == 0)
        return std::nullopt;
    auto status = before;
    status.state = task_state::unstarted;
    status.backoff_step = 0;
    status.retry_at_ms = before.synthetic && before.retry_at_ms > now ? before.retry_at_ms : 0;
    status.synthetic = false;
    return status;
}

task_status next_status(const task_status& before, const attempt_end& end, const backoff_policy& backoff) {
    task_status after = before;
    after.invocation = end.invocation;
    after.synthetic = end.result == attempt_result::lost;
    after.retry_at_ms = 0;
    if (!end.data_json.empty()) after.data_json = end.data_json;
    switch (end.result) {
        case attempt_result::done:
            after.state = task_state::done;
            after.backoff_step = 0;
            break;
        case attempt_result::incomplete: after.state = task_state::incomplete; break;
        case attempt_result::incomplete_backoff:
            after.state = task_state::incomplete;
            after.retry_at_ms = end.ended_ms + backoff.incomplete_delay_s(before.backoff_step) * ms_per_s;
            break;
        case attempt_result::error:
        case attempt_result::lost:
            after.backoff_step = before.backoff_step + 1;
            if (auto delay = backoff.delay_s(before.backoff_step)) {
                after.state = task_state::error;
                after.retry_at_ms = end.ended_ms + *delay * ms_per_s;
            } else {
                after.state = task_state::failed;
            }
            break;
        case attempt_result::failed: after.state = task_state::failed; break;
        case attempt_result::never_started:
            after = before;
            after.invocation = end.invocation;
            after.synthetic = false;  // nothing of this attempt is a conclusion that its true result could replace
            break;
    }
    after.retry_at_ms = std::max(after.retry_at_ms, end.not_before_ms);
    return after;
}

}  // namespace bistro
