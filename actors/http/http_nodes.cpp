// The resources of /api/v1 about nodes, failures, and the program's log.
#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"
#include "actors/program_log.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

constexpr std::uint64_t default_nodes = 1000;
constexpr std::uint64_t max_nodes_of_a_page = 10'000;

json::object log_json() {
    json::object levels;
    for (const auto& [part, level] : log_levels()) levels[part] = level;
    return {{"version", json_version}, {"levels", std::move(levels)}};
}

}  // namespace

void serve_nodes(http_ptr self, const http_call& call) {
    if (!call.only({"below", "job", "limit", "cursor"})) return;
    const auto limit = call.number("limit", default_nodes, max_nodes_of_a_page);
    if (!limit) return;
    const auto& options = self->state.options;
    ask<nodes_answer>(self, options.scheduler,
                      nodes_asked{options.secret, node_id{call.query("below")}, job_id{call.query("job")}, *limit,
                                  node_id{call.query("cursor")}},
                      call.exchange, [exchange = call.exchange](const nodes_answer& answer) {
                          answer_json(exchange, nodes_json(answer));
                      });
}

void serve_details(http_ptr self, const http_call& call) {
    const auto& options = self->state.options;
    ask<job_details>(self, options.scheduler, details_asked{options.secret, job_id{call.names[0]}}, call.exchange,
                     [exchange = call.exchange](const job_details& details) {
                         auto answer = details_json(details);
                         answer["version"] = json_version;
                         answer_json(exchange, answer);
                     });
}

void serve_forgive(http_ptr self, const http_call& call) {
    if (!call.only({"error", "nodes", "state", "only_count"})) return;
    const failure_filter which{call.query("error"), call.query("nodes"), call.query("state")};
    if (const auto problem = which.problem(); !problem.empty())
        return answer_problem(call.exchange, 400, "bad_parameter", problem);
    const auto counting = call.query("only_count");
    if (!counting.empty() && counting != "true" && counting != "false")
        return answer_problem(call.exchange, 400, "bad_parameter", "\"only_count\" is true or false");
    control_asked question;
    question.secret = self->state.options.secret;
    question.verb = control_verb::forgive;
    question.job = job_id{call.names[0]};
    question.error = which.error;
    question.nodes = which.nodes;
    question.state = which.state;
    question.only_count = counting == "true";
    control(self, call, std::move(question));
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
