// The resources of /api/v1, and what else is served.
#include <charconv>

#include "actors/http/answers_json.hpp"
#include "actors/http/embedded.hpp"
#include "actors/http/http_parts.hpp"
#include "config/submissions.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

constexpr std::uint64_t default_limit = 100;
constexpr std::uint64_t max_limit = 10'000;
constexpr std::size_t attempts_of_a_task = 100;

void serve_bodies(http_ptr self, const http_call& call, const std::string& key, const char* content_type,
                  std::string (*make)(http_ptr, const jobs_answer&)) {
    with_jobs(
        self,
        [=, exchange = call.exchange](const jobs_answer& jobs) {
            auto& bodies = self->state.bodies;
            auto found = bodies.find(key);
            if (found == bodies.end()) found = bodies.emplace(key, make_body(make(self, jobs))).first;
            answer_shared(exchange, found->second, content_type);
        },
        [exchange = call.exchange](const caf::error& e) { answer_error(exchange, e); });
}

void serve_status(http_ptr self, const http_call& call) {
    serve_bodies(self, call, "status", "application/json",
                 [](http_ptr, const jobs_answer& jobs) { return to_line(status_json(jobs)) + "\n"; });
}

// Those behind the cursor, by name as it is shown; `next` is the last name where there are more.
template <class Rows, class NameOf>
json::value cut_page(Rows& rows, const std::string& cursor, std::uint64_t limit, NameOf name_of) {
    std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return name_of(a) < name_of(b); });
    std::erase_if(rows, [&](const auto& row) { return !cursor.empty() && name_of(row) <= cursor; });
    if (rows.size() <= limit) return nullptr;
    rows.resize(limit);
    return json::string{name_of(rows.back())};
}

// A page of some rows of the scheduler's state, which are served whole where nothing is said of pages.
template <class Row, class NameOf>
void serve_rows(http_ptr self, const http_call& call, std::vector<Row> jobs_answer::*rows, NameOf name_of,
                json::object (*as_json)(const jobs_answer&)) {
    const auto limit = call.number("limit", default_limit, max_limit);
    if (!limit) return;
    with_jobs(
        self,
        [=, exchange = call.exchange, cursor = call.query("cursor")](const jobs_answer& jobs) {
            auto part = jobs;
            const auto next = cut_page(part.*rows, cursor, *limit, name_of);
            auto answer = as_json(part);
            answer["next"] = next;
            answer_json(exchange, answer);
        },
        [exchange = call.exchange](const caf::error& e) { answer_error(exchange, e); });
}

void serve_jobs(http_ptr self, const http_call& call) {
    if (!call.request().query.empty())
        return serve_rows(
            self, call, &jobs_answer::jobs, [](const job_row& row) { return std::string{json_text(row.job.value)}; },
            jobs_json);
    serve_bodies(self, call, "jobs", "application/json",
                 [](http_ptr, const jobs_answer& jobs) { return to_line(jobs_json(jobs)) + "\n"; });
}

void serve_workers(http_ptr self, const http_call& call) {
    if (!call.request().query.empty())
        return serve_rows(
            self, call, &jobs_answer::workers,
            [](const worker_row& row) { return std::string{json_text(row.shard.value)}; }, workers_json);
    serve_bodies(self, call, "workers", "application/json",
                 [](http_ptr, const jobs_answer& jobs) { return to_line(workers_json(jobs)) + "\n"; });
}

void serve_metrics(http_ptr self, const http_call& call) {
    serve_bodies(self, call, "metrics", "text/plain; version=0.0.4; charset=utf-8",
                 [](http_ptr actor, const jobs_answer& jobs) { return metrics_text(jobs, actor->state.progress); });
}

