#include "actors/app/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <limits>
#include <system_error>
#include <thread>

#include "actors/app/completion.hpp"
#include "actors/app/target.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr const char* version = "bistro 0.1.0";

// "bistro run ... -- COMMAND" is split by hand, since an option may have "--" for its value: --nodes -- is stdin. With
// other commands "--" says that what follows is no option.
std::vector<std::string> split_off_command(std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.front() != "run") return {};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--nodes" && i + 1 < arguments.size() && arguments[i + 1] == "--") arguments[i + 1] = "-";
        if (arguments[i] != "--") continue;
        std::vector<std::string> command{arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end()};
        arguments.resize(i);
        return command;
    }
    return {};
}

constexpr std::int64_t max_seed = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t max_limit = 1'000'000'000;
constexpr std::int64_t most_nodes = 100'000;

// CLI11 alone takes -1 for a large number, and what is too large for the largest.
CLI::Validator whole_number(std::int64_t most) {
    const auto check = [most](const std::string& text) {
        std::int64_t number = -1;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (ec == std::errc{} && end == text.data() + text.size() && number >= 0 && number <= most)
            return std::string{};
        return quote(text) + " is no whole number from 0 to " + std::to_string(most);
    };
    return {check, ""};
}

// What is left empty, by a variable that is not set, would mean all.
const CLI::Validator not_empty{
    [](const std::string& text) { return text.empty() ? std::string{"is empty"} : std::string{}; }, ""};

void add_target(CLI::App& app, target_arguments& target) {
    auto* config = app.add_option("--config", target.config, "config whose data directory is meant")->type_name("FILE");
    auto* folder = app.add_option("--data-dir", target.data_dir, "data directory of the scheduler (default: state)")
                       ->type_name("DIR");
    auto* address = app.add_option("--scheduler", target.scheduler, "address of the scheduler; also $BISTRO_SCHEDULER")
                        ->type_name("HOST:PORT");
    app.add_option("--profile", target.profile,
                   "the scheduler of ~/.config/bistro/NAME.toml, a file like a worker's; also $BISTRO_PROFILE")
        ->type_name("NAME")
        ->excludes(config)
        ->excludes(folder)
        ->excludes(address);
    app.parse_complete_callback([&target] { use_profile(target); });
}

void add_process(CLI::App& app, process_arguments& process) {
    app.add_option("--log-format", process.log_format, "of the program's log")
        ->check(CLI::IsMember({"text", "logfmt", "json"}))
        ->capture_default_str();
    app.add_option("--log-level", process.log_levels,
                   "LEVEL, or COMPONENT=LEVEL; repeatable, and can be changed later by the console")
        ->type_name("LEVEL");
    app.add_flag("--no-console", process.no_console, "let nobody look inside");
}

void add_json(CLI::App& app, bool& json) { app.add_flag("--json", json, "answer as JSON"); }

// Of commands that ask a scheduler and end.
void add_asking(CLI::App& app, target_arguments& target) {
    add_target(app, target);
    add_json(app, target.json);
}

constexpr std::int64_t longest_watch_s = 3600;
constexpr std::int64_t max_wait_s = 365 * 86'400;

void add_watch(CLI::App& app, std::int64_t& watch_s) {
    app.add_option("-w,--watch", watch_s, "show it again after each so many seconds")
        ->check(whole_number(longest_watch_s));
}

// Asks once, or again and again; what it shows replaces what was shown before where that is a terminal.
int watched(std::int64_t watch_s, const std::function<int()>& ask) {
    for (;;) {
        if (watch_s > 0 && is_terminal(stdout)) std::fputs("\033[H\033[2J", stdout);
        const int code = ask();
        if (watch_s <= 0 || code == bad_usage || std::fflush(stdout) != 0) return code;
        std::this_thread::sleep_for(std::chrono::seconds{watch_s});
    }
}

}  // namespace

command_line::command_line() : app{"Bistro schedules data-parallel jobs against live systems.", "bistro"} {
    app.set_version_flag("--version", version);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    add_processes();
    add_tools();
    add_questions();
    add_troubles();
    add_actions();
    add_rest();
}

