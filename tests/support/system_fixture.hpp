// Scheduler, pool, jobs, stores and workers together, one message at a time, without real time or processes.
#pragma once

#include <cstdlib>

#include "actors/console/console_actor.hpp"
#include "actors/console/observed.hpp"
#include "actors/gateway.hpp"
#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "actors/worker.hpp"
#include "io/error.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/config_text.hpp"
#include "tests/support/forwarding_store.hpp"
#include "tests/support/manual_launcher.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro::test {

// A store that a test can make fail, and look into.
class fragile_store final : public forwarding_store {
public:
    explicit fragile_store(std::shared_ptr<status_store> inner, std::shared_ptr<bool> broken,
                           std::chrono::milliseconds spacing = {})
        : forwarding_store{std::move(inner)}, broken_{std::move(broken)}, spacing_{spacing} {}
    void commit(const status_batch& b) override {
        if (*broken_) throw io_error{"the disk is full"};
        inner().commit(b);
    }
    std::chrono::milliseconds commit_spacing() const override { return spacing_; }

private:
    std::shared_ptr<bool> broken_;
    std::chrono::milliseconds spacing_;
};

inline const std::string base_config = "[scheduler]\nbackoff = [1, \"fail\"]\n" + two_levels(2, 2, "original") +
                                       "[resources.host]\nslots = { limit = 1, default = 1 }\n" + short_timeouts;

class system_test : public actor_test {
protected:
    std::shared_ptr<const settings> config_of(const std::string& jobs) {
        auto loaded = parse_config(base_config + jobs, "/c.toml");
        for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
        loaded.config->partitions = partitions;
        return std::make_shared<const settings>(*loaded.config);
    }

    void start_scheduler(const std::string& jobs) {
        launch_scheduler(jobs);
        run();
    }
    /// Ends it and what belongs to it, but for the logs and the contents of the store.
    void end_scheduler() {
        for (auto& actor : {caf::actor_cast<caf::actor>(gateway), caf::actor_cast<caf::actor>(scheduler),
                            caf::actor_cast<caf::actor>(store), caf::actor_cast<caf::actor>(monitor)})
            caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
        run();
    }
    void restart_scheduler(const std::string& jobs) {
        end_scheduler();
        start_scheduler(jobs);
    }
    void launch_scheduler(const std::string& jobs) { launch_scheduler(config_of(jobs)); }
    void launch_scheduler(std::shared_ptr<const settings> config) {
        config_file = std::move(config);
        std::shared_ptr<event_log> log;
        if (!events_path.empty()) log = std::make_shared<event_log>(events_path);
        monitor = track(spawn_observed(system, clock(), monitor_behavior, log));
        auto lines = std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}});
        logs = track(system.spawn(log_store_behavior, lines, monitor));
        const auto epoch = statuses->begin_epoch();
        auto store_ptr =
            std::make_shared<std::unique_ptr<status_store>>(std::make_unique<fragile_store>(statuses, disk_is_full));
        store = track(spawn_observed(system, clock(), status_store_behavior, store_ptr));
        scheduler_options options;
        options.config = config_file;
        options.first_invocation = invocation_id::first_of_epoch(epoch);
        options.known_workers = statuses->workers();
        options.store = store;
        options.logs = logs;
        options.monitor = monitor;
        options.tools = {&launcher, nullptr};
        options.secret = "secret";
        options.keep_events = log != nullptr;
        options.run = clock();
        scheduler = track(spawn_observed(system, options.run, scheduler_behavior, options));
        if (seen) console = track(spawn_observed(system, options.run, console_behavior, scheduler, options.run));
        gateway = track(spawn_observed(system, options.run, gateway_behavior, std::string{"secret"}, std::uint64_t{1},
                                       scheduler, console));
    }

    worker_actor spawn_worker(const std::string& shard, bool local = true) {
        worker_options options;
        options.who.info = {shard_name{shard}, "host", {}};
        options.who.instance = ++instances;
        options.who.local = local;
        options.data_dir = "/data";
        options.logs = logs;
        options.launcher = &launcher;
        options.on_end = [this](std::string reason, bool) { ended_workers.push_back(std::move(reason)); };
        options.run = clock();
        return track(spawn_observed(system, options.run, worker_behavior, options));
    }
    worker_actor start_worker(const std::string& shard, bool local = true) {
        auto worker = spawn_worker(shard, local);
        meet(worker);
        return worker;
    }
    void meet(const worker_actor& worker) {
        caf::anon_send(worker, gateway_found{caf::actor_cast<caf::strong_actor_ptr>(gateway), "secret"});
        run();
    }

    task_counts counts(const std::string& job = "j") {
        const auto answer = ask<jobs_answer>(scheduler, jobs_asked{"secret"}).value_or(jobs_answer{});
        for (const auto& row : answer.jobs)
            if (row.job.value == job) return row.counts;
        return {};
    }
    std::map<std::string, std::string> stored(const std::string& job = "j") {
        std::map<std::string, std::string> result;
        statuses->for_each_status(
            job_id{job}, [&](const node_id& n, const task_status& s) { result[n.value] = to_string(s.state); });
        return result;
    }
    /// Ends what runs, and what starts then, and so on.
    void end_all(const process_outcome& outcome = {}) {
        while (!launcher.running.empty()) {
            launcher.end_all(outcome);
            run();
        }
    }
    void TearDown() override {
        *disk_is_full = false;
        launcher.end_all();
        run();
        actor_test::TearDown();
    }

    static constexpr const char* one_job = "[jobs.j]\nowner = \"x\"\ncommand = [\"work\"]\n";
    /// Jobs that wait for it: one node by node, and one for all of it.
    static constexpr const char* dependents =
        "[jobs.k]\nowner = \"x\"\ncommand = [\"after\"]\ndepends_on = [\"j\"]\n"
        "[jobs.r]\nowner = \"x\"\ncommand = [\"report\"]\nlevel_for_tasks = \"host\"\nresources = { slots = 0 }\n"
        "run_only_after_all_nodes_are_done_for = [\"j\"]\n";

    /// Of the forest; all tests hold for any number, so they run with one, and once more with $BISTRO_PARTITIONS.
    std::uint32_t partitions = [] {
        const char* wanted = std::getenv("BISTRO_PARTITIONS");
        return wanted != nullptr ? static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10)) : 1;
    }();
    temp_dir dir;
    std::string events_path;
    std::shared_ptr<status_store> statuses = make_memory_status_store();
    std::shared_ptr<bool> disk_is_full = std::make_shared<bool>(false);
    manual_launcher launcher;
    std::shared_ptr<const settings> config_file;
    monitor_actor monitor;
    log_store_actor logs;
    status_store_actor store;
    scheduler_actor scheduler;
    console_actor console;
    gateway_actor gateway;
    std::uint64_t instances = 0;
    std::vector<std::string> ended_workers;
};

}  // namespace bistro::test