void serve_job(http_ptr self, const http_call& call) {
    const job_id name{call.names[0]};
    const auto exchange = call.exchange;
    const auto fail = [exchange](const caf::error& e) { answer_error(exchange, e); };
    with_jobs(
        self,
        [=](const jobs_answer& jobs) {
            const auto row = std::find_if(jobs.jobs.begin(), jobs.jobs.end(), [&](auto& j) { return j.job == name; });
            if (row == jobs.jobs.end())
                return answer_problem(exchange, 404, "unknown", "there is no job " + quote(name.value));
            auto answer = job_json(*row);
            answer["version"] = json_version;
            ask<scheduler_view>(self, self->state.options.scheduler, view_asked{}, exchange,
                                [=](const scheduler_view& view) {
                                    auto whole = answer;
                                    for (const auto& job : view.jobs)
                                        if (job.name == name) whole["config"] = job_config_json(job);
                                    answer_json(exchange, whole);
                                });
        },
        fail);
}

// Where a page ends and the next one begins, as one text: the job's name has no slash.
std::string cursor_of(const task_row& row) { return row.job.value + "/" + row.node.value; }

// The tasks of one job behind `after`, then those of the jobs that follow it by name, until the page is full.
struct task_page {
    exchange_ptr exchange;
    std::string state;
    std::uint64_t limit = 0;
    tasks_answer rows;
    std::vector<job_id> jobs;  ///< still to be asked, the first one last
    node_id after;
};

void continue_page(http_ptr self, const std::shared_ptr<task_page>& page) {
    const auto finish = [page](bool more) {
        json::array tasks;
        for (const auto& row : page->rows.tasks) tasks.push_back(task_json(row));
        const auto next = more ? json::value(json_text(cursor_of(page->rows.tasks.back()))) : json::value(nullptr);
        answer_json(page->exchange,
                    json::object{{"version", json_version}, {"tasks", std::move(tasks)}, {"next", next}});
    };
    if (page->jobs.empty()) return finish(false);
    tasks_asked question{self->state.options.secret,
                         page->jobs.back(),
                         page->state,
                         page->limit - page->rows.tasks.size(),
                         page->after,
                         false};
    if (question.limit == 0) return finish(true);
    ask<tasks_answer>(self, self->state.options.scheduler, std::move(question), page->exchange,
                      [=](const tasks_answer& answer) {
                          auto& rows = page->rows.tasks;
                          rows.insert(rows.end(), answer.tasks.begin(), answer.tasks.end());
                          if (answer.left_out > 0) return finish(true);
                          page->jobs.pop_back();
                          page->after = {};
                          continue_page(self, page);
                      });
}

void serve_tasks(http_ptr self, const http_call& call) {
    const auto limit = call.number("limit", default_limit, max_limit);
    if (!limit) return;
    auto page = std::make_shared<task_page>();
    page->exchange = call.exchange;
    page->state = call.query("state");
    page->limit = *limit;
    if (!page->state.empty() && std::find(task_words.begin(), task_words.end(), page->state) == task_words.end())
        return answer_problem(call.exchange, 400, "bad_parameter", "there is no state " + quote(page->state));
    const auto cursor = call.query("cursor");
    const auto slash = cursor.find('/');
    if (!cursor.empty() && (slash == std::string::npos || slash == 0 || slash + 1 == cursor.size()))
        return answer_problem(call.exchange, 400, "bad_parameter", "the cursor is not one that was given out here");
    const job_id first{cursor.substr(0, slash)};
    if (!cursor.empty()) page->after = node_id{cursor.substr(slash + 1)};
    const job_id only_of{call.query("job")};
    with_jobs(
        self,
        [=](const jobs_answer& jobs) {
            for (const auto& row : jobs.jobs)
                if ((only_of.empty() || row.job == only_of) && (cursor.empty() || !(row.job < first)))
                    page->jobs.push_back(row.job);
            if (page->jobs.empty() && cursor.empty() && !only_of.empty())
                return answer_problem(page->exchange, 404, "unknown", "there is no job " + quote(only_of.value));
            std::sort(page->jobs.rbegin(), page->jobs.rend());
            if (!page->jobs.empty() && page->jobs.back() != first) page->after = {};
            continue_page(self, page);
        },
        [page](const caf::error& e) { answer_error(page->exchange, e); });
}

