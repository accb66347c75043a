// From config to results: what runs when, and what is remembered.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "actors/config_watcher.hpp"
#include "io/data_dir.hpp"
#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using test::system_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(system_test, runs_every_task_within_the_limits_and_then_rests) {
    start_scheduler(one_job);
    std::optional<run_finished> finished;
    ask_for(finished, scheduler, await_quiescence{});
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

TEST_F(system_test, null_tasks_are_done_without_a_process) {
    start_scheduler("[jobs.j]\nowner = \"x\"\ncommand = [\"bistro:null\"]\n");
    start_worker("w");
    EXPECT_EQ(launcher.launched, 0U);
    EXPECT_EQ(counts().done, 4U);
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

TEST_F(system_test, explains_a_task_with_what_job_pool_and_store_know) {
    start_scheduler(one_job);
    const auto why = [&](const std::string& node) {
        return ask<explanation>(gateway, explain_asked{"secret", job_id{"j"}, node_id{node}}).value_or(explanation{});
    };
    EXPECT_EQ(why("h1:1").cause, "no_worker");
    start_worker("w");
    EXPECT_EQ(why("h1:1").cause, "running");
    const auto waits = why("h1:2");
    EXPECT_EQ(waits.cause, "node_resource");
    EXPECT_EQ(waits.place, "h1");
    EXPECT_THAT(waits.holders, ElementsAre(slot_holder{job_id{"j"}, node_id{"h1:1"}, "w"}));
    auto job = why("");
    EXPECT_EQ(job.counts.running, 2U);
    ASSERT_EQ(job.groups.size(), 1U);
    EXPECT_EQ(job.groups[0].tasks, 2U);
    EXPECT_EQ(job.groups[0].resource, "slots");
    process_outcome outcome;
    outcome.exit_code = 3;
    launcher.end(launcher.running.begin()->first, outcome);
    run();
    EXPECT_THAT(why("h1:1").last_attempt, HasSubstr("exit code 3"));
    EXPECT_FALSE(ask<explanation>(gateway, explain_asked{"wrong", job_id{"j"}, {}}));
    EXPECT_FALSE(ask<explanation>(gateway, explain_asked{"secret", job_id{"jj"}, {}}));
}

TEST_F(system_test, explains_why_nothing_starts_at_all) {
    start_scheduler(one_job);
    start_worker("w");
    *disk_is_full = true;
    launcher.end(launcher.running.begin()->first);
    run();
    const explain_asked of_task{"secret", job_id{"j"}, node_id{"h2:2"}};
    const auto task = ask<explanation>(gateway, of_task);
    EXPECT_EQ(task->cause, "scheduler_disabled");
    EXPECT_THAT(task->text, HasSubstr("the disk is full"));
    const auto job = ask<explanation>(gateway, explain_asked{"secret", job_id{"j"}, {}});
    EXPECT_THAT(job->groups.at(0).text, HasSubstr("the disk is full"));
    *disk_is_full = false;
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
    EXPECT_FALSE(ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"jj"}, {}}));
}

