// The resources of /api/v1 about nodes, and what a job's tasks have come to: details, retries, waiting.
#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

constexpr std::uint64_t default_nodes = 1000;
constexpr std::uint64_t max_nodes_of_a_page = 10'000;

// Less than the server waits for an answer.
constexpr std::uint64_t longest_http_wait_s = 20;

}  // namespace

void serve_nodes(http_ptr self, const http_call& call) {
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
    const failure_filter which{call.query("error"), call.query("nodes"), call.query("state"), call.query("cause")};
    if (const auto problem = which.problem(); !problem.empty())
        return answer_problem(call.exchange, 400, "bad_parameter", problem);
    const auto counting = call.query("only_count");
    if (!counting.empty() && counting != "true" && counting != "false")
        return answer_problem(call.exchange, 400, "bad_parameter", "\"only_count\" is true or false");
    control_asked question;
    question.secret = self->state.options.secret;
    question.verb = control_verb::forgive;
    question.job = job_id{call.names[0]};
    question.cause = which.cause;
    question.error = which.error;
    question.nodes = which.nodes;
    question.state = which.state;
    question.only_count = counting == "true";
    control(self, call, std::move(question));
}

void serve_wait(http_ptr self, const http_call& call) {
    const auto timeout = call.number("timeout", longest_http_wait_s, longest_http_wait_s);
    if (!timeout) return;
    const auto& options = self->state.options;
    const job_id job{call.names[0]};
    self->request(options.scheduler, caf::infinite,
                  wait_asked{options.secret, job, static_cast<std::int64_t>(*timeout)})
        .then(
            [=, exchange = call.exchange](const wait_answer& answer) { answer_json(exchange, rest_json(job, answer)); },
            [exchange = call.exchange](const caf::error& e) { answer_error(exchange, e); });
}

}  // namespace bistro