json::object attempt_json(const attempt& a) {
    json::object o{{"invocation", to_string(a.start.invocation)},
                   {"worker", json_text(a.start.worker)},
                   {"started_at", json_seconds(a.start.started_ms)}};
    o["ended_at"] = a.ended ? json_seconds(a.end.ended_ms) : json::value(nullptr);
    o["result"] = a.ended ? json::value(to_string(a.end.result)) : json::value(nullptr);
    o["exit_code"] = a.ended && a.end.signal == 0 ? json::value(a.end.exit_code) : json::value(nullptr);
    o["signal"] = a.ended && a.end.signal != 0 ? json::value(a.end.signal) : json::value(nullptr);
    o["reason"] = json_text(a.ended ? a.end.reason : std::string{});
    return o;
}

void serve_task(http_ptr self, const http_call& call) {
    const job_id job{call.names[0]};
    const node_id node{call.names[1]};
    const auto exchange = call.exchange;
    const auto& options = self->state.options;
    ask<explanation>(
        self, options.scheduler, explain_asked{options.secret, job, node}, exchange, [=](const explanation& e) {
            auto answer = explanation_json(e);
            if (e.cause == "no_such_task") return answer_problem(exchange, 404, "unknown", e.text);
            ask<attempts_answer>(self, self->state.options.store, attempts_asked{job, node, attempts_of_a_task},
                                 exchange, [=](const attempts_answer& past) {
                                     auto whole = answer;
                                     json::array attempts;
                                     for (const auto& a : past.attempts) attempts.push_back(attempt_json(a));
                                     whole["attempts"] = std::move(attempts);
                                     answer_json(exchange, whole);
                                 });
        });
}

void serve_explanation(http_ptr self, const http_call& call) {
    ask<explanation>(self, self->state.options.scheduler,
                     explain_asked{self->state.options.secret, job_id{call.names[0]}, {}}, call.exchange,
                     [exchange = call.exchange](const explanation& e) { answer_json(exchange, explanation_json(e)); });
}

void serve_logs(http_ptr self, const http_call& call) {
    const auto limit = call.number("limit", default_limit, max_limit);
    if (!limit) return;
    logs_asked question;
    question.secret = self->state.options.secret;
    question.query.job = job_id{call.query("job")};
    question.query.node = node_id{call.query("node")};
    question.query.limit = *limit;
    question.query.latest = call.query("after").empty();
    if (const auto stream = call.query("stream"); !stream.empty()) {
        const auto parsed = parse_log_stream(stream);
        if (!parsed)
            return answer_problem(call.exchange, 400, "bad_parameter", "a stream is stdout, stderr or statuses");
        question.query.any_stream = false;
        question.query.stream = *parsed;
    }
    // As it was given out: worker=id, with a comma between.
    for (auto rest = call.query("after"); !rest.empty();) {
        const auto entry = rest.substr(0, rest.find(','));
        rest.erase(0, entry.size() + 1);
        const auto at = entry.rfind('=');
        std::int64_t id = 0;
        const auto* const end = entry.data() + entry.size();
        const auto parsed = at == std::string::npos || at == 0
                                ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                                : std::from_chars(entry.data() + at + 1, end, id);
        if (parsed.ec != std::errc{} || parsed.ptr != end || id < 0)
            return answer_problem(call.exchange, 400, "bad_parameter", "\"after\" is not one that was given out here");
        question.after[entry.substr(0, at)] = id;
    }
    ask<logs_answer>(self, self->state.options.scheduler, std::move(question), call.exchange,
                     [exchange = call.exchange](const logs_answer& answer) {
                         json::array lines;
                         for (const auto& line : answer.lines) lines.push_back(log_line_json(line));
                         json::array missing;
                         for (const auto& shard : answer.missing) missing.push_back(json_text(shard));
                         std::string next;
                         for (const auto& [shard, id] : answer.last)
                             next += (next.empty() ? "" : ",") + shard + "=" + std::to_string(id);
                         answer_json(exchange, json::object{{"version", json_version},
                                                            {"lines", std::move(lines)},
                                                            {"next", json_text(next)},
                                                            {"missing_workers", std::move(missing)}});
                     });
}

