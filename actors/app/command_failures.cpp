// bistro failures, slowest, retry and nodes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "actors/app/client.hpp"
#include "actors/app/commands.hpp"
#include "actors/app/query_output.hpp"
#include "actors/app/query_parts.hpp"
#include "actors/http/answers_json.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

void print(const text_table& table) { fmt::print("{}", table.render(terminal_width(stdout), wants_colour(stdout))); }

// Of that job, or of all in the order of the config. Nothing: the caller learns why from the client.
std::optional<std::vector<job_details>> details_of(client& c, const std::string& job) {
    std::vector<job_id> names{job_id{job}};
    if (job.empty()) {
        const auto jobs = c.ask<jobs_answer>(jobs_asked{});
        if (!jobs) return std::nullopt;
        names.clear();
        for (const auto& row : jobs->jobs) names.push_back(row.job);
    }
    std::vector<job_details> all;
    for (const auto& name : names) {
        auto details = c.ask<job_details>(details_asked{{}, name});
        if (!details && !job.empty()) return std::nullopt;
        if (details) all.push_back(std::move(*details));  // else it has gone meanwhile
    }
    return all;
}

// What to type for those of a group, as it can be typed.
std::string shell_quoted(const std::string& text) {
    std::string result = "'";
    for (const char ch : text) result += ch == '\'' ? std::string{"'\\''"} : std::string(1, ch);
    return result + "'";
}

std::string names_of(const std::vector<node_id>& nodes, std::uint64_t tasks) {
    std::vector<std::string> names;
    for (const auto& node : nodes) names.push_back(printable(node.value));
    return join(names, ", ") + (tasks > nodes.size() ? ", ..." : "");
}

std::string amount_text(const node_row& row) {
    std::vector<std::string> texts;
    for (const auto& [name, amount] : row.resources)
        texts.push_back(fmt::format("{} {} of {}", name, amount.first, amount.second));
    return join(texts, ", ");
}

// True where the answer begins with y or Y.
bool agreed(const std::string& question) {
    fmt::print(stderr, "{} [y/N] ", question);
    std::string answer;
    return static_cast<bool>(std::getline(std::cin, answer)) && (answer.starts_with('y') || answer.starts_with('Y'));
}

}  // namespace

int command_failures(const target_arguments& target, const std::string& job) {
    client c{target};
    const auto all = c.connected() ? details_of(c, job) : std::nullopt;
    if (!all) return unreachable(c);
    if (target.json) {
        boost::json::array jobs;
        for (const auto& details : *all) jobs.push_back(details_json(details));
        fmt::print("{}\n", to_line(boost::json::object{{"version", json_version}, {"jobs", std::move(jobs)}}));
        return all_well;
    }
    text_table table{{{"job"}, {"tasks", align::right}, {"for good", align::right}, {"latest"}, {"cause"}, {"nodes"}}};
    for (const auto& details : *all)
        for (const auto& group : details.failures)
            table.add({printable(details.job.value), std::to_string(group.tasks), std::to_string(group.for_good),
                       clock_text(group.latest_ms), printable(group.cause), names_of(group.nodes, group.tasks)});
    if (table.empty()) {
        fmt::print("no failures\n");
        return all_well;
    }
    print(table);
    for (const auto& details : *all)
        if (!details.failures.empty()) {
            fmt::print("try the first ones again: bistro retry {} --cause {}\n", printable(details.job.value),
                       printable(shell_quoted(details.failures.front().cause)));
            break;
        }
    return all_well;
}

