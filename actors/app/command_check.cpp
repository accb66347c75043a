// bistro check, bistro import and bistro simulate: what needs no actors.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "actors/app/commands.hpp"
#include "actors/app/config_nodes.hpp"
#include "actors/http/answers_json.hpp"
#include "config/json_import.hpp"
#include "config/settings.hpp"
#include "io/error.hpp"
#include "io/event_log.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

void print_errors(const diagnostics& errors) {
    for (const auto& error : errors) fmt::print(stderr, "{}\n", printable(to_string(error)));
}

namespace {

void print_json(const std::string& path, const diagnostics& errors) {
    boost::json::array all;
    for (const auto& e : errors)
        all.push_back(boost::json::object{
            {"file", json_text(e.file)}, {"line", e.line}, {"column", e.column}, {"text", json_text(e.message)}});
    fmt::print("{}\n", to_line(boost::json::object{{"version", json_version},
                                                   {"config", json_text(path)},
                                                   {"good", errors.empty()},
                                                   {"errors", std::move(all)}}));
}

}  // namespace

int command_check(const std::string& path, bool as_json) {
    const auto loaded = load_config(path);
    auto errors = loaded.errors;
    const auto nodes = loaded.nodes() ? nodes_from_config(*loaded.nodes()) : config_nodes{};
    errors.insert(errors.end(), nodes.problems.begin(), nodes.problems.end());
    if (as_json) {
        print_json(path, errors);
        return errors.empty() ? all_well : bad_usage;
    }
    print_errors(errors);
    if (!errors.empty()) {
        fmt::print(stderr, "{}: {}\n", path, counted(errors.size(), "error"));
        return bad_usage;
    }
    const auto& c = *loaded.config;
    fmt::print("{}: good. {}, levels {}, {} now{}\n", path, counted(c.jobs.size(), "job"), join(c.levels, " > "),
               counted(nodes.nodes->size() - 1, "node"),
               nodes.incomplete ? ", more from scripts that check does not run" : "");
    return all_well;
}

int command_import(const std::string& file, const std::string& output, const std::vector<std::string>& command) {
    std::error_code ec;
    if (std::filesystem::is_directory(file, ec)) {
        fmt::print(stderr, "{}: error: is a directory, not a JSON file\n", file);
        return bad_usage;
    }
    std::ifstream in{file, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!in && text.empty()) {
        fmt::print(stderr, "{}: error: can't be read: {}\n", file, std::strerror(errno));
        return bad_usage;
    }
    const auto imported = import_json(text, file, command);
    print_errors(imported.errors);
    if (!imported.errors.empty()) return bad_usage;
    for (const auto& note : imported.notes) fmt::print(stderr, "{}: note: {}\n", file, note);
    if (output.empty()) {
        std::cout << imported.toml << std::flush;
        return std::cout ? all_well : could_not_reach_run;
    }
    if (std::filesystem::is_regular_file(output, ec)) {
        fmt::print(stderr, "{}: error: exists already; remove it, or name another file\n", output);
        return bad_usage;
    }
    std::ofstream out{output, std::ios::binary};
    out << imported.toml << std::flush;
    if (out) return all_well;
    fmt::print(stderr, "{}: error: can't be written: {}\n", output, std::strerror(errno));
    return could_not_reach_run;
}

namespace {

void print_report(const simulation_report& report) {
    const auto width = terminal_width(stdout);
    const bool colours = wants_colour(stdout);
    fmt::print("makespan {}, {} attempts, {} errors\n\n", duration_text(report.makespan_ms), report.attempts,
               report.errors);
    if (report.unfinished)
        fmt::print("stopped after so many attempts: with this error rate and backoff some tasks may never end\n\n");
    text_table jobs{{{"job"},
                     {"ended", align::right},
                     {"done", align::right},
                     {"failed", align::right},
                     {"left", align::right},
                     {"why"}}};
    for (const auto& job : report.jobs) {
        const auto left = job.counts.total - job.counts.done - job.counts.failed;
        jobs.add({job.job.value, duration_text(job.ended_ms), std::to_string(job.counts.done),
                  std::to_string(job.counts.failed), std::to_string(left), job.waiting});
    }
    fmt::print("{}\n", jobs.render(width, colours));
    text_table usages{{{"level"}, {"resource"}, {"slots", align::right}, {"in use", align::right}}};
    for (const auto& u : report.usages)
        usages.add({u.level, u.resource, std::to_string(u.capacity), fmt::format("{:.1f} %", u.utilisation * 100)});
    if (!usages.empty()) fmt::print("{}", usages.render(width, colours));
}

void print_json(const simulation_report& report) {
    boost::json::object root{{"version", 1},
                             {"makespan_s", static_cast<double>(report.makespan_ms) / 1000.0},
                             {"attempts", report.attempts},
                             {"unfinished", report.unfinished},
                             {"errors", report.errors}};
    boost::json::array jobs;
    for (const auto& job : report.jobs)
        jobs.push_back(boost::json::object{{"job", job.job.value},
                                           {"ended_s", static_cast<double>(job.ended_ms) / 1000.0},
                                           {"total", job.counts.total},
                                           {"done", job.counts.done},
                                           {"failed", job.counts.failed},
                                           {"waiting", job.waiting}});
    boost::json::array usages;
    for (const auto& u : report.usages)
        usages.push_back(boost::json::object{
            {"level", u.level}, {"resource", u.resource}, {"slots", u.capacity}, {"utilisation", u.utilisation}});
    root["jobs"] = std::move(jobs);
    root["resources"] = std::move(usages);
    fmt::print("{}\n", to_line(root));
}

}  // namespace

int command_simulate(const simulate_arguments& arguments) {
    const auto loaded = load_config(arguments.config);
    print_errors(loaded.errors);
    if (!loaded.config) return bad_usage;
    auto c = *loaded.config;
    const auto nodes = fetch_nodes(c);
    for (const auto& problem : nodes.problems)
        fmt::print(stderr, "{}\n", printable(to_string(problem, nodes.failed ? "error" : "warning")));
    if (nodes.failed) return could_not_reach_run;
    if (arguments.seed) c.simulation.seed = *arguments.seed;
    c.engine.seed = c.simulation.seed;
    std::unique_ptr<event_log> log;
    if (!arguments.events.empty()) log = std::make_unique<event_log>(arguments.events);
    const auto report = simulate(c.engine, c.resources, nodes.nodes, c.jobs, c.simulation, [&](const event& e) {
        if (log) log->write(e);
    });
    if (log) log->flush();
    if (arguments.json)
        print_json(report);
    else
        print_report(report);
    return report.all_done() ? all_well : some_failed;
}

}  // namespace bistro
