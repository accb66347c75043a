#include "actors/app/query_output.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <sstream>

#include "actors/app/commands.hpp"
#include "actors/app/query_parts.hpp"
#include "actors/http/answers_json.hpp"
#include "io/clock.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

std::string clock_text(time_ms t) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(t / 1000)));
}

namespace {

void print_line(const boost::json::object& answer) { fmt::print("{}\n", to_line(answer)); }

void print(const text_table& table) { fmt::print("{}", table.render(terminal_width(stdout), wants_colour(stdout))); }

void print_notes(const jobs_answer& answer) {
    if (!answer.suspended.empty()) fmt::print("note: {}\n", printable(answer.suspended));
    for (const auto& [source, problem] : answer.problems) {
        std::istringstream lines{problem};
        auto prefix = printable(source) + ": ";
        for (std::string line; std::getline(lines, line); prefix = "  ") fmt::print("{}{}\n", prefix, printable(line));
    }
}

// As exact as an estimate is: "4.5 s", "46 s", "12 min", "5 h", "3 days".
std::string rough_text(double seconds) {
    constexpr double enough = 100;  // of a unit, then the next one
    if (seconds < 10) return fmt::format("{:.1f} s", seconds);
    if (seconds < enough) return fmt::format("{:.0f} s", seconds);
    if (seconds / 60 < enough) return fmt::format("{:.0f} min", seconds / 60);
    if (seconds / 3600 < enough) return fmt::format("{:.0f} h", seconds / 3600);
    return fmt::format("{:.0f} days", seconds / 86'400);
}

// "46 s (37 s - 55 s)"
std::string left_text(const job_row& job) {
    if (job.left_s < 0) return {};
    return fmt::format("{} ({} - {})", rough_text(job.left_s), rough_text(job.left_low_s), rough_text(job.left_high_s));
}

std::string state_of(const worker_row& worker) {
    if (worker.awaited) return "awaited since the restart";
    auto text = worker.health;
    if (!worker.connected) text += ", connection broken";
    if (worker.leaving) text += ", leaving";
    return text;
}

void print_workers_table(const jobs_answer& answer) {
    text_table table{{{"worker"}, {"host"}, {"pid", align::right}, {"state"}, {"heard", align::right}, {"own limits"}}};
    for (const auto& worker : answer.workers) {
        std::vector<std::string> limits;
        for (const auto& [name, limit] : worker.declared) limits.push_back(name + " " + std::to_string(limit));
        table.add({printable(worker.shard.value), printable(worker.host), std::to_string(worker.pid), state_of(worker),
                   fmt::format("{:.1f} s ago", static_cast<double>(worker.silent_ms) / 1000.0),
                   printable(join(limits, ", "))});
    }
    print(table);
}

}  // namespace

void print_status(const jobs_answer& answer, bool as_json) {
    if (as_json) return print_line(status_json(answer));
    const auto sum = sum_of(answer);
    print_notes(answer);
    fmt::print("{}, {}: {} done, {} running,{} {} waiting, {} to retry, {} blocked, {} failed\n",
               counted(answer.jobs.size(), "job"), counted(sum.total, "task"), sum.done, sum.running,
               sum.ending > 0 ? fmt::format(" {} being stored,", sum.ending) : "", sum.ready, sum.backoff, sum.blocked,
               sum.failed);
    if (!answer.workers.empty()) print_workers_table(answer);
}

void print_workers(const jobs_answer& answer, bool as_json) {
    if (as_json) return print_line(workers_json(answer));
    print_notes(answer);
    if (answer.workers.empty()) fmt::print("no workers\n");
    if (!answer.workers.empty()) print_workers_table(answer);
}

void print_jobs(const jobs_answer& answer, bool as_json) {
    if (as_json) return print_line(jobs_json(answer));
    print_notes(answer);
    text_table table{{{"job"},
                      {"owner"},
                      {"level"},
                      {"tasks", align::right},
                      {"done", align::right},
                      {"running", align::right},
                      {"waiting", align::right},
                      {"retry", align::right},
                      {"blocked", align::right},
                      {"failed", align::right},
                      {"left", align::right},
                      {"why waiting"}}};
    for (const auto& job : answer.jobs) {
        const auto& c = job.counts;
        table.add({printable(job.job.value) + (job.enabled ? "" : " (disabled)"), printable(job.owner),
                   printable(job.level), std::to_string(c.total), std::to_string(c.done), std::to_string(c.running),
                   std::to_string(c.ready), std::to_string(c.backoff), std::to_string(c.blocked),
                   std::to_string(c.failed), left_text(job), printable(job.waiting)});
    }
    print(table);
}

void print_tasks(const tasks_answer& answer, bool as_json) {
    if (as_json) return print_line(tasks_json(answer));
    text_table table{{{"job"}, {"node"}, {"state"}, {"errors", align::right}, {"worker"}, {"since / next try"}}};
    const auto now = wall_clock_ms();
    for (const auto& t : answer.tasks) {
        std::string when;
        if (t.started_ms > 0)
            when = clock_text(t.started_ms) + ", for " + duration_text(std::max<time_ms>(now - t.started_ms, 0));
        else if (t.retry_at_ms > now)
            when = clock_text(t.retry_at_ms) + ", in " + duration_text(t.retry_at_ms - now);
        table.add({printable(t.job.value), shortened(printable(t.node.value), 40), t.state, std::to_string(t.errors),
                   printable(t.worker), when});
    }
    print(table);
    if (answer.left_out > 0) fmt::print("... and {} more; see --limit, --state and --json\n", answer.left_out);
}

void print_logs(const std::vector<log_line>& lines, bool as_json) {
    const bool terminal = is_terminal(stdout);
    const bool colours = wants_colour(stdout);
    for (const auto& line : lines) {
        if (as_json) {
            print_line(log_line_json(line));
            continue;
        }
        const auto prefix =
            clock_text(line.written_ms) + " " + line.job.value + " " + shortened(printable(line.node.value), 40) + " ";
        fmt::print("{}{}\n", coloured(prefix, colour::dim, colours),
                   coloured(terminal ? printable(line.text) : line.text,
                            line.stream == log_stream::err ? colour::yellow : colour::plain, colours));
    }
    std::fflush(stdout);
}

int print_done(const control_answer& answer, bool as_json, int code_if_refused, bool with_count) {
    if (as_json)
        fmt::print("{}\n", to_line(done_json(answer, with_count)));
    else
        fmt::print(answer.ok ? stdout : stderr, "{}\n", printable(answer.text));
    return answer.ok ? static_cast<int>(all_well) : code_if_refused;
}

}  // namespace bistro
