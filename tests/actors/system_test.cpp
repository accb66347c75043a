// Scheduler, pool, jobs, stores and workers together, one message at a time, without real time or processes.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "actors/config_watcher.hpp"
#include "actors/gateway.hpp"
#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "actors/worker.hpp"
#include "io/error.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/manual_launcher.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A store that a test can make fail, and look into.
class fragile_store final : public status_store {
public:
    explicit fragile_store(std::shared_ptr<status_store> inner, std::shared_ptr<bool> broken)
        : inner_{std::move(inner)}, broken_{std::move(broken)} {}
    std::uint64_t begin_epoch() override { return inner_->begin_epoch(); }
    void commit(const status_batch& b) override {
        if (*broken_) throw io_error{"the disk is full"};
        inner_->commit(b);
    }
    void for_each_status(const job_id& j, const std::function<void(const node_id&, task_status)>& f) override {
        inner_->for_each_status(j, f);
    }
    std::vector<job_id> jobs() override { return inner_->jobs(); }
    std::vector<attempt> attempts(const job_id& j, const node_id& n, std::size_t l) override {
        return inner_->attempts(j, n, l);
    }
    std::vector<worker_instance> workers() override { return inner_->workers(); }
    void clear() override { inner_->clear(); }

private:
    std::shared_ptr<status_store> inner_;
    std::shared_ptr<bool> broken_;
};

constexpr const char* base = R"(
[scheduler]
backoff = [1, "fail"]
[nodes]
levels = ["host", "db"]
order = "original"
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "h{i}"
start = 1
end = 2
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{parent}:{i}"
start = 1
end = 2
[resources.host]
slots = { limit = 1, default = 1 }
[workers]
heartbeat_ms = 1000
unhealthy_after_ms = 3000
lost_after_ms = 10000
kill_ms = 5000
)";

class system_test : public test::actor_test {
protected:
    std::shared_ptr<const settings> config_of(const std::string& jobs) {
        auto loaded = parse_config(base + jobs, "/c.toml");
        for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
        return std::make_shared<const settings>(*loaded.config);
    }

    void start_scheduler(const std::string& jobs) {
        config_file = config_of(jobs);
        std::shared_ptr<event_log> log;
        if (!events_path.empty()) log = std::make_shared<event_log>(events_path);
        monitor = track(system.spawn(monitor_behavior, log));
        auto lines = std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}});
        logs = track(system.spawn(log_store_behavior, lines, monitor));
        const auto epoch = statuses->begin_epoch();
        auto store_ptr =
            std::make_shared<std::unique_ptr<status_store>>(std::make_unique<fragile_store>(statuses, disk_is_full));
        store = track(system.spawn(status_store_behavior, store_ptr));
        scheduler_options options;
        options.config = config_file;
        options.first_invocation = invocation_id::first_of_epoch(epoch);
        options.known_workers = statuses->workers();
        options.store = store;
        options.logs = logs;
        options.monitor = monitor;
        options.tools = {&launcher, nullptr};
        options.secret = "secret";
        options.run = clock();
        scheduler = track(system.spawn(scheduler_behavior, options));
        gateway = track(system.spawn(gateway_behavior, std::string{"secret"}, scheduler));
        run();
    }

    worker_actor start_worker(const std::string& shard, bool local = true) {
        worker_options options;
        options.who.info = {shard_name{shard}, "host", {}};
        options.who.instance = ++instances;
        options.who.local = local;
        options.data_dir = "/data";
        options.logs = logs;
        options.launcher = &launcher;
        options.on_end = [this](std::string reason) { ended_workers.push_back(std::move(reason)); };
        options.run = clock();
        auto worker = track(system.spawn(worker_behavior, options));
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

    test::temp_dir dir;
    std::string events_path;
    std::shared_ptr<status_store> statuses = make_memory_status_store();
    std::shared_ptr<bool> disk_is_full = std::make_shared<bool>(false);
    test::manual_launcher launcher;
    std::shared_ptr<const settings> config_file;
    monitor_actor monitor;
    log_store_actor logs;
    status_store_actor store;
    scheduler_actor scheduler;
    gateway_actor gateway;
    std::uint64_t instances = 0;
    std::vector<std::string> ended_workers;
};

