#include "actors/app/query_output.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <sstream>

#include "actors/app/query_parts.hpp"
#include "io/clock.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

// Boost.JSON writes 1.795612149557E9: valid, but nothing that one reads, or finds with grep.
std::string to_line(const json::value& value) {
    std::string text;
    const auto list = [&](char open, char close, const auto& items, const auto& write) {
        text += open;
        bool first = true;
        for (const auto& item : items) {
            if (!std::exchange(first, false)) text += ',';
            write(item);
        }
        text += close;
    };
    if (const auto* object = value.if_object())
        list('{', '}', *object, [&](const auto& item) {
            text += json::serialize(json::string{item.key()}) + ":" + to_line(item.value());
        });
    else if (const auto* array = value.if_array())
        list('[', ']', *array, [&](const auto& item) { text += to_line(item); });
    else if (const auto* number = value.if_double(); number != nullptr && std::isfinite(*number))
        text = fmt::format("{}", *number);
    else
        text = json::serialize(value);
    return text;
}

json::value json_seconds(time_ms t) {
    return t == 0 ? json::value(nullptr) : json::value(static_cast<double>(t) / 1000.0);
}

json::string json_text(const std::string& s) { return json::string{valid_utf8(s)}; }

json::object json_counts(const task_counts& c) {
    return {{"total", c.total},     {"done", c.done},       {"failed", c.failed},
            {"running", c.running}, {"ending", c.ending},   {"waiting", c.ready},
            {"backoff", c.backoff}, {"blocked", c.blocked}, {"excluded", c.excluded}};
}

std::string clock_text(time_ms t) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(t / 1000)));
}

namespace {

json::array jobs_array(const jobs_answer& answer) {
    json::array jobs;
    for (const auto& job : answer.jobs)
        jobs.push_back(json::object{{"job", json_text(job.job.value)},
                                    {"owner", json_text(job.owner)},
                                    {"enabled", job.enabled},
                                    {"priority", static_cast<double>(job.priority)},
                                    {"level", json_text(job.level)},
                                    {"tasks", json_counts(job.counts)},
                                    {"waiting_reason", json_text(job.waiting)}});
    return jobs;
}

void print(const text_table& table) { fmt::print("{}", table.render(terminal_width(stdout), wants_colour(stdout))); }

void print_notes(const jobs_answer& answer) {
    if (!answer.suspended.empty()) fmt::print("note: {}\n", printable(answer.suspended));
    for (const auto& [source, problem] : answer.problems) {
        std::istringstream lines{problem};
        auto prefix = printable(source) + ": ";
        for (std::string line; std::getline(lines, line); prefix = "  ") fmt::print("{}{}\n", prefix, printable(line));
    }
}

json::array workers_array(const jobs_answer& answer) {
    json::array workers;
    for (const auto& worker : answer.workers) {
        json::object resources;
        for (const auto& [name, limit] : worker.declared) resources[name] = limit;
        workers.push_back(json::object{{"worker", json_text(worker.shard.value)},
                                       {"host", json_text(worker.host)},
                                       {"pid", worker.pid},
                                       {"health", worker.health},
                                       {"connected", worker.connected},
                                       {"awaited", worker.awaited},
                                       {"leaving", worker.leaving},
                                       {"silent_s", static_cast<double>(worker.silent_ms) / 1000.0},
                                       {"resources", std::move(resources)}});
    }
    return workers;
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
    task_counts sum;
    for (const auto& job : answer.jobs) {
        sum.total += job.counts.total;
        sum.done += job.counts.done;
        sum.failed += job.counts.failed;
        sum.running += job.counts.running;
        sum.ending += job.counts.ending;
        sum.ready += job.counts.ready;
        sum.backoff += job.counts.backoff;
        sum.blocked += job.counts.blocked;
        sum.excluded += job.counts.excluded;
    }
    if (as_json) {
        json::object problems;
        for (const auto& [source, problem] : answer.problems) problems[source] = json_text(problem);
        fmt::print("{}\n", to_line(json::object{{"version", json_version},
                                                {"policy", answer.policy},
                                                {"suspended", json_text(answer.suspended)},
                                                {"jobs", answer.jobs.size()},
                                                {"tasks", json_counts(sum)},
                                                {"workers", workers_array(answer)},
                                                {"fenced", answer.fenced},
                                                {"problems", std::move(problems)}}));
        return;
    }
    print_notes(answer);
    fmt::print("{}, {}: {} done, {} running,{} {} waiting, {} to retry, {} blocked, {} failed\n",
               counted(answer.jobs.size(), "job"), counted(sum.total, "task"), sum.done, sum.running,
               sum.ending > 0 ? fmt::format(" {} being stored,", sum.ending) : "", sum.ready, sum.backoff, sum.blocked,
               sum.failed);
    if (!answer.workers.empty()) print_workers_table(answer);
}

void print_workers(const jobs_answer& answer, bool as_json) {
    if (as_json) {
        fmt::print("{}\n", to_line(json::object{{"version", json_version}, {"workers", workers_array(answer)}}));
        return;
    }
    print_notes(answer);
    if (answer.workers.empty()) fmt::print("no workers\n");
    if (!answer.workers.empty()) print_workers_table(answer);
}

void print_jobs(const jobs_answer& answer, bool as_json) {
    if (as_json) {
        fmt::print("{}\n", to_line(json::object{{"version", json_version}, {"jobs", jobs_array(answer)}}));
        return;
    }
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
                      {"why waiting"}}};
    for (const auto& job : answer.jobs) {
        const auto& c = job.counts;
        table.add({printable(job.job.value) + (job.enabled ? "" : " (disabled)"), printable(job.owner),
                   printable(job.level), std::to_string(c.total), std::to_string(c.done), std::to_string(c.running),
                   std::to_string(c.ready), std::to_string(c.backoff), std::to_string(c.blocked),
                   std::to_string(c.failed), printable(job.waiting)});
    }
    print(table);
}

void print_tasks(const tasks_answer& answer, bool as_json) {
    if (as_json) {
        json::array tasks;
        for (const auto& t : answer.tasks)
            tasks.push_back(json::object{
                {"job", json_text(t.job.value)},
                {"node", json_text(t.node.value)},
                {"state", json_text(t.state)},
                {"errors", t.errors},
                {"retry_at", json_seconds(t.retry_at_ms)},
                {"worker", json_text(t.worker)},
                {"started_at", json_seconds(t.started_ms)},
                {"invocation", t.invocation.valid() ? json::value(to_string(t.invocation)) : json::value(nullptr)},
                {"data", t.data_json.empty() ? json::value(nullptr) : json::parse(t.data_json)}});
        fmt::print("{}\n", to_line(json::object{
                               {"version", json_version}, {"tasks", std::move(tasks)}, {"left_out", answer.left_out}}));
        return;
    }
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
            fmt::print("{}\n", to_line(json::object{{"version", json_version},
                                                    {"id", std::to_string(line.id)},
                                                    {"job", json_text(line.job.value)},
                                                    {"node", json_text(line.node.value)},
                                                    {"invocation", to_string(line.invocation)},
                                                    {"stream", to_string(line.stream)},
                                                    {"time", json_seconds(line.written_ms)},
                                                    {"text", json_text(line.text)}}));
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

}  // namespace bistro