void control(http_ptr self, const http_call& call, control_verb verb, const std::string& job = {},
             const std::string& node = {}, std::string text = {}) {
    control(self, call, control_asked{self->state.options.secret, verb, job_id{job}, node_id{node}, std::move(text)});
}

void serve_submit(http_ptr self, const http_call& call) {
    if (call.request().body.size() > max_submitted_job_bytes)
        return answer_problem(call.exchange, 413, "too_large", "a job may have at most 1 MiB");
    boost::system::error_code ec;
    if (const auto value = json::parse(call.request().body, ec); ec || !value.is_object())
        return answer_problem(call.exchange, 400, "bad_body", "a job is a JSON object, with the keys of its config");
    control(self, call, control_verb::submit, call.names[0], {}, call.request().body);
}

void serve_remove(http_ptr self, const http_call& call) { control(self, call, control_verb::remove, call.names[0]); }
void serve_pause(http_ptr self, const http_call& call) { control(self, call, control_verb::pause, call.names[0]); }
void serve_resume(http_ptr self, const http_call& call) { control(self, call, control_verb::resume, call.names[0]); }

void serve_kill(http_ptr self, const http_call& call) {
    control(self, call, control_verb::kill, call.names[0], call.names.size() > 1 ? call.names[1] : std::string{});
}

void serve_stop(http_ptr self, const http_call& call) { control(self, call, control_verb::stop); }

void serve_events(http_ptr self, const http_call& call) {
    const auto after = call.query("after");
    if (auto reader = call.exchange->answer_with_events())
        self->send(self->state.options.monitor,
                   watch_events{std::move(reader), after.empty() ? call.request().last_event_id : after});
}

// Lives as long as this process answers.
void serve_health(http_ptr, const http_call& call) { answer_json(call.exchange, json::object{{"healthy", true}}); }

void serve_readiness(http_ptr self, const http_call& call) {
    const auto not_ready = [exchange = call.exchange](const std::string& why) {
        answer_problem(exchange, 503, "not_ready", why);
    };
    with_jobs(
        self,
        [=, exchange = call.exchange](const jobs_answer& jobs) {
            if (!jobs.suspended.empty()) return not_ready(jobs.suspended);
            answer_json(exchange, json::object{{"ready", true}});
        },
        [=](const caf::error& e) { not_ready(text_of_error(e)); });
}

void serve_openapi(http_ptr, const http_call& call) {
    static const auto body = make_body(std::string{embedded_openapi});
    answer_shared(call.exchange, body, "application/json");
}

// The page asks this server, and nobody else; nothing frames it.
void serve_file(const http_call& call, std::string_view text, const char* content_type) {
    const auto body = make_body(std::string{text});
    http_response response{200, content_type, body.text, {{"ETag", body.etag}, {"Cache-Control", "no-cache"}}};
    response.headers.emplace_back("Content-Security-Policy",
                                  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr "
                                  "'unsafe-inline'; img-src data:; connect-src 'self'; form-action 'none'; base-uri "
                                  "'none'; frame-ancestors 'none'");
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    if (lists_etag(call.request().if_none_match, body.etag)) {
        response.status = 304;
        response.body = nullptr;
    }
    call.exchange->answer(std::move(response));
}

void serve_page(http_ptr, const http_call& call) { serve_file(call, embedded_index, "text/html; charset=utf-8"); }
void serve_style(http_ptr, const http_call& call) { serve_file(call, embedded_style, "text/css; charset=utf-8"); }
void serve_script(http_ptr, const http_call& call) {
    serve_file(call, embedded_script, "text/javascript; charset=utf-8");
}

std::string_view name_of(http_role role) {
    return role == http_role::none ? "none" : role == http_role::read ? "read" : "operate";
}

void serve_index(http_ptr, const http_call& call) {
    json::array paths;
    for (const auto& route : http_routes)
        paths.push_back(json::object{{"method", route.method},
                                     {"path", route.pattern},
                                     {"role", name_of(route.role)},
                                     {"parameters", json::array(route.parameters.begin(), route.parameters.end())},
                                     {"takes_body", route.takes_body}});
    answer_json(call.exchange,
                json::object{{"version", json_version}, {"description", "/api/v1/openapi.json"}, {"paths", paths}});
}

}  // namespace

