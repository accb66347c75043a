// The parts of the HTTP actor, for its own sources only.
#pragma once

#include <boost/json.hpp>
#include <caf/all.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/http/http_actor.hpp"
#include "io/http/http_headers.hpp"
#include "io/http/http_server.hpp"

namespace bistro {

using http_ptr = http_actor::stateful_pointer<http_state>;
using exchange_ptr = std::shared_ptr<http_exchange>;

/// A request, and what of its path stood for the names in the route's pattern.
struct http_call {
    exchange_ptr exchange;
    std::vector<std::string> names;

    const http_request& request() const { return exchange->request(); }
    /// Empty where it is not given.
    std::string query(const std::string& key) const;
    /// Nothing, and a problem is answered, where it is no number in its range.
    std::optional<std::uint64_t> number(const std::string& key, std::uint64_t otherwise, std::uint64_t most) const;
};

struct http_route {
    std::string_view method;   ///< GET also answers HEAD
    std::string_view pattern;  ///< "/api/v1/jobs/{job}"
    http_role role;            ///< that it takes at least
    void (*serve)(http_ptr self, const http_call& call);
    std::vector<std::string_view> parameters = {};  ///< of the query that it knows
    bool takes_body = false;
};
extern const std::vector<http_route> http_routes;

// -- answers

void answer_json(const exchange_ptr& exchange, const boost::json::value& value, unsigned status = 200);
/// The same of JSON that is written already.
void answer_json_text(const exchange_ptr& exchange, std::string text);
void answer_shared(const exchange_ptr& exchange, const shared_body& body, const char* content_type);
shared_body make_body(std::string text);
/// As RFC 9457 has it; `code` is for programs and does not change.
void answer_problem(const exchange_ptr& exchange, unsigned status, const std::string& code, const std::string& detail,
                    std::vector<std::pair<std::string, std::string>> headers = {});
/// Of an actor that was asked: what is unknown is 404, what is late is 504.
void answer_error(const exchange_ptr& exchange, const caf::error& error);
/// The text of a refusal for people.
std::string text_of_error(const caf::error& error);

// -- questions

/// The state of all jobs, at most jobs_cache_time old.
void with_jobs(http_ptr self, http_state::jobs_taken then, http_state::failed failed);

/// Something was changed: whoever asks from now on must see it.
void forget_jobs(http_ptr self);

/// Asks, and hands on the answer; an error is answered as such.
template <class Answer, class Handle, class Question>
void ask(http_ptr self, const Handle& whom, Question question, const exchange_ptr& exchange,
         std::function<void(const Answer&)> then) {
    self->request<caf::message_priority::high>(whom, local_request_timeout, std::move(question))
        .then([then = std::move(then)](const Answer& answer) { then(answer); },
              [exchange](const caf::error& error) { answer_error(exchange, error); });
}

/// Has the scheduler do it, and answers what comes of it.
void control(http_ptr self, const http_call& call, control_asked question);

// -- what is served

void serve_nodes(http_ptr self, const http_call& call);  // http_nodes.cpp
void serve_details(http_ptr self, const http_call& call);
void serve_forgive(http_ptr self, const http_call& call);
void serve_wait(http_ptr self, const http_call& call);
void serve_log(http_ptr self, const http_call& call);  // http_process.cpp
void serve_log_change(http_ptr self, const http_call& call);
void serve_console(http_ptr self, const http_call& call);

void serve_seed(http_ptr self, const http_call& call);  // http_seed.cpp
/// In Prometheus' text format.
std::string metrics_text(const jobs_answer& jobs, const progress_snapshot& progress);
/// A job as the seed system's interface and saved jobs have it.
boost::json::object job_config_json(const job_spec& job);

}  // namespace bistro
