// An explanation for people, and as JSON.
#include <fmt/format.h>

#include "actors/app/query_output.hpp"
#include "actors/app/query_parts.hpp"
#include "actors/http/answers_json.hpp"
#include "io/clock.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

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
        fmt::print("{}\n", to_line(explanation_json(e)));
        return;
    }
    e.node.empty() ? print_job(e) : print_task(e);
    if (!e.advice.empty()) fmt::print("{}\n", printable(e.advice));
}

}  // namespace bistro
