// The resources of /api/v1 about the process itself: its console and its log.
#include <algorithm>

#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"
#include "actors/program_log.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

json::object log_json() {
    json::object levels;
    for (const auto& [part, level] : log_levels()) levels[part] = level;
    return {{"version", json_version}, {"levels", std::move(levels)}};
}

// {"command": ["tap", "gateway"], "worker": "w1", "after": 17}; nothing: it is something else.
std::optional<console_asked> console_question(const std::string& body) {
    boost::system::error_code ec;
    const auto value = json::parse(body, ec);
    const auto* object = ec ? nullptr : value.if_object();
    if (!object) return std::nullopt;
    console_asked question;
    for (const auto& [key, part] : *object) {
        if (key == "command" && part.is_array()) {
            for (const auto& word : part.get_array()) {
                if (!word.is_string()) return std::nullopt;
                question.words.emplace_back(word.get_string());
            }
        } else if (key == "worker" && part.is_string()) {
            question.worker = std::string{part.get_string()};
        } else if (key == "after" && part.is_int64() && part.get_int64() >= 0) {
            question.after = static_cast<std::uint64_t>(part.get_int64());
        } else {
            return std::nullopt;
        }
    }
    return valid(question) && !question.words.empty() ? std::optional{question} : std::nullopt;
}

json::array json_texts(const std::vector<std::string>& texts) {
    json::array all;
    for (const auto& text : texts) all.push_back(json_text(text));
    return all;
}

}  // namespace

void serve_console(http_ptr self, const http_call& call) {
    auto question = console_question(call.request().body);
    if (!question)
        return answer_problem(call.exchange, 400, "bad_body",
                              "say {\"command\": [\"actors\"]}, with \"worker\" and \"after\" where they are meant");
    const auto& options = self->state.options;
    question->secret = options.secret;
    const auto answer = [exchange = call.exchange](const console_answer& seen) {
        json::array rows;
        for (const auto& row : seen.rows) rows.push_back(json_texts(row));
        answer_json(exchange, json::object{{"version", json_version},
                                           {"columns", json_texts(seen.columns)},
                                           {"rows", std::move(rows)},
                                           {"notes", json_texts(seen.notes)},
                                           {"after", seen.last}});
    };
    if (!question->worker.empty())
        return ask<console_answer>(self, options.scheduler, std::move(*question), call.exchange, answer);
    if (!options.console)
        return answer_error(call.exchange, caf::make_error(not_possible, std::string{"this process has no console"}));
    ask<console_answer>(self, options.console, std::move(*question), call.exchange, answer);
}

void serve_log(http_ptr, const http_call& call) { answer_json(call.exchange, log_json()); }

void serve_log_change(http_ptr, const http_call& call) {
    boost::system::error_code ec;
    const auto value = json::parse(call.request().body, ec);
    const auto* levels = ec ? nullptr : value.if_object();
    if (!levels || levels->empty())
        return answer_problem(call.exchange, 400, "bad_body", "say {\"COMPONENT\": \"LEVEL\"}, as GET shows them");
    // All or nothing.
    for (const auto& [part, level] : *levels) {
        const std::string_view name{part.data(), part.size()};
        const bool known = std::find(log_parts.begin(), log_parts.end(), name) != log_parts.end();
        const auto* text = level.if_string();
        if (!known || !text || !is_log_level({text->data(), text->size()}))
            return answer_problem(call.exchange, 400, "bad_body",
                                  "components are " +
                                      join(std::vector<std::string>{log_parts.begin(), log_parts.end()}, ", ") +
                                      "; levels trace, debug, info, warning, error and off");
    }
    for (const auto& [part, level] : *levels)
        set_log_level({part.data(), part.size()}, {level.get_string().data(), level.get_string().size()});
    answer_json(call.exchange, log_json());
}

}  // namespace bistro