TEST_F(system_test, runs_every_task_within_the_limits_and_then_rests) {
    start_scheduler(one_job);
    std::optional<run_finished> finished;
    auto waiter = track(system.spawn([&](caf::event_based_actor* self) {
        self->request(scheduler, caf::infinite, await_quiescence{})
            .then([&](const run_finished& m) { finished = m; }, [](const caf::error&) {});
    }));
    run();
    EXPECT_THAT(launcher.running, IsEmpty()) << "there is no worker yet";
    start_worker("w");
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("h1:1", "h2:1"));
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->jobs.at(0).counts.done, 4U);
    EXPECT_EQ(finished->failure, "");
    EXPECT_THAT(stored(), SizeIs(4));
}

TEST_F(system_test, what_is_done_stays_done_after_a_restart) {
    start_scheduler(one_job);
    start_worker("w");
    end_all();
    TearDown();
    start_scheduler(one_job);
    start_worker("w");
    EXPECT_THAT(launcher.running, IsEmpty());
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_task_gets_its_contract) {
    start_scheduler(std::string{one_job} + "config = { k = 1 }\n");
    start_worker("w");
    const auto& [id, process] = *launcher.running.begin();
    ASSERT_EQ(process.spec.argv.size(), 4U);
    EXPECT_EQ(process.spec.argv[1], "h1:1");
    EXPECT_EQ(process.spec.argv[2], launcher.status_path(id));
    EXPECT_THAT(
        process.spec.argv[3],
        HasSubstr(
            R"("id":"j","node":"h1:1","path_to_node":["instance","h1","h1:1"],"prev_status":null,"config":{"k":1})"));
    EXPECT_THAT(process.spec.argv[3], HasSubstr(R"("h1":{"slots":1})"));
    EXPECT_EQ(process.spec.working_directory, "/data/jobs/j");
    EXPECT_THAT(process.spec.environment,
                ::testing::IsSupersetOf({"BISTRO_JOB=j", "BISTRO_NODE=h1:1", "BISTRO_CONFIG={\"k\":1}"}));
}

