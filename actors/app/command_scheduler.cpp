// bistro scheduler and bistro worker: the long-running processes.
#include <fmt/format.h>

#include "actors/app/commands.hpp"
#include "actors/app/log_setup.hpp"
#include "actors/app/process.hpp"
#include "actors/app/target.hpp"
#include "actors/program_log.hpp"
#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

int command_scheduler(const scheduler_arguments& a) {
    if (const auto problem = set_up_log(a.process); !problem.empty()) {
        fmt::print(stderr, "bistro scheduler: {}\n", printable(problem));
        return bad_usage;
    }
    auto loaded = load_config(a.config);
    print_errors(loaded.errors);
    if (!loaded.config) return bad_usage;
    scheduler_process_options options;
    if (!a.data_dir.empty()) {
        options.amend = [dir = a.data_dir](settings& c) { c.data_dir = dir; };
        options.amend(*loaded.config);
    }
    options.config = std::make_shared<const settings>(std::move(*loaded.config));
    options.clean = a.clean;
    options.statuses_in_memory = a.in_memory;
    options.submissions = true;
    options.insecure = a.insecure;
    options.events_path = a.events;
    options.append_events = !a.clean;
    options.console = !a.process.no_console;
    if (a.insecure && !is_loopback(options.config->network.listen) && !options.config->network.tls)
        log_of(log_part::program)
            .warn("--insecure: whoever can connect to {} may run commands on all workers",
                  to_string(options.config->network.listen));
    if (const auto problem = http_problem(options.config->network.http, false); a.insecure && !problem.empty())
        log_of(log_part::program)
            .warn("--insecure: whoever can connect to {}, or listen on the way, may run commands on all workers",
                  to_string(options.config->network.http->listen));
    main_events events;
    scheduler_process process{std::move(options), events};
    const signal_listener signals{process.loop(), events};
    log_of(log_part::program).info("scheduler listens on {}", to_string(process.listens_on()));
    if (const auto http = process.serves_http_on(); http.port != 0)
        log_of(log_part::http).info("HTTP is served on {}", to_string(http));
    for (;;) {
        const auto e = events.wait();
        if (e.what != main_event::kind::signal && e.what != main_event::kind::stop_asked) continue;
        log_of(log_part::program).info("stopping: running tasks are ended; again to not wait for them");
        process.stop();
        return all_well;
    }
}

int command_worker(const worker_arguments& a) {
    if (const auto problem = set_up_log(a.process); !problem.empty()) {
        fmt::print(stderr, "bistro worker: {}\n", printable(problem));
        return bad_usage;
    }
    settings config;
    if (!a.config.empty()) {
        auto loaded = load_config(a.config, config_purpose::worker);
        print_errors(loaded.errors);
        if (!loaded.config) return bad_usage;
        config = std::move(*loaded.config);
    }
    auto shard = a.shard.empty() ? config.worker.shard : a.shard;
    if (const auto problem = shard_name_problem(shard); !shard.empty() && !problem.empty()) {
        fmt::print(stderr, "bistro worker: {} can't name a worker: {}\n", quote(shard), problem);
        return bad_usage;
    }
    if (!a.data_dir.empty())
        config.worker.data_dir = a.data_dir;
    else if (!a.shard.empty())
        config.worker.data_dir += "-" + a.shard;
    target_arguments target;
    target.config = a.config.empty() || config.levels.empty() ? std::string{} : a.config;
    target.scheduler = a.scheduler;
    const auto member = membership_of(config);
    config.worker.tls = member.tls;
    auto finder = make_finder(target, member);
    if (!finder.error.empty()) {
        fmt::print(stderr, "bistro worker: {}\n", finder.error);
        return bad_usage;
    }
    if (!member.secret_file.empty()) read_secret(member.secret_file);  // fail now, not at each try
    main_events events;
    if (finder.in_data_dir && !finder.find())
        log_of(log_part::program)
            .info("no scheduler has left its address in {} yet; name another with --scheduler HOST:PORT",
                  data_dir_of(target));
    worker_process process{config.worker, shard, finder.find, events, !a.process.no_console};
    const signal_listener signals{process.loop(), events};
    bool stopping = false;
    for (;;) {
        const auto e = events.wait();
        if (e.what == main_event::kind::worker_ended) {
            if (stopping && e.all_taken) return all_well;
            log_of(log_part::program).error("the worker ends: {}", e.reason);
            return could_not_reach_run;
        }
        if (e.what != main_event::kind::signal) continue;
        if (stopping) return 128 + e.signal;
        stopping = true;
        log_of(log_part::program).info("stopping: running tasks are ended; again to not wait for them");
        process.stop();
    }
}

}  // namespace bistro
