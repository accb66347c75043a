// From config to results: what runs when, and what is remembered.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

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
    start_scheduler(std::string{one_job} + dependents);
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

// The pool's word that a job is gone may be of before it came back and left again, with tasks that run.
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

}  // namespace
}  // namespace bistro