TEST_F(system_test, data_of_one_attempt_reaches_the_next) {
    start_scheduler(one_job);
    start_worker("w");
    launcher.end(launcher.running.begin()->first, {0, 0, R"({"result":"incomplete","data":{"cursor":5}})", {}});
    run();
    // Unfinished, it is the first of its host again.
    const auto again = std::find_if(launcher.running.begin(), launcher.running.end(), [](const auto& entry) {
        return entry.second.spec.argv[3].find(R"("prev_status":{"cursor":5})") != std::string::npos;
    });
    bool handed_on = again != launcher.running.end();
    while (!launcher.running.empty()) {
        launcher.end(launcher.running.begin()->first);
        run();
        for (const auto& [id, p] : launcher.running)
            handed_on = handed_on || p.spec.argv[3].find(R"("prev_status":{"cursor":5})") != std::string::npos;
    }
    EXPECT_TRUE(handed_on);
    EXPECT_EQ(launcher.launched, 5U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, an_error_waits_for_its_backoff_and_the_second_one_fails) {
    start_scheduler(one_job);
    start_worker("w");
    launcher.end(launcher.running.begin()->first, {1, 0, {}, {}});
    run();
    end_all();
    EXPECT_EQ(counts().backoff, 1U);
    EXPECT_EQ(counts().done, 3U);
    pass(std::chrono::milliseconds{900});
    EXPECT_THAT(launcher.running, IsEmpty());
    pass(std::chrono::milliseconds{200});
    ASSERT_THAT(launcher.running, SizeIs(1));
    end_all({1, 0, {}, {}});
    EXPECT_EQ(counts().failed, 1U);
    EXPECT_TRUE(ask<control_answer>(scheduler, control_asked{"secret", control_verb::forgive, job_id{"j"}, {}})->ok);
    EXPECT_THAT(launcher.running, SizeIs(1));
    end_all();
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_dependent_job_waits_for_durable_results) {
    start_scheduler(
        std::string{one_job} +
        "[jobs.k]\nowner = \"x\"\ncommand = [\"after\"]\ndepends_on = [\"j\"]\n"
        "[jobs.r]\nowner = \"x\"\ncommand = [\"report\"]\nlevel_for_tasks = \"host\"\nresources = { slots = 0 }\n"
        "run_only_after_all_nodes_are_done_for = [\"j\"]\n");
    start_worker("w");
    EXPECT_EQ(counts("k").blocked, 4U);
    *disk_is_full = true;
    launcher.end(launcher.running.begin()->first);
    run();
    EXPECT_EQ(counts("k").blocked, 4U) << "done, but not durable";
    *disk_is_full = false;
    pass(std::chrono::milliseconds{1'100});
    EXPECT_EQ(counts("k").blocked, 3U);
    EXPECT_EQ(counts("r").blocked, 2U);
    end_all();
    EXPECT_EQ(counts("k").done, 4U);
    EXPECT_EQ(counts("r").done, 2U);
}

TEST_F(system_test, nothing_starts_while_statuses_cannot_be_stored) {
    start_scheduler(one_job);
    start_worker("w");
    *disk_is_full = true;
    launcher.end(launcher.running.begin()->first);
    run();
    const auto launched = launcher.launched;
    end_all();
    EXPECT_LE(launcher.launched, launched + 1);
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, HasSubstr("the disk is full"));
    *disk_is_full = false;
    pass(std::chrono::milliseconds{1'100});
    end_all();
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, "");
}

TEST_F(system_test, a_kill_is_term_then_a_wait_then_kill) {
    start_scheduler(std::string{one_job} + "kill_wait_s = 3\n");
    start_worker("w");
    const auto id = launcher.running.begin()->first;
    EXPECT_TRUE(
        ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"j"}, node_id{"h1:1"}})->ok);
    EXPECT_THAT(launcher.running.at(id).signals, ElementsAre(SIGTERM));
    pass(std::chrono::milliseconds{2'900});
    EXPECT_THAT(launcher.running.at(id).signals, ElementsAre(SIGTERM));
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running.at(id).signals, ElementsAre(SIGTERM, SIGKILL));
    EXPECT_FALSE(
        ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"j"}, node_id{"h1:2"}})->ok)
        << "does not run";
    EXPECT_FALSE(ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"jj"}, {}})->ok);
}

TEST_F(system_test, a_task_is_stopped_when_its_time_is_up) {
    start_scheduler(std::string{one_job} + "timeout_s = 5\n");
    start_worker("w");
    const auto id = launcher.running.begin()->first;
    pass(std::chrono::milliseconds{4'900});
    EXPECT_THAT(launcher.running.at(id).signals, IsEmpty());
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running.at(id).signals, ElementsAre(SIGTERM));
    launcher.end(id, {0, SIGTERM, {}, {}});
    run();
    EXPECT_EQ(statuses->attempts(job_id{"j"}, node_id{"h1:1"}, 1).at(0).end.reason, "timed out after 5 s");
}

TEST_F(system_test, stopping_ends_what_runs_and_starts_nothing) {
    start_scheduler(one_job);
    start_worker("w");
    std::optional<stopped> answer;
    track(system.spawn([&](caf::event_based_actor* self) {
        self->request(scheduler, caf::infinite, stop_scheduler{})
            .then([&](const stopped& m) { answer = m; }, [](const caf::error&) {});
    }));
    run();
    EXPECT_FALSE(answer);
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, ElementsAre(SIGTERM));
    end_all({0, SIGTERM, {}, {}});
    EXPECT_TRUE(answer);
    EXPECT_EQ(launcher.launched, 2U);
}

