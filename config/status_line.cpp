#include "config/status_line.hpp"

#include <boost/json.hpp>

#include "model/text.hpp"

namespace bistro {

namespace {

attempt_end error_because(std::string reason) {
    attempt_end end;
    end.result = attempt_result::error;
    end.reason = std::move(reason);
    return end;
}

std::string_view trimmed_first_line(std::string_view text) {
    text = text.substr(0, text.find('\n'));
    const auto blank = " \t\r";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

attempt_end parse_json_status(std::string_view line) {
    boost::system::error_code ec;
    const auto value = boost::json::parse(line, ec);
    const auto* object = ec ? nullptr : value.if_object();
    if (object == nullptr) return error_because("the status line is no JSON object: " + quote(line));
    const auto* word = object->if_contains("result");
    if (word == nullptr || !word->is_string())
        return error_because("the status line has no \"result\": " + quote(line));
    const auto result = parse_result_word(word->as_string());
    if (!result) return error_because("the status line has an unknown result " + quote(word->as_string()));
    attempt_end end;
    end.result = *result;
    if (const auto* data = object->if_contains("data"); data != nullptr && !data->is_null()) {
        if (!data->is_object()) return error_because("the \"data\" of the status line is no object: " + quote(line));
        end.data_json = boost::json::serialize(*data);
        if (end.data_json.size() > max_status_line_bytes)
            return error_because("the \"data\" of the status line is too large");
    }
    return end;
}

}  // namespace

attempt_end judge(const process_outcome& outcome, status_source source) {
    attempt_end end;
    const auto line = trimmed_first_line(outcome.status_text);
    if (!outcome.failure.empty() && line.empty()) {
        end = error_because(outcome.failure);
    } else if (outcome.status_text.size() >= max_status_line_bytes) {
        end = error_because("the status line has more than " + std::to_string(max_status_line_bytes) + " bytes");
    } else if (line.starts_with('{')) {
        end = parse_json_status(line);
    } else if (!line.empty()) {
        if (auto result = parse_result_word(line))
            end.result = *result;
        else
            end = error_because("unknown status " + quote(line));
    } else if (source == status_source::pipe) {
        end = error_because("the task wrote no status");
    } else if (outcome.signal != 0) {
        end = error_because("ended by signal " + std::to_string(outcome.signal));
    } else if (outcome.exit_code != 0) {
        end = error_because("exit code " + std::to_string(outcome.exit_code));
    } else {
        end.result = attempt_result::done;
    }
    end.exit_code = outcome.exit_code;
    end.signal = outcome.signal;
    return end;
}

}  // namespace bistro
