// An explanation for people, and as JSON.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "actors/app/query_output.hpp"
#include "actors/app/query_parts.hpp"
#include "io/clock.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& s) { return s.empty() ? json::value(nullptr) : json::value(json_text(s)); }

json::array holders_of(const explanation& e) {
    json::array holders;
    for (const auto& h : e.holders)
        holders.push_back(json::object{
            {"job", json_text(h.job.value)}, {"node", json_text(h.node.value)}, {"worker", json_text(h.worker)}});
    return holders;
}

json::array jobs_of(const explanation& e) {
    json::array jobs;
    for (const auto& job : e.waits_for) jobs.push_back(json_text(job.value));
    return jobs;
}

json::object of_job(const explanation& e) {
    json::array groups;
    for (const auto& g : e.groups)
        groups.push_back(json::object{{"tasks", g.tasks},
                                      {"cause", json_text(g.cause)},
                                      {"resource", text_or_null(g.resource)},
                                      {"text", json_text(g.text)}});
    return {{"tasks", json_counts(e.counts)}, {"waits_for", jobs_of(e)}, {"waiting", std::move(groups)}};
}

json::object of_task(const explanation& e) {
    json::object o;
    o["node"] = json_text(e.node.value);
    o["state"] = json_text(e.state);
    o["forever"] = e.forever;
    o["place"] = text_or_null(e.place);
    o["resource"] = text_or_null(e.resource);
    o["demand"] = e.demand;
    o["free"] = e.free;
    o["limit"] = e.limit;
    o["holders"] = holders_of(e);
    o["other_holders"] = e.other_holders;
    o["waits_for"] = jobs_of(e);
    o["errors"] = e.errors;
    o["retry_at"] = json_seconds(e.retry_at_ms);
    o["worker"] = text_or_null(e.worker);
    o["started_at"] = json_seconds(e.started_ms);
    o["invocation"] = e.invocation.valid() ? json::value(to_string(e.invocation)) : json::value(nullptr);
    o["last_attempt"] = text_or_null(e.last_attempt);
    return o;
}

void print_job(const explanation& e) {
    fmt::print("{}: {}, {} done, {} failed, {} running\n", printable(e.job.value), counted(e.counts.total, "task"),
               e.counts.done, e.counts.failed, e.counts.running);
    if (!e.text.empty()) fmt::print("{}\n", printable(e.text));
    for (const auto& g : e.groups)
        fmt::print("{} {} {}\n", g.tasks, g.tasks == 1 ? "waits" : "wait", printable(g.text));
    if (e.counts.excluded > 0)
        fmt::print("{} excluded by filters or disabled nodes; see bistro tasks {} --state excluded\n",
                   counted(e.counts.excluded, "task"), printable(e.job.value));
}

void print_task(const explanation& e) {
    const auto now = wall_clock_ms();
    if (e.cause != "no_such_task")
        fmt::print("{} on {}: {}\n", printable(e.job.value), printable(e.node.value), e.state);
    fmt::print("{}\n", printable(e.text));
    if (e.started_ms > 0) fmt::print("since {}, for {}\n", clock_text(e.started_ms), duration_text(now - e.started_ms));
    if (e.retry_at_ms > now)
        fmt::print("next try at {}, in {}\n", clock_text(e.retry_at_ms), duration_text(e.retry_at_ms - now));
    if (!e.last_attempt.empty()) fmt::print("last attempt: {}\n", printable(e.last_attempt));
    for (const auto& h : e.holders)
        fmt::print("held by {} on {}, worker {}\n", printable(h.job.value), printable(h.node.value),
                   printable(h.worker));
    if (e.other_holders > 0) fmt::print("... and by {} more\n", e.other_holders);
}

}  // namespace

void print_explanation(const explanation& e, bool as_json) {
    if (as_json) {
        json::object o{{"version", json_version}, {"job", json_text(e.job.value)}};
        o["cause"] = text_or_null(e.cause);
        o["text"] = text_or_null(e.text);
        o["advice"] = text_or_null(e.advice);
        for (auto& [key, value] : e.node.empty() ? of_job(e) : of_task(e)) o[key] = std::move(value);
        fmt::print("{}\n", to_line(o));
        return;
    }
    e.node.empty() ? print_job(e) : print_task(e);
    if (!e.advice.empty()) fmt::print("{}\n", printable(e.advice));
}

}  // namespace bistro