TEST_F(system_test, a_changed_config_applies_without_touching_what_runs) {
    start_scheduler(one_job);
    start_worker("w");
    const auto running = launcher.nodes();
    auto changed = *config_of(std::string{one_job} + "[jobs.new]\nowner = \"x\"\ncommand = [\"new\"]\n");
    changed.resources.by_level["host"][0].limit = 3;
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    EXPECT_THAT(launcher.running, SizeIs(6)) << "three on each host";
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    changed.jobs.pop_back();
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    EXPECT_EQ(counts("new").total, 0U);
    end_all();
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_removed_job_ends_its_tasks_after_the_orphan_time) {
    start_scheduler(std::string{one_job} + "kill_orphan_tasks_after_sec = 2\n");
    start_worker("w");
    auto changed = *config_file;
    changed.jobs.clear();
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    pass(std::chrono::milliseconds{1'900});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    pass(std::chrono::milliseconds{300});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, ElementsAre(SIGTERM));
}

TEST_F(system_test, a_remote_worker_is_durable_before_it_is_sent_a_task) {
    start_scheduler(one_job);
    *disk_is_full = true;
    start_worker("w", false);
    EXPECT_THAT(launcher.running, IsEmpty());
    *disk_is_full = false;
    pass(std::chrono::milliseconds{1'100});
    EXPECT_THAT(launcher.running, SizeIs(2));
    EXPECT_THAT(statuses->workers(), SizeIs(1));
}

TEST_F(system_test, a_worker_that_comes_back_is_taken_up_where_it_was) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    EXPECT_THAT(launcher.running, SizeIs(2));
    meet(worker);  // as after a new connection
    EXPECT_THAT(launcher.running, SizeIs(2)) << "nothing is started twice, nothing given up";
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_restarted_scheduler_waits_for_its_workers_and_adopts_what_they_run) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    const auto before = launcher.nodes();
    for (auto& actor : {caf::actor_cast<caf::actor>(gateway), caf::actor_cast<caf::actor>(scheduler),
                        caf::actor_cast<caf::actor>(store), caf::actor_cast<caf::actor>(monitor)})
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    run();
    const auto old_logs = logs;
    start_scheduler(one_job);
    start_worker("other", false);
    EXPECT_EQ(launcher.launched, 2U) << "w may still run them";
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, HasSubstr("w"));
    meet(worker);
    EXPECT_EQ(counts().running, 2U);
    EXPECT_EQ(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->suspended, "");
    EXPECT_EQ(launcher.launched, 2U) << "both hosts are full";
    end_all();
    EXPECT_EQ(launcher.launched, 4U);
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, a_silent_worker_stops_itself_before_it_is_given_up) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    // The scheduler falls silent: the worker hears nothing any more.
    caf::anon_send_exit(scheduler, caf::exit_reason::user_shutdown);
    run();
    pass(std::chrono::milliseconds{4'000});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    pass(std::chrono::milliseconds{2'000});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, ElementsAre(SIGTERM));
    end_all({0, SIGTERM, {}, {}});
    pass(std::chrono::milliseconds{6'000});
    ASSERT_THAT(ended_workers, SizeIs(1));
    EXPECT_THAT(ended_workers[0], HasSubstr("not been heard"));
}

TEST_F(system_test, tasks_of_a_lost_worker_run_again_elsewhere) {
    start_scheduler(one_job);
    auto worker = start_worker("w", false);
    caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
    run();
    const auto orphans = std::exchange(launcher.running, {});
    start_worker("other", false);
    EXPECT_THAT(launcher.running, IsEmpty()) << "both hosts still hold the tasks of w";
    pass(std::chrono::milliseconds{11'000});
    EXPECT_EQ(counts().backoff + counts().running + counts().ready, 4U);
    pass(std::chrono::milliseconds{1'100});
    for (int i = 0; i < 4; ++i) {
        end_all();
        pass(std::chrono::milliseconds{1'100});
    }
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(statuses->attempts(job_id{"j"}, node_id{"h1:1"}, 10).size(), 2U) << "a lost one and a true one";
}

TEST_F(system_test, a_second_worker_of_the_same_name_has_to_wait) {
    start_scheduler(one_job);
    start_worker("w", false);
    auto second = start_worker("w", false);
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->workers, SizeIs(1));
}

TEST_F(system_test, a_wrong_secret_or_version_is_refused) {
    start_scheduler(one_job);
    EXPECT_FALSE(ask<jobs_answer>(gateway, jobs_asked{"wrong"}));
    EXPECT_TRUE(ask<jobs_answer>(gateway, jobs_asked{"secret"}));
    hello m;
    m.secret = "secret";
    m.who.info.shard = shard_name{"w"};
    m.version = 99;
    EXPECT_FALSE(ask<welcome>(gateway, m));
}

TEST_F(system_test, rest_comes_with_the_reason_when_tasks_can_never_start) {
    start_scheduler(std::string{one_job} + "resources = { slots = 5 }\n");
    start_worker("w");
    const auto finished = ask<run_finished>(scheduler, await_quiescence{});
    ASSERT_TRUE(finished);
    ASSERT_THAT(finished->stalled, SizeIs(1));
    EXPECT_THAT(finished->stalled[0].second, HasSubstr("can never start"));
}

TEST_F(system_test, output_reaches_the_log_store_and_returns_its_credit) {
    start_scheduler(one_job);
    start_worker("w");
    auto& [id, process] = *launcher.running.begin();
    process.events.on_output({{log_stream::out, 5, "hello"}, {log_stream::err, 6, "oops"}});
    run();
    EXPECT_EQ(process.credit_bytes, 11U);
    logs_asked question;
    question.secret = "secret";
    question.query.job = job_id{"j"};
    const auto answer = ask<logs_answer>(scheduler, question);
    ASSERT_TRUE(answer);
    ASSERT_THAT(answer->lines, SizeIs(2));
    EXPECT_EQ(answer->lines[0].text, "hello");
    EXPECT_EQ(answer->lines[0].node, node_id{"h1:1"});
    EXPECT_EQ(answer->lines[1].stream, log_stream::err);
}

TEST_F(system_test, events_come_in_the_order_of_decisions) {
    events_path = dir.file("events");
    start_scheduler(one_job);
    start_worker("w");
    end_all();
    ask<recorded>(monitor, flush_monitor{});
    std::ifstream in{events_path};
    std::vector<std::string> kinds;
    std::uint64_t number = 0;
    for (std::string line; std::getline(in, line);) {
        EXPECT_THAT(line, HasSubstr("{\"seq\":" + std::to_string(++number) + ","));
        const auto at = line.find("\"event\":\"") + 9;
        kinds.push_back(line.substr(at, line.find('"', at) - at));
    }
    EXPECT_THAT(kinds, ElementsAre("job_added", "nodes_changed", "worker_up", "start", "start", "finish", "start",
                                   "finish", "start", "finish", "finish"));
}

TEST_F(system_test, an_invalid_change_of_the_config_file_changes_nothing) {
    const auto path = dir.file("c.toml");
    std::ofstream{path} << base << one_job;
    start_scheduler(one_job);
    auto current = std::make_shared<const settings>(*load_config(path).config);
    auto watcher = track(system.spawn(config_watcher_behavior, current, scheduler, static_cast<io_loop*>(nullptr),
                                      std::function<void(settings&)>{}));
    std::ofstream{path} << base << one_job << "ownerr = 1\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    auto answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(1));
    ASSERT_THAT(answer.problems, SizeIs(1));
    EXPECT_THAT(answer.problems[0].second, HasSubstr("did you mean \"owner\"?"));
    std::ofstream{path} << base << one_job << "[jobs.second]\nowner = \"y\"\ncommand = [\"b\"]\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(2));
    EXPECT_THAT(answer.problems, IsEmpty());
}

}  // namespace
}  // namespace bistro