TEST_F(system_test, a_result_that_comes_twice_before_it_is_durable_is_not_acknowledged_early) {
    start_scheduler(one_job);
    auto worker = start_worker("w");
    *disk_is_full = true;
    launcher.end(launcher.running.begin()->first);
    run();
    meet(worker);     // its hello has the result again
    end_scheduler();  // which had it in memory only
    *disk_is_full = false;
    start_scheduler(one_job);
    meet(worker);
    end_all();
    EXPECT_EQ(launcher.launched, 4U) << "the worker still had the result";
    EXPECT_EQ(counts().done, 4U);
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
    ask_for(answer, scheduler, stop_scheduler{});
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

TEST_F(system_test, nodes_come_go_and_are_disabled_while_tasks_run_and_wait) {
    start_scheduler(
        std::string{one_job} +
        "[jobs.k]\nowner = \"x\"\ncommand = [\"after\"]\ndepends_on = [\"j\"]\n"
        "[jobs.r]\nowner = \"x\"\ncommand = [\"report\"]\nlevel_for_tasks = \"host\"\nresources = { slots = 0 }\n"
        "run_only_after_all_nodes_are_done_for = [\"j\"]\n");
    start_worker("w");
    const auto change_nodes = [&](const std::vector<node_decl>& more, auto&& leave_out) {
        auto changed = *config_file;
        auto& source = changed.sources.emplace_back();
        source.kind = source_kind::manual;
        source.name = "more";
        source.nodes = more;
        std::erase_if(changed.sources, leave_out);
        caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
        run();
    };
    const auto none = [](const auto&) { return false; };
    EXPECT_EQ(counts().total, 4U);
    const auto before = launcher.nodes();
    change_nodes({{"x", "db", {"h1"}, {}, true, false}, {"y", "db", {"h2"}, {}, false, false}}, none);
    EXPECT_EQ(counts().total, 5U) << "one of the new nodes is disabled";
    EXPECT_EQ(counts().excluded, 1U);
    EXPECT_EQ(counts("r").blocked, 2U);
    EXPECT_EQ(launcher.nodes(), before);
    end_all();
    EXPECT_EQ(counts().done, 5U);
    EXPECT_EQ(counts("k").done, 5U);
    EXPECT_EQ(counts("r").done, 2U);
    change_nodes({{"z", "db", {"h1"}, {}, true, false}, {"y", "db", {"h2"}, {}, true, false}}, none);
    EXPECT_EQ(counts().total, 6U) << "x is gone, y is enabled, z is new";
    EXPECT_EQ(counts("k").blocked, 2U);
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("y", "z"));
    end_all();
    EXPECT_EQ(counts().done, 6U);
    EXPECT_EQ(counts("k").done, 6U);
}