void control(http_ptr self, const http_call& call, control_asked question) {
    const bool with_count = question.verb == control_verb::forgive;
    ask<control_answer>(self, self->state.options.scheduler, std::move(question), call.exchange,
                        [=, exchange = call.exchange](const control_answer& answer) {
                            forget_jobs(self);
                            if (!answer.ok) return answer_problem(exchange, 409, "refused", answer.text);
                            answer_json(exchange, done_json(answer, with_count));
                        });
}

std::optional<std::uint64_t> http_call::number(const std::string& key, std::uint64_t otherwise,
                                               std::uint64_t most) const {
    const auto text = query(key);
    if (text.empty()) return otherwise;
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= most) return number;
    answer_problem(exchange, 400, "bad_parameter", quote(key) + " must be a number from 1 to " + std::to_string(most));
    return std::nullopt;
}

const std::vector<http_route> http_routes = {
    {"GET", "/", http_role::none, serve_page},
    {"GET", "/page.css", http_role::none, serve_style},
    {"GET", "/page.js", http_role::none, serve_script},
    {"POST", "/", http_role::read, serve_seed, {}, true},
    {"GET", "/healthz", http_role::none, serve_health},
    {"GET", "/readyz", http_role::none, serve_readiness},
    {"GET", "/metrics", http_role::read, serve_metrics},
    {"GET", "/api/v1", http_role::read, serve_index},
    {"GET", "/api/v1/openapi.json", http_role::none, serve_openapi},
    {"GET", "/api/v1/status", http_role::read, serve_status},
    {"GET", "/api/v1/jobs", http_role::read, serve_jobs, {"limit", "cursor"}},
    {"GET", "/api/v1/jobs/{job}", http_role::read, serve_job},
    {"PUT", "/api/v1/jobs/{job}", http_role::operate, serve_submit, {}, true},
    {"DELETE", "/api/v1/jobs/{job}", http_role::operate, serve_remove},
    {"POST", "/api/v1/jobs/{job}/pause", http_role::operate, serve_pause},
    {"POST", "/api/v1/jobs/{job}/resume", http_role::operate, serve_resume},
    {"GET", "/api/v1/jobs/{job}/explanation", http_role::read, serve_explanation},
    {"GET", "/api/v1/jobs/{job}/details", http_role::read, serve_details},
    {"POST",
     "/api/v1/jobs/{job}/forgive",
     http_role::operate,
     serve_forgive,
     {"cause", "error", "nodes", "state", "only_count"}},
    {"GET", "/api/v1/jobs/{job}/wait", http_role::read, serve_wait, {"timeout"}},
    {"POST", "/api/v1/jobs/{job}/kill", http_role::operate, serve_kill},
    {"GET", "/api/v1/tasks", http_role::read, serve_tasks, {"job", "state", "limit", "cursor"}},
    {"GET", "/api/v1/tasks/{job}/{node}", http_role::read, serve_task},
    {"POST", "/api/v1/tasks/{job}/{node}/kill", http_role::operate, serve_kill},
    {"GET", "/api/v1/workers", http_role::read, serve_workers, {"limit", "cursor"}},
    {"GET", "/api/v1/nodes", http_role::read, serve_nodes, {"below", "job", "limit", "cursor"}},
    {"POST", "/api/v1/console", http_role::operate, serve_console, {}, true},
    {"GET", "/api/v1/log", http_role::read, serve_log},
    {"PUT", "/api/v1/log", http_role::operate, serve_log_change, {}, true},
    {"GET", "/api/v1/logs", http_role::read, serve_logs, {"job", "node", "stream", "limit", "after"}},
    {"GET", "/api/v1/events", http_role::read, serve_events, {"after"}},
    {"POST", "/api/v1/stop", http_role::operate, serve_stop},
};

}  // namespace bistro
