// bistro run: everything in one process, until all is done.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "actors/app/commands.hpp"
#include "actors/app/log_setup.hpp"
#include "actors/app/process.hpp"
#include "actors/http/answers_json.hpp"
#include "actors/progress.hpp"
#include "io/error.hpp"
#include "io/host.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr std::size_t max_failures_shown = 10;

int usage_error(const std::string& text) {
    fmt::print(stderr, "bistro run: {}\n", text);
    return bad_usage;
}

// -- one line instead of a config -------------------------------------------------------------------------------------

std::optional<std::string> read_all(const std::string& path) {
    if (path == "-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
    std::error_code ec;
    if (std::filesystem::is_directory(path, ec)) {
        errno = EISDIR;
        return std::nullopt;
    }
    std::ifstream in{path, std::ios::binary};
    if (!in) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::string> lines_without_parent(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
        if (!line.empty() && line != "\r" && line.find('/') == std::string::npos) result.push_back(line);
    return result;
}

// Adds LEVEL=N as a resource of that level.
std::string add_limit(settings& c, const std::string& text) {
    const auto equals = text.find('=');
    const auto level = text.substr(0, equals);
    std::int64_t limit = -1;
    try {
        std::size_t used = 0;
        if (equals != std::string::npos) limit = std::stoll(text.substr(equals + 1), &used);
        if (equals == std::string::npos || used != text.size() - equals - 1) limit = -1;
    } catch (const std::exception&) {
        limit = -1;
    }
    if (limit < 1) return "--limit wants LEVEL=NUMBER, like host=2, not " + quote(text);
    auto known = c.levels;
    known.emplace_back(instance_level);
    if (std::find(known.begin(), known.end(), level) == known.end())
        return "--limit names the level " + quote(level) + "; the levels here are " + join(known, ", ");
    if (c.resources.by_level.contains(level)) return "--limit names the level " + quote(level) + " twice";
    c.resources.by_level[level] = {{level + "_slots", limit, 1, 0}};
    return {};
}

struct one_liner {
    settings config;
    std::string error;
};

one_liner config_of(const run_arguments& a) {
    one_liner result;
    auto& c = result.config;
    const auto text = read_all(a.nodes);
    if (!text) {
        result.error = "can't read the nodes from " + quote(a.nodes) + ": " + std::strerror(errno);
        return result;
    }
    const bool has_parents = text->find('/') != std::string::npos;
    c.levels = has_parents ? std::vector<std::string>{"host", "node"} : std::vector<std::string>{"node"};
    if (has_parents)
        for (const auto& line : lines_without_parent(*text)) {
            result.error =
                a.nodes + ": some lines are parent/child, but " + quote(line) + " is not; write all of them one way";
            return result;
        }
    source_settings source;
    source.name = a.nodes == "-" ? "stdin" : a.nodes;
    diagnostics problems;
    source.nodes = nodes_of_lines(*text, c.levels, 0, true, source.name, problems);
    auto built = build_forest(c.levels, source.nodes);
    for (const auto& p : built.problems)
        problems.push_back({source.name, source.nodes[p.declaration].at.line, 1, p.text});
    if (!problems.empty()) {
        result.error = to_string(problems.front());
        if (const auto more = problems.size() - 1 + built.more_problems; more > 0)
            result.error += " (and " + std::to_string(more) + " more)";
        return result;
    }
    c.sources.push_back(std::move(source));
    c.engine.order = node_order::original;
    for (const auto& limit : a.limits)
        if (auto problem = add_limit(c, limit); !problem.empty()) {
            result.error = problem;
            return result;
        }
    c.resources.by_level[worker_level] = {{"slot", a.slots > 0 ? a.slots : usable_cores(), 1, 0}};
    job_spec job;
    job.name = job_id{"run"};
    job.owner = "cli";
    job.command = a.command;
    const bool names_node = std::any_of(a.command.begin(), a.command.end(),
                                        [](const auto& part) { return part.find("{}") != std::string::npos; });
    job.arguments = names_node ? command_arguments::none : command_arguments::node;
    job.level = "node";
    job.timeout_s = a.timeout_s;
    for (std::int64_t i = 0; i < a.retries; ++i) job.backoff.delays_s.push_back(i + 1);
    job.backoff.then = backoff_policy::ending::fail;
    job.working_directory = std::filesystem::current_path().string();
    c.jobs.push_back(std::move(job));
    c.data_dir = a.data_dir;
    return result;
}

// -- what is said at the end ------------------------------------------------------------------------------------------

void print_table(const run_finished& finished, time_ms elapsed_ms) {
    text_table table{{{"job"},
                      {"level"},
                      {"tasks", align::right},
                      {"done", align::right},
                      {"failed", align::right},
                      {"left", align::right}}};
    for (const auto& job : finished.jobs) {
        const auto& c = job.counts;
        table.add({printable(job.job.value), job.level, std::to_string(c.total), std::to_string(c.done),
                   std::to_string(c.failed), std::to_string(c.unfinished())});
    }
    fmt::print("{}", table.render(terminal_width(stdout), wants_colour(stdout)));
    fmt::print("took {}\n", duration_text(elapsed_ms));
    std::fflush(stdout);
}

void print_json(const run_finished& finished, time_ms elapsed_ms) {
    boost::json::array jobs;
    for (const auto& job : finished.jobs)
        jobs.push_back(boost::json::object{
            {"job", json_text(job.job.value)}, {"level", json_text(job.level)}, {"tasks", json_counts(job.counts)}});
    constexpr double ms = 1000;
    fmt::print("{}\n", to_line(boost::json::object{{"version", json_version},
                                                   {"took_s", static_cast<double>(elapsed_ms) / ms},
                                                   {"jobs", std::move(jobs)}}));
    std::fflush(stdout);
}

enum class summary { none, table, json };

void print_failures(scheduler_process& process, const run_finished& finished, const std::string& where) {
    for (const auto& job : finished.jobs) {
        if (job.counts.failed == 0) continue;
        std::size_t shown = 0;
        for (const auto& a : process.attempts(job.job, 10'000)) {
            if (!a.ended || a.end.result == attempt_result::done || shown >= max_failures_shown) continue;
            ++shown;
            const auto why = a.end.reason.empty() ? std::string{to_string(a.end.result)} : a.end.reason;
            fmt::print(stderr, "{}{}: {}\n", where.empty() ? "" : printable(job.job.value) + " on ",
                       printable(quote(a.start.node.value)), printable(why));
        }
        if (where.empty())
            fmt::print(stderr, "{} of {} failed\n", counted(job.counts.failed, "task"), job.counts.total);
        else
            fmt::print(stderr, "{} of {} failed; see bistro logs {}{}\n", counted(job.counts.failed, "task"),
                       printable(job.job.value), printable(job.job.value), where);
    }
}

int judge(const settings& c, const run_finished& finished) {
    if (!finished.failure.empty()) {
        fmt::print(stderr, "bistro run: {}\n", finished.failure);
        return could_not_reach_run;
    }
    int code = all_well;
    if (!finished.nodes_problem.empty()) {
        fmt::print(stderr, "there were problems with the nodes: {}\n", printable(finished.nodes_problem));
        code = some_failed;
    }
    for (const auto& job : finished.jobs) {
        auto spec = std::find_if(c.jobs.begin(), c.jobs.end(), [&](const auto& s) { return s.name == job.job; });
        const bool enabled = c.engine.enabled && spec != c.jobs.end() && spec->enabled;
        if (job.counts.failed > 0 || (enabled && job.counts.unfinished() > 0)) code = some_failed;
        if (enabled && job.counts.blocked > 0)
            fmt::print(stderr, "{} tasks of {} never ran: the jobs that it waits for are not done\n",
                       job.counts.blocked, printable(job.job.value));
    }
    for (const auto& [job, reason] : finished.stalled)
        fmt::print(stderr, "{} can't go on: {}\n", printable(job.value), printable(reason));
    if (!c.engine.enabled) fmt::print(stderr, "nothing was started: the scheduler is disabled in its config\n");
    return code;
}

int run_until_done(scheduler_process_options options, const std::shared_ptr<progress_view>& view, summary form,
                   const std::string& where) {
    main_events events;
    view->on_failure([&](int error) {
        main_event e;
        e.what = main_event::kind::output_failed;
        e.error = error;
        events.push(std::move(e));
    });
    const std::shared_ptr<void> until_the_end{nullptr, [view](void*) { view->on_failure({}); }};
    const auto run = live_runtime();
    const auto began = run.now();
    scheduler_process process{std::move(options), events};
    const signal_listener signals{process.loop(), events};
    process.watch(view);
    process.start_local_worker();
    process.tell_when_quiescent();
    for (;;) {
        const auto e = events.wait();
        if (e.what == main_event::kind::quiescent) {
            view->show(progress_rows(e.finished.jobs), run.now());
            view->finish();
            if (form == summary::table) print_table(e.finished, run.now() - began);
            if (form == summary::json) print_json(e.finished, run.now() - began);
            print_failures(process, e.finished, where);
            const int code = judge(*e.finished.config, e.finished);
            return process.flush_events() || code != all_well ? code : static_cast<int>(could_not_reach_run);
        }
        if (e.what == main_event::kind::output_failed) {
            process.stop();
            view->finish();
            if (e.error == EPIPE) return 128 + SIGPIPE;  // whoever read it wants no more
            fmt::print(stderr, "bistro run: stopped, since stdout can't be written to: {}\n", std::strerror(e.error));
            return could_not_reach_run;
        }
        if (e.what != main_event::kind::signal && e.what != main_event::kind::stop_asked) continue;
        view->print(stderr, "stopping: running tasks are ended; again to not wait for them\n");
        process.stop();
        view->finish();
        return e.what == main_event::kind::signal ? 128 + e.signal : static_cast<int>(some_failed);  // not all was done
    }
}

progress_view::style style_for(std::FILE* file, bool quiet) {
    if (quiet) return progress_view::style::silent;
    return has_cursor(file) ? progress_view::style::bars : progress_view::style::plain;
}

}  // namespace

int command_run(const run_arguments& a) {
    const bool one_line = !a.nodes.empty();
    if (one_line && !a.config.empty()) return usage_error("give a config or --nodes, not both");
    if (one_line && a.command.empty())
        return usage_error("--nodes needs a command after --, like: bistro run --nodes hosts.txt -- ping -c1 {}");
    if (a.json && a.events == "-") return usage_error("--json and --events - would both write to stdout; name a file");
    if (one_line && a.json)
        return usage_error("--json goes with a config; with --nodes, stdout is what the tasks print");
    if (!one_line && a.config.empty())
        return usage_error("give a config, or nodes and a command: bistro run --nodes FILE -- COMMAND");
    if (!one_line && (a.retries > 0 || a.timeout_s > 0 || a.tag))
        return usage_error(
            "--retries, --timeout and --tag go with --nodes; a config says backoff and timeout_s of its jobs");
    if (!one_line && (!a.command.empty() || !a.limits.empty() || a.slots > 0))
        return usage_error("a command, --limit and --slots go with --nodes; with a config, they are in the config");

    scheduler_process_options options;
    options.clean = a.clean;
    options.events_path = a.events;
    auto* progress_file = one_line || a.json ? stderr : stdout;
    auto view = std::make_shared<progress_view>(progress_file, one_line && !is_terminal(stderr)
                                                                   ? progress_view::style::silent
                                                                   : style_for(progress_file, a.quiet));
    log_through(view);
    std::string where;
    if (one_line) {
        auto made = config_of(a);
        if (!made.error.empty()) return usage_error(made.error);
        options.in_memory = a.data_dir.empty();
        options.listen = !a.data_dir.empty();
        options.echo = [view, tag = a.tag](const log_line& line) {
            auto text = (tag ? line.node.value + "\t" : std::string{}) + line.text + "\n";
            view->print(line.stream == log_stream::out ? stdout : stderr, text);
        };
        options.config = std::make_shared<const settings>(std::move(made.config));
    } else {
        auto loaded = load_config(a.config);
        print_errors(loaded.errors);
        if (!loaded.config) return bad_usage;
        if (!a.data_dir.empty()) {
            options.amend = [dir = a.data_dir](settings& c) { c.data_dir = dir; };
            options.amend(*loaded.config);
        }
        options.config = std::make_shared<const settings>(std::move(*loaded.config));
        where = a.data_dir.empty() ? " --config " + a.config : " --data-dir " + a.data_dir;
    }
    const auto form = one_line || a.quiet ? summary::none : summary::table;
    return run_until_done(std::move(options), view, a.json ? summary::json : form, where);
}

}  // namespace bistro