void command_line::add_processes() {
    auto* c = app.add_subcommand("run", "run all jobs in one process, until all is done");
    c->add_option("CONFIG", run_.config, "TOML config");
    c->add_option("--nodes", run_.nodes, "instead of a config: a file with a node a line, or parent/child; - is stdin")
        ->type_name("FILE");
    c->add_option("--limit", run_.limits, "with --nodes: tasks at once on each node of a level, like host=2")
        ->type_name("LEVEL=N");
    c->add_option("-j,--slots", run_.slots, "with --nodes: tasks at once in all (default: the number of cores)")
        ->check(CLI::Range(1U, 1'000'000U));
    c->add_option("--retries", run_.retries, "with --nodes: how often a failed task is tried again")
        ->check(CLI::Range(0, 100));
    c->add_option("--timeout", run_.timeout_s, "with --nodes: seconds after which a task is ended")
        ->check(CLI::Range(0, 31'536'000));
    c->add_flag("--tag", run_.tag, "with --nodes: put the node in front of each line of output");
    c->add_option("--data-dir", run_.data_dir, "where statuses and logs are kept (with --nodes: nowhere, unless given)")
        ->type_name("DIR");
    c->add_option("--events", run_.events, "write the event log to this file; - is stdout")->type_name("FILE");
    c->add_flag("--clean", run_.clean, "forget what was done before");
    c->add_flag("-q,--quiet", run_.quiet, "no progress, no table");
    c->add_flag("--json", run_.json, "with a config: the table at the end as JSON, and progress on stderr");
    c->footer(
        "With --nodes, the command follows after --; {} in it stands for the node, which is else appended:\n"
        "  bistro run --nodes hosts.txt --limit host=2 -- ./backup.sh {}");
    c->callback([this] { code = command_run(run_); });

    c = app.add_subcommand("scheduler", "run a scheduler, for workers to connect to");
    c->add_option("CONFIG", scheduler.config, "TOML config")->required();
    c->add_option("--data-dir", scheduler.data_dir, "instead of the config's data_dir")->type_name("DIR");
    c->add_option("--events", scheduler.events, "write the event log to this file; - is stdout")->type_name("FILE");
    c->add_flag("--clean", scheduler.clean, "forget what was done before");
    c->add_flag("--in-memory", scheduler.in_memory,
                "keep statuses and logs in memory: a restart does not know what was done, nor what still runs")
        ->excludes(c->get_option("--clean"));
    c->add_flag("--insecure", scheduler.insecure, "listen beyond loopback even without mutual TLS");
    add_process(*c, scheduler.process);
    c->callback([this] { code = command_scheduler(scheduler); });

    c = app.add_subcommand("worker", "run a worker");
    c->add_option("CONFIG", worker.config, "TOML config with a [worker] section, or the scheduler's own");
    c->add_option("--scheduler", worker.scheduler, "address of the scheduler; also $BISTRO_SCHEDULER")
        ->type_name("HOST:PORT");
    c->add_option("--shard", worker.shard, "unique name of this worker (default: the host name)")->type_name("NAME");
    c->add_option("--data-dir", worker.data_dir, "where working directories and logs are kept")->type_name("DIR");
    add_process(*c, worker.process);
    c->callback([this] { code = command_worker(worker); });
}

void command_line::add_tools() {
    auto* c = app.add_subcommand("check", "validate a config and print every error");
    c->add_option("CONFIG", check_config, "TOML config")->required();
    add_json(*c, target.json);
    c->callback([this] { code = command_check(check_config, target.json); });

    c = app.add_subcommand("import", "turn a JSON config of the original Bistro into TOML");
    c->add_option("FILE", import_file, "JSON config")->required();
    c->add_option("-o,--output", import_output, "write here instead of stdout")->type_name("FILE");
    c->add_option("--command", import_command, "command of jobs that have none (the original's --worker_command)")
        ->type_name("ARG");
    c->callback([this] { code = command_import(import_file, import_output, import_command); });

    c = app.add_subcommand("tls", "the certificates of a cluster");
    c->require_subcommand(1);
    c = c->add_subcommand("init", "make an authority, certificates and a secret; what is there stays");
    c->add_option("FOLDER", tls_folder, "where they are kept")->capture_default_str();
    c->add_option("--name", tls_names,
                  "a certificate for this process; repeatable (default: scheduler, worker, client)");
    c->callback([this] { code = command_tls_init(tls_folder, tls_names); });

    c = app.add_subcommand("simulate", "run the jobs in virtual time");
    c->add_option("CONFIG", simulate.config, "TOML config; see its [simulate] section")->required();
    c->add_option("--events", simulate.events, "write the event log to this file; - is stdout")->type_name("FILE");
    c->add_option("--seed", simulate.seed, "of everything random")->check(whole_number(max_seed));
    add_json(*c, simulate.json);
    c->callback([this] { code = command_simulate(simulate); });
}

