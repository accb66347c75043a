#include "actors/http/http_actor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/functional/hash.hpp>

#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

std::string http_call::query(const std::string& key) const {
    const auto found = request().query.find(key);
    return found == request().query.end() ? std::string{} : found->second;
}

shared_body make_body(std::string text) {
    auto etag = fmt::format("\"{:016x}\"", boost::hash<std::string>{}(text));
    return {std::make_shared<const std::string>(std::move(text)), std::move(etag)};
}

void answer_shared(const exchange_ptr& exchange, const shared_body& body, const char* content_type) {
    http_response response{200, content_type, body.text, {{"ETag", body.etag}, {"Cache-Control", "no-cache"}}};
    if (lists_etag(exchange->request().if_none_match, body.etag)) {
        response.status = 304;
        response.body = nullptr;
    }
    exchange->answer(std::move(response));
}

void answer_json(const exchange_ptr& exchange, const json::value& value, unsigned status) {
    const auto& method = exchange->request().method;
    auto text = to_line(value) + "\n";
    if (status == 200 && (method == "GET" || method == "HEAD"))
        return answer_shared(exchange, make_body(std::move(text)), "application/json");
    exchange->answer({status,
                      "application/json",
                      std::make_shared<const std::string>(std::move(text)),
                      {{"Cache-Control", "no-store"}}});
}

void answer_json_text(const exchange_ptr& exchange, std::string text) {
    exchange->answer({200,
                      "application/json",
                      std::make_shared<const std::string>(std::move(text)),
                      {{"Cache-Control", "no-store"}}});
}

void answer_problem(const exchange_ptr& exchange, unsigned status, const std::string& code, const std::string& detail,
                    std::vector<std::pair<std::string, std::string>> headers) {
    const json::object problem{
        {"type", "about:blank"}, {"status", status}, {"code", code}, {"detail", json_text(detail)}};
    headers.emplace_back("Cache-Control", "no-store");
    exchange->answer({status, "application/problem+json", std::make_shared<const std::string>(to_line(problem) + "\n"),
                      std::move(headers)});
}

std::string text_of_error(const caf::error& error) {
    std::string text;
    if (error.context().match_elements<std::string>()) text = error.context().get_as<std::string>(0);
    return text.empty() ? caf::to_string(error) : text;
}

void answer_error(const exchange_ptr& exchange, const caf::error& error) {
    if (error == not_there) return answer_problem(exchange, 404, "unknown", text_of_error(error));
    if (error == not_understood) return answer_problem(exchange, 400, "not_understood", text_of_error(error));
    if (error == not_possible) return answer_problem(exchange, 409, "refused", text_of_error(error));
    if (error == caf::sec::request_timeout)
        return answer_problem(exchange, 504, "no_answer", "the scheduler did not answer in time; try again");
    answer_problem(exchange, 503, "unavailable", text_of_error(error));
}

void forget_jobs(http_ptr self) {
    ++self->state.changes;
    self->state.jobs_at.reset();
}

void with_jobs(http_ptr self, http_state::jobs_taken then, http_state::failed failed) {
    auto& s = self->state;
    const auto now = self->clock().now();
    if (s.jobs && s.jobs_at && now - *s.jobs_at < jobs_cache_time) return then(*s.jobs);
    s.waiting.emplace_back(std::move(then), std::move(failed));
    if (std::exchange(s.jobs_wanted, true)) return;
    const auto waiting = [self] {
        self->state.jobs_wanted = false;
        return std::exchange(self->state.waiting, {});
    };
    self->request<caf::message_priority::high>(s.options.scheduler, local_request_timeout, jobs_asked{s.options.secret})
        .then(
            [=, changes = s.changes](jobs_answer& answer) {
                auto asked = waiting();
                if (changes != self->state.changes) {
                    for (auto& [take, fail] : asked) with_jobs(self, std::move(take), std::move(fail));
                    return;
                }
                self->state.jobs = std::move(answer);
                self->state.bodies.clear();
                self->state.jobs_at = self->clock().now();
                for (const auto& [take, _] : asked) take(*self->state.jobs);
            },
            [=](const caf::error& error) {
                for (const auto& [_, fail] : waiting()) fail(error);
            });
}

namespace {

constexpr const char* needs_role =
    "a token that may do this must be in an Authorization header (Bearer ...); where the scheduler has no token file, "
    "only its own user and root may ask, from the same host";

// Gives the names that stand in the path; nothing where it is another pattern's.
std::optional<std::vector<std::string>> match(std::string_view pattern, const std::vector<std::string>& path) {
    std::vector<std::string> names;
    std::size_t at = 0;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        const auto segment = pattern.substr(0, pattern.find('/'));
        pattern.remove_prefix(segment.size());
        if (segment.empty()) continue;
        if (at >= path.size()) return std::nullopt;
        if (segment.front() == '{')
            names.push_back(path[at]);
        else if (segment != path[at])
            return std::nullopt;
        ++at;
    }
    return at == path.size() ? std::optional{names} : std::nullopt;
}

// Empty: nothing is wrong. A page or a probe may have any.
std::string parameter_problem(const http_route& route, const http_request& request) {
    if (!route.pattern.starts_with("/api/")) return {};
    if (!request.repeated.empty()) return quote(request.repeated) + " is given twice";
    for (const auto& [key, value] : request.query) {
        if (std::find(route.parameters.begin(), route.parameters.end(), key) == route.parameters.end())
            return "there is no parameter " + quote(key) + " here";
        // It may be of a variable that is not set; and as if it were not given, it would mean all.
        if (value.empty()) return quote(key) + " is empty";
    }
    return {};
}

void serve(http_ptr self, const exchange_ptr& exchange) {
    const auto& request = exchange->request();
    const auto method = request.method == "HEAD" ? std::string{"GET"} : request.method;
    std::vector<std::string> allowed;
    for (const auto& route : http_routes) {
        auto names = match(route.pattern, request.path);
        if (!names) continue;
        if (route.method != method) {
            allowed.emplace_back(route.method);
            continue;
        }
        if (request.role < route.role) {
            if (request.role == http_role::none)
                return answer_problem(exchange, 401, "unauthorized", needs_role, {{"WWW-Authenticate", "Bearer"}});
            return answer_problem(exchange, 403, "forbidden", "this token may only read");
        }
        if (const auto problem = parameter_problem(route, request); !problem.empty())
            return answer_problem(exchange, 400, "bad_parameter", problem);
        if (!request.body.empty() && !route.takes_body)
            return answer_problem(exchange, 400, "bad_body", "this takes no body; what is meant is said in the path");
        return route.serve(self, {exchange, std::move(*names)});
    }
    if (!allowed.empty())
        return answer_problem(exchange, 405, "method_not_allowed", "this takes " + join(allowed, ", "),
                              {{"Allow", join(allowed, ", ")}});
    answer_problem(exchange, 404, "no_such_path", "nothing is served there; see /api/v1");
}

}  // namespace

http_actor::behavior_type http_behavior(http_ptr self, http_options options) {
    self->state.options = std::move(options);
    return {
        [=](const http_asked& m) {
            try {
                serve(self, m.exchange);
            } catch (const std::exception& e) {
                answer_problem(m.exchange, 500, "unexpected", e.what());
            }
        },
        [=](const progress_snapshot& m) { self->state.progress = m; },
    };
}

}  // namespace bistro