namespace {

// Of one job: as JSON, or as that shows it.
int show_details(const target_arguments& target, const std::string& job, void (*show)(const job_details&)) {
    client c{target};
    const auto details = c.connected() ? c.ask<job_details>(details_asked{{}, job_id{job}}) : std::nullopt;
    if (!details) return unreachable(c);
    if (target.json) {
        auto answer = details_json(*details);
        answer["version"] = json_version;
        fmt::print("{}\n", to_line(answer));
        return all_well;
    }
    show(*details);
    return all_well;
}

void show_levels(const job_details& details) {
    text_table table{{{"level"},
                      {"nodes", align::right},
                      {"done", align::right},
                      {"running", align::right},
                      {"waiting", align::right},
                      {"failed", align::right}}};
    for (const auto& [level, nodes] : details.levels)
        table.add({printable(level), std::to_string(nodes.total), std::to_string(nodes.done),
                   std::to_string(nodes.running), std::to_string(nodes.waiting), std::to_string(nodes.failed)});
    print(table);
}

void show_slowest(const job_details& details) {
    text_table table{{{"state"}, {"took", align::right}, {"node"}}};
    for (const auto& task : details.running)
        table.add({"running", duration_text(task.took_ms), printable(task.node.value)});
    for (const auto& task : details.slowest)
        table.add({"ended", duration_text(task.took_ms), printable(task.node.value)});
    if (table.empty())
        fmt::print("nothing runs, and nothing has ended since the scheduler started\n");
    else
        print(table);
}

}  // namespace

int command_levels(const target_arguments& target, const std::string& job) {
    return show_details(target, job, show_levels);
}

int command_slowest(const target_arguments& target, const std::string& job) {
    return show_details(target, job, show_slowest);
}

int command_retry(const target_arguments& target, const retry_arguments& a) {
    if (const auto problem = failure_filter{a.error, a.nodes, a.status, a.cause}.problem(); !problem.empty()) {
        fmt::print(stderr, "bistro retry: {}\n", printable(problem));
        return bad_usage;
    }
    control_asked ask;
    ask.verb = control_verb::forgive;
    ask.job = job_id{a.job};
    ask.cause = a.cause;
    ask.error = a.error;
    ask.nodes = a.nodes;
    ask.state = a.status;
    ask.only_count = true;
    client c{target};
    const auto count = c.connected() ? c.ask<control_answer>(ask) : std::nullopt;
    if (!count) return unreachable(c);
    if (!count->ok) return print_done(*count, target.json, some_failed, true);
    if (count->tasks == 0 || a.only_count)
        return print_done(
            {true, counted(count->tasks, "task") + " of job " + a.job + " would be retried", count->tasks}, target.json,
            some_failed, true);
    if (!a.yes) {
        const auto question = fmt::format("retry {} of job {}?", counted(count->tasks, "task"), printable(a.job));
        if (::isatty(STDIN_FILENO) == 0) {
            fmt::print(stderr, "{} Say --yes where nobody can answer, or --count to look only\n", question);
            return bad_usage;
        }
        if (!agreed(question)) return some_failed;
    }
    ask.only_count = false;
    const auto done = c.ask<control_answer>(ask);
    if (!done) return unreachable(c);
    return print_done(*done, target.json, some_failed, true);
}

int command_nodes(const target_arguments& target, const nodes_arguments& a) {
    client c{target};
    const auto answer = c.connected()
                            ? c.ask<nodes_answer>(nodes_asked{{}, node_id{a.below}, job_id{a.job}, a.limit, {}})
                            : std::nullopt;
    if (!answer) return unreachable(c);
    if (target.json) {
        fmt::print("{}\n", to_line(nodes_json(*answer)));
        return all_well;
    }
    text_table table{{{"node"},
                      {"level"},
                      {"children", align::right},
                      {"tasks", align::right},
                      {"done", align::right},
                      {"running", align::right},
                      {"waiting", align::right},
                      {"failed", align::right},
                      {"in use"}}};
    for (const auto& row : answer->nodes)
        table.add({printable(row.node.value) + (row.enabled ? "" : " (disabled)"), printable(row.level),
                   std::to_string(row.children), std::to_string(row.share.total), std::to_string(row.share.done),
                   std::to_string(row.share.running), std::to_string(row.share.waiting),
                   std::to_string(row.share.failed), printable(amount_text(row))});
    std::vector<std::string> path;
    for (const auto& name : answer->path) path.push_back(printable(name));
    fmt::print("below {}:\n", join(path, " / "));
    print(table);
    if (answer->left_out > 0) fmt::print("... and {} more; see --limit\n", answer->left_out);
    return all_well;
}

}  // namespace bistro