void command_line::add_questions() {
    auto* c = app.add_subcommand("status", "what runs, what waits, what failed, in all");
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_status(target); }); });

    c = app.add_subcommand("jobs", "the jobs, and why their tasks wait");
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_jobs(target); }); });

    c = app.add_subcommand("workers", "the workers, and how they are");
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_workers(target); }); });

    c = app.add_subcommand("tasks", "the tasks");
    c->add_option("JOB", tasks.job, "of this job only")->check(not_empty);
    c->add_option("--state", tasks.state, "waiting, running, done, failed, backoff, blocked, ...");
    c->add_option("--limit", tasks.limit, "at most so many")->check(whole_number(max_limit))->capture_default_str();
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_tasks(target, tasks); }); });

    c = app.add_subcommand("explain", "why a task runs, waits, or never will; or what a job's tasks wait for");
    c->add_option("JOB", explained_job, "of this job")->check(not_empty)->required();
    c->add_option("NODE", explained_node, "on this node")->check(not_empty);
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback(
        [this] { code = watched(watch_s, [this] { return command_explain(target, explained_job, explained_node); }); });

    c = app.add_subcommand("logs", "what tasks printed");
    c->add_option("JOB", logs.job, "of this job")->check(not_empty)->required();
    c->add_option("NODE", logs.node, "on this node only")->check(not_empty);
    c->add_option("--stream", logs.stream, "stdout or stderr only");
    c->add_option("--limit", logs.limit, "the last so many lines")
        ->check(whole_number(max_limit))
        ->capture_default_str();
    c->add_flag("-f,--follow", logs.follow, "go on as more is printed");
    add_asking(*c, target);
    c->callback([this] { code = command_logs(target, logs); });
}

void command_line::add_troubles() {
    auto* c = app.add_subcommand("top", "what happens, live; keys sort, filter and act");
    add_target(*c, target);
    c->callback([this] { code = command_top(target); });

    c = app.add_subcommand("failures", "what went wrong, by cause");
    c->add_option("JOB", job, "of this job only")->check(not_empty);
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_failures(target, job); }); });

    c = app.add_subcommand("retry", "let failed tasks start again, those of one cause or all; shows first how many");
    c->add_option("JOB,--job", retry.job, "of this job")->check(not_empty)->required();
    c->add_option("--cause", retry.cause, "of exactly this cause; see failures")->type_name("TEXT")->check(not_empty);
    c->add_option("--error", retry.error, "whose cause has this text")->type_name("TEXT")->check(not_empty);
    c->add_option("--nodes", retry.nodes, "on nodes whose names match this")->type_name("REGEX")->check(not_empty);
    c->add_option("--status", retry.status, "failed or backoff only")->check(CLI::IsMember({"failed", "backoff"}));
    c->add_flag("-y,--yes", retry.yes, "do not ask");
    c->add_flag("--count", retry.only_count, "only show how many");
    add_asking(*c, target);
    c->callback([this] { code = command_retry(target, retry); });

    c = app.add_subcommand("levels", "how far a job is on each level: nodes that are done, and so on");
    c->add_option("JOB", job, "of this job")->check(not_empty)->required();
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_levels(target, job); }); });

    c = app.add_subcommand("slowest", "the tasks of a job that take longest");
    c->add_option("JOB", job, "of this job")->check(not_empty)->required();
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_slowest(target, job); }); });

    c = app.add_subcommand("nodes", "the nodes below one, their tasks, and how full they are");
    c->add_option("NODE", nodes.below, "below this one (default: the instance)")->check(not_empty);
    c->add_option("--job", nodes.job, "tasks of this job only");
    c->add_option("--limit", nodes.limit, "at most so many")->check(whole_number(most_nodes))->capture_default_str();
    add_asking(*c, target);
    add_watch(*c, watch_s);
    c->callback([this] { code = watched(watch_s, [this] { return command_nodes(target, nodes); }); });
}