TEST_F(system_test, tasks_run_on_the_nodes_of_a_source_that_failed_at_first) {
    auto loaded = parse_config(
        "[nodes]\nlevels = [\"host\", \"db\"]\n[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s "
        "= "
        "2\nretries = 0\n" +
            std::string{one_job},
        "/c.toml");
    ASSERT_TRUE(loaded.config);
    loaded.config->partitions = partitions;
    launch_scheduler(std::make_shared<const settings>(*loaded.config));
    run();
    const auto list = [&](int exit_code, const std::vector<std::string>& lines) {
        ASSERT_THAT(launcher.running, SizeIs(1));
        std::vector<output_line> output;
        for (const auto& line : lines) output.push_back({log_stream::out, 0, line});
        launcher.running.begin()->second.events.on_output(output);
        launcher.end(launcher.running.begin()->first, {exit_code, 0, {}, {}});
        run();
    };
    list(3, {});
    pass(std::chrono::milliseconds{2'100});
    list(0, {"h1/a", "h1/b", "h2/c"});
    start_worker("w");
    EXPECT_EQ(counts().total, 3U);
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("a", "b", "c"));
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

TEST_F(system_test, rest_comes_with_the_reason_when_tasks_can_never_start) {
    start_scheduler(std::string{one_job} + "resources = { slots = 5 }\n");
    start_worker("w");
    const auto finished = ask<run_finished>(scheduler, await_quiescence{});
    ASSERT_TRUE(finished);
    ASSERT_THAT(finished->stalled, SizeIs(1));
    EXPECT_THAT(finished->stalled[0].second, HasSubstr("can never start"));
}

TEST_F(system_test, short_tasks_are_waited_for_while_another_job_is_stuck) {
    std::string jobs = one_job + std::string{"filters.db.whitelist = [\"h1:1\"]\n"};
    for (int i = 1; i <= 5; ++i)
        jobs += "[jobs.k" + std::to_string(i) + "]\nowner = \"x\"\ncommand = [\"work\"]\ndepends_on = [\"" +
                (i == 1 ? std::string{"j"} : "k" + std::to_string(i - 1)) + "\"]\nfilters.db.whitelist = [\"h1:1\"]\n";
    jobs += "[jobs.stuck]\nowner = \"x\"\ncommand = [\"work\"]\nresources = { slots = 2 }\n";
    start_scheduler(jobs);
    std::optional<run_finished> finished;
    ask_for(finished, scheduler, await_quiescence{});
    start_worker("w");
    // A millisecond a task: less than the time for which news are gathered.
    for (int i = 0; i < 100 && !finished; ++i) {
        launcher.end_all();
        deliver();
        coordinator().clock().advance_time(std::chrono::milliseconds{1});
        deliver();
    }
    ASSERT_TRUE(finished);
    EXPECT_EQ(launcher.launched, 6U);
    EXPECT_THAT(finished->stalled, SizeIs(1));
}

TEST_F(system_test, a_kill_comes_behind_the_start_in_the_event_log) {
    events_path = dir.file("events");
    start_scheduler(one_job);
    start_worker("w");
    launcher.end_all();
    deliver();  // and no time passes
    caf::anon_send(scheduler, control_asked{"secret", control_verb::kill, job_id{"j"}, {}});
    deliver();
    end_all();
    ask<recorded>(monitor, flush_monitor{});
    std::ifstream in{events_path};
    std::set<std::string> started;
    int kills = 0;
    for (std::string line; std::getline(in, line);) {
        const auto at = line.find("\"invocation\"");
        if (at == std::string::npos) continue;
        const auto id = line.substr(at, line.find_first_of(",}", at) - at);
        if (line.find("\"start\"") != std::string::npos) started.insert(id);
        if (line.find("\"killed\"") == std::string::npos) continue;
        ++kills;
        EXPECT_TRUE(started.contains(id)) << line;
    }
    EXPECT_EQ(kills, 2);
}

TEST_F(system_test, a_job_is_gone_only_when_it_has_heard_of_all_its_starts) {
    const std::string two =
        std::string{one_job} + "[jobs.k]\nowner = \"x\"\ncommand = [\"work\"]\ndepends_on = [\"j\"]\n";
    start_scheduler(two);
    start_worker("w");
    end_all();
    EXPECT_EQ(counts("k").done, 4U);
    // A start of a new job, of which the job is not told yet when it leaves the config.
    caf::anon_send(scheduler, config_changed{config_of(two + "[jobs.l]\nowner = \"x\"\ncommand = [\"work\"]\n")});
    deliver();
    ASSERT_THAT(launcher.running, SizeIs(2));
    caf::anon_send(scheduler, config_changed{config_of(two)});
    deliver();
    end_all();
    EXPECT_THAT(stored("l"), SizeIs(2)) << "the results of what had started";
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(2)) << "and then it is gone";
}

// The pool's word that a job is gone may be of before it came back and left again, with tasks that run.
TEST_F(system_test, a_job_that_leaves_twice_is_gone_only_by_the_word_about_the_second_time) {
    const std::string alone = one_job;
    start_scheduler(alone);
    start_worker("w");
    end_all();
    const auto configure = [&](const std::string& jobs) { caf::anon_send(scheduler, config_changed{config_of(jobs)}); };
    constexpr int most_deliveries = 25;
    for (int before = 0; before < most_deliveries; ++before) {
        SCOPED_TRACE(before);
        const auto k = "[jobs.k" + std::to_string(before) + "]\nowner = \"x\"\ncommand = [\"work\"]\n";
        configure(alone + k + "enabled = false\n");
        run();
        configure(alone);
        for (int i = 0; i < before; ++i) coordinator().try_run_once();
        configure(alone + k);
        // While it is busy with something else, the job offers its tasks and the pool starts some.
        for (int i = 0; i < most_deliveries; ++i) caf::anon_send(scheduler, problem{"x", ""});
        configure(alone);
        deliver();
        configure(alone + k);
        run();
        end_all();
        EXPECT_THAT(stored("k" + std::to_string(before)), SizeIs(4));
    }
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
    std::ofstream{path} << test::base_config << one_job;
    start_scheduler(one_job);
    auto current = std::make_shared<const settings>(*load_config(path).config);
    auto watcher = track(system.spawn(config_watcher_behavior, config_watcher_options{current, {}, {}, {}}, scheduler,
                                      static_cast<io_loop*>(nullptr)));
    std::ofstream{path} << test::base_config << one_job << "ownerr = 1\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    auto answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(1));
    ASSERT_THAT(answer.problems, SizeIs(1));
    EXPECT_THAT(answer.problems[0].second, HasSubstr("did you mean \"owner\"?"));
    std::ofstream{path} << test::base_config << one_job << "[jobs.second]\nowner = \"y\"\ncommand = [\"b\"]\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(2));
    EXPECT_THAT(answer.problems, IsEmpty());
    std::ofstream{path} << test::base_config << "[jobs.third]\nowner = \"y\"\ncommand = [\"c\"]\n";
    caf::anon_send(watcher, file_changed{true, false});
    run();
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(1)) << "a whole file is read at once";
}

}  // namespace
}  // namespace bistro