void command_line::add_actions() {
    auto* c = app.add_subcommand("kill", "end running tasks: TERM, a wait, KILL");
    c->add_option("JOB", job, "of this job")->check(not_empty)->required();
    c->add_option("NODE", node, "on this node only")->check(not_empty);
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "kill", job, node); });

    c = app.add_subcommand("forgive", "let failed tasks and tasks in backoff start again");
    c->add_option("JOB", job, "of this job")->check(not_empty)->required();
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "forgive", job, {}); });

    c = app.add_subcommand("pause", "start no more tasks of a job, until it is resumed");
    c->add_option("JOB", job, "this job")->check(not_empty)->required();
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "pause", job, {}); });

    c = app.add_subcommand("resume", "let a paused job go on");
    c->add_option("JOB", job, "this job")->check(not_empty)->required();
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "resume", job, {}); });

    c = app.add_subcommand("submit", "hand jobs to a running scheduler, beside those of its config");
    c->add_option("FILE", submitted, "TOML with sections [jobs.NAME]; - is stdin")->required();
    add_asking(*c, target);
    c->callback([this] { code = command_submit(target, submitted); });

    c = app.add_subcommand("delete", "take back a job that was submitted");
    c->add_option("JOB", job, "this job")->check(not_empty)->required();
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "delete", job, {}); });

    c = app.add_subcommand("wait", "until every task of a job is done or has failed: 0 all done, 1 some failed");
    c->add_option("JOB", job, "this job")->check(not_empty)->required();
    c->add_option("--timeout", wait_s,
                  "at most so many seconds, then exit with 124 (0, the default: as long as it takes)")
        ->check(whole_number(max_wait_s));
    add_asking(*c, target);
    c->callback([this] { code = command_wait(target, job, wait_s); });

    c = app.add_subcommand("stop", "end a scheduler and its running tasks");
    add_asking(*c, target);
    c->callback([this] { code = command_control(target, "stop", {}, {}); });
}

void command_line::add_rest() {
    auto* c =
        app.add_subcommand("console", "look inside a running process: its actors, their messages, one task's way");
    c->add_option("HOST:PORT", target.scheduler, "address of the scheduler");
    c->add_option("-c", look.commands, "carry this out and end; repeatable")->type_name("COMMAND");
    c->add_option("--worker", look.worker, "look into the process of this worker")->type_name("SHARD");
    c->add_option("--for", look.for_s, "let tap and trace end after so many seconds")->check(whole_number(max_wait_s));
    add_asking(*c, target);
    c->callback([this] { code = command_console(target, look); });

    c = app.add_subcommand("completion", "print a script that lets a shell complete commands and options");
    c->add_option("SHELL", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    c->callback([this] { fmt::print("{}", completion_script(app, shell)); });

    c = app.add_subcommand("manual", "print the manual page, for man -l -");
    auto* const one = c->add_option("COMMAND", manual_of, "the page of this command");
    c->add_option("--into", manual_folder, "write the pages of all commands into this folder")
        ->type_name("FOLDER")
        ->check(CLI::ExistingDirectory)
        ->excludes(one);
    c->callback([this] { code = command_manual(manual_pages(app, version), manual_of, manual_folder); });
}

int command_line::run(std::vector<std::string> words) {
    run_.command = split_off_command(words);
    if (!words.empty() && !words.front().starts_with('-')) {
        std::vector<std::string> names;
        for (const auto* s : app.get_subcommands({})) names.push_back(s->get_name());
        if (std::find(names.begin(), names.end(), words.front()) == names.end()) {
            const auto near = nearest(words.front(), names);
            fmt::print(stderr, "bistro: there is no command {}{}; see bistro --help\n", quote(words.front()),
                       near.empty() ? std::string{} : ", did you mean " + quote(near) + "?");
            return bad_usage;
        }
    }
    try {
        std::reverse(words.begin(), words.end());
        app.parse(std::move(words));
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? all_well : bad_usage;
    }
    return code;
}

}  // namespace bistro
