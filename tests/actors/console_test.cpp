// What the console tells of the actors of a process.
#include "actors/console/console_actor.hpp"

#include <gtest/gtest.h>

#include "actors/program_log.hpp"
#include "model/text.hpp"
#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using words = std::vector<std::string>;

class console_test : public test::system_test {
protected:
    console_test() {
        seen = std::make_shared<census>();
        partitions = 1;  // which its lists are of
    }

    void TearDown() override {
        set_log_level("", "info");
        system_test::TearDown();
    }

    console_answer say(words command, std::uint64_t after = 0) {
        const auto answer = ask<console_answer>(console, console_asked{{}, {}, std::move(command), after});
        EXPECT_TRUE(answer) << "refused";
        return answer.value_or(console_answer{});
    }
    std::string refused(words command) {
        std::string why;
        auto ask_once = [&](caf::event_based_actor* self, const console_actor& whom) {
            self->request(whom, caf::infinite, console_asked{{}, {}, command, 0})
                .then([](const console_answer&) { ADD_FAILURE() << "not refused"; },
                      [&](const caf::error& e) { why = reason_of(e); });
        };
        track(caf::actor{system.spawn(ask_once, console)});
        run();
        return why;
    }
    // The cells of a column, by those of another one.
    static std::map<std::string, std::string> columns(const console_answer& answer, const std::string& key,
                                                      const std::string& value) {
        const auto index = [&](const std::string& name) {
            const auto at = std::find(answer.columns.begin(), answer.columns.end(), name);
            EXPECT_NE(at, answer.columns.end()) << name;
            return static_cast<std::size_t>(at - answer.columns.begin());
        };
        std::map<std::string, std::string> result;
        for (const auto& row : answer.rows) result[row.at(index(key))] = row.at(index(value));
        return result;
    }
};

TEST_F(console_test, each_actor_is_listed_with_who_spawned_it) {
    start_scheduler(one_job);
    const auto ids = columns(say({"actors"}), "actor", "id");
    const auto parents = columns(say({"actors"}), "actor", "parent");
    for (const char* name : {"scheduler", "resource_pool", "nodes", "node_source 0", "job j", "gateway", "console"})
        EXPECT_TRUE(ids.contains(name)) << name;
    EXPECT_EQ(parents.at("scheduler"), "-");
    EXPECT_EQ(parents.at("resource_pool"), ids.at("scheduler"));
    EXPECT_EQ(parents.at("job j"), ids.at("scheduler"));
    EXPECT_EQ(parents.at("node_source 0"), ids.at("nodes"));
    const auto tree = columns(say({"tree"}), "id", "actor");
    EXPECT_EQ(tree.at(ids.at("job j")), "  job j");
    EXPECT_EQ(tree.at(ids.at("node_source 0")), "    node_source 0");
}

TEST_F(console_test, messages_are_counted_by_type_and_those_that_wait_too) {
    start_scheduler(one_job);
    const auto before = columns(say({"actors"}), "actor", "by type").at("monitor");
    for (int i = 0; i < 3; ++i) caf::anon_send(monitor, problem{"test", "text " + std::to_string(i)});
    std::optional<console_answer> answer;
    ask_for(answer, console, console_asked{{}, {}, {"actors", "monitor"}, 0});
    // The question overtakes what waits, as it would on a thread of its own.
    for (const auto& record : seen->all())
        if (record->kind == "monitor") {
            EXPECT_EQ(record->arrived - record->handled, 3U);
        }
    run();
    EXPECT_EQ(columns(say({"actors"}), "actor", "mailbox").at("monitor"), "0");
    const auto after = columns(say({"actors"}), "actor", "by type").at("monitor");
    EXPECT_NE(after.find("problem 4"), std::string::npos) << before << "\n" << after;
}

TEST_F(console_test, answers_and_what_caf_tells_are_counted_too) {
    start_scheduler(one_job);
    const auto worker = start_worker("w", false);
    ASSERT_TRUE(ask<jobs_answer>(gateway, jobs_asked{"secret"}));
    EXPECT_NE(columns(say({"actors"}), "actor", "by type").at("scheduler").find("job_progress"), std::string::npos);
    const auto begun = say({"tap", "scheduler"});
    ASSERT_TRUE(ask<jobs_answer>(gateway, jobs_asked{"secret"}));
    std::string tapped;
    for (const auto& row : say({"tap", "scheduler"}, begun.last).rows) tapped += row[2] + "\n";
    EXPECT_NE(tapped.find("answer: pool_stalled"), std::string::npos) << tapped;
    caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
    run();
    const auto types = columns(say({"actors"}), "actor", "by type").at("scheduler");
    EXPECT_NE(types.find("down_msg 1"), std::string::npos) << types;
    EXPECT_EQ(columns(say({"actors"}), "actor", "mailbox").at("scheduler"), "0");
}

TEST_F(console_test, links_name_who_is_told_of_an_end) {
    start_scheduler(one_job);
    start_worker("w");
    const auto ids = columns(say({"actors"}), "actor", "id");
    const auto links = columns(say({"actors"}), "actor", "links");
    EXPECT_EQ(links.at("worker"), ids.at("scheduler")) << "which monitors it";
    EXPECT_EQ(links.at("gateway"), ids.at("worker")) << "as it monitors its gateway";
    EXPECT_EQ(links.at("job j"), "-");
}

TEST_F(console_test, another_trace_takes_the_place_of_the_first) {
    start_scheduler(one_job);
    const auto first = say({"trace", "j", "h1:1"});
    const auto second = say({"trace", "j", "h1:2"});
    std::optional<console_answer> answer;
    ask_for(answer, console, console_asked{{}, {}, {"trace", "j", "h1:1"}, first.last});
    run();
    EXPECT_FALSE(answer);
    say({"trace", "j", "h1:2"}, second.last);
}

TEST_F(console_test, who_has_ended_is_not_listed) {
    start_scheduler(one_job);
    start_worker("w");
    EXPECT_EQ(launcher.running.size(), 2U);
    auto names = columns(say({"actors"}), "actor", "id");
    EXPECT_TRUE(names.contains("task j h1:1")) << "a task";
    const auto ended = seen->ended();
    end_all();
    names = columns(say({"actors"}), "actor", "id");
    EXPECT_FALSE(names.contains("task j h1:1"));
    EXPECT_EQ(seen->ended(), ended + 4);
}

TEST_F(console_test, an_actor_tells_its_state_itself) {
    start_scheduler(one_job);
    start_worker("w");
    const auto job = columns(say({"inspect", "job:j"}), "what", "value");
    EXPECT_EQ(job.at("tasks"),
              "4 in all: 0 done, 0 failed, 2 running, 0 ending, 2 ready, 0 in backoff, 0 blocked, 0 excluded");
    EXPECT_EQ(columns(say({"inspect", "job", "j"}), "what", "value").at("tasks"), job.at("tasks"));
    EXPECT_EQ(columns(say({"inspect", "resource_pool"}), "what", "value").at("slots of host"), "2 of 2 used");
    for (const auto& record : seen->all()) {
        if (record->kind == "console") continue;
        const auto answer = columns(say({"inspect", std::to_string(record->id)}), "what", "value");
        EXPECT_FALSE(answer.contains("state")) << named(*record) << " does not answer";
    }
}

TEST_F(console_test, queues_are_listed_with_their_lengths) {
    start_scheduler(one_job);
    const auto worker = start_worker("w");
    const auto lengths = columns(say({"queues"}), "queue", "length");
    EXPECT_EQ(lengths.at("running tasks"), "2");
    EXPECT_EQ(lengths.at("results that are not durable"), "0");
    *disk_is_full = true;
    launcher.end_all();
    run();
    EXPECT_EQ(columns(say({"queues"}), "queue", "length").at("results that are not durable"), "2");
}

TEST_F(console_test, leases_are_those_of_remote_workers_and_of_their_scheduler) {
    start_scheduler(one_job);
    start_worker("here");
    EXPECT_EQ(columns(say({"leases"}), "lease", "state").at("worker here on host"),
              "of this process: lives as long as it");
    const auto worker = start_worker("there", false);
    const auto leases = columns(say({"leases"}), "lease", "state");
    EXPECT_TRUE(leases.at("worker there on host").starts_with("healthy, heard 0.0 s ago"))
        << leases.at("worker there on host");
    EXPECT_TRUE(leases.at("scheduler").starts_with("tasks may live "));
}

TEST_F(console_test, a_tap_shows_what_passes_from_then_on_and_no_secret) {
    start_scheduler(one_job);
    EXPECT_TRUE(ask<jobs_answer>(gateway, jobs_asked{"secret"}));
    const auto begun = say({"tap", "gateway"});
    EXPECT_TRUE(begun.rows.empty());
    EXPECT_TRUE(ask<tasks_answer>(gateway, tasks_asked{"secret", job_id{"j"}, "", 10}));
    const auto seen_then = say({"tap", "gateway"}, begun.last);
    ASSERT_EQ(seen_then.rows.size(), 1U);
    EXPECT_EQ(seen_then.rows[0][2], R"(tasks_asked("***", name("j"), "", 10, name(""), true))");
    EXPECT_TRUE(say({"tap", "gateway"}, seen_then.last).rows.empty());
}

TEST_F(console_test, a_tap_keeps_the_latest_and_says_how_many_are_gone) {
    start_scheduler(one_job);
    const auto begun = say({"tap", "monitor"});
    constexpr std::size_t extra = 7;
    for (std::size_t i = 0; i < seen_messages::max_kept + extra; ++i) caf::anon_send(monitor, problem{"a", ""});
    run();
    const auto answer = say({"tap", "monitor"}, begun.last);
    EXPECT_EQ(answer.rows.size(), seen_messages::max_kept);
    EXPECT_EQ(answer.notes, words{"7 messages left out"});
}

TEST_F(console_test, a_trace_follows_one_task_through_all_actors) {
    start_scheduler(one_job);
    const auto begun = say({"trace", "j", "h1:2"});
    start_worker("w");
    launcher.end_all();
    run();
    launcher.end_all();
    run();
    words steps;
    for (const auto& row : say({"trace", "j", "h1:2"}, begun.last).rows) steps.push_back(row[1] + " " + row[2]);
    const auto at = [&](const std::string& step) {
        const auto found = std::find(steps.begin(), steps.end(), step);
        EXPECT_NE(found, steps.end()) << step << " is not in:\n" << join(steps, "\n");
        return found - steps.begin();
    };
    words order{"worker start_tasks: start it",
                "task j h1:2 process_ended: its process has ended",
                "worker task_ended: it has ended: done",
                "resource_pool tasks_finished: it has ended: done",
                "job j attempts_ended: it has ended: done",
                "status_store record_statuses: make its end durable",
                "resource_pool results_durable: its end is durable",
                "worker acknowledge_results: its result is safe; forget it"};
    for (std::size_t i = 1; i < order.size(); ++i) EXPECT_LT(at(order[i - 1]), at(order[i])) << order[i];
    for (const auto& step : steps) EXPECT_EQ(step.find("h1:1"), std::string::npos) << step;
    EXPECT_EQ(refused({"trace", "k", "h1:2"}), "there is no job \"k\"");
    EXPECT_EQ(refused({"trace", "j", "host9"}), "there is no node \"host9\"");
}

TEST_F(console_test, what_it_does_not_know_is_refused_with_what_was_meant) {
    start_scheduler(one_job);
    EXPECT_EQ(refused({}), "say a command; see help");
    EXPECT_EQ(refused({"actor"}), "there is no command \"actor\", did you mean \"actors\"?");
    EXPECT_EQ(refused({"inspect"}), "inspect whom? Say inspect ACTOR, by its number or its name; see actors");
    EXPECT_EQ(refused({"inspect", "schedule"}), "there is no actor \"schedule\"; did you mean \"scheduler\"?");
    EXPECT_EQ(refused({"tap", "999999"}), "there is no actor \"999999\"; see actors");
    EXPECT_EQ(refused({"trace", "j"}), "trace what? Say trace JOB NODE");
    EXPECT_EQ(say({"help"}).rows.size(), console_commands().size());
}

TEST_F(console_test, levels_of_the_log_change_by_component) {
    start_scheduler(one_job);
    EXPECT_EQ(columns(say({"log", "network", "debug"}), "component", "level").at("network"), "debug");
    EXPECT_EQ(columns(say({"log"}), "component", "level").at("worker"), "info");
    EXPECT_EQ(columns(say({"log", "error"}), "component", "level").at("worker"), "error");
    EXPECT_FALSE(log_of(log_part::worker).should_log(spdlog::level::warn));
    EXPECT_NE(refused({"log", "loud"}).find("levels are trace, debug"), std::string::npos);
    EXPECT_NE(refused({"log", "kitchen", "debug"}).find("components program, scheduler"), std::string::npos);
    EXPECT_EQ(columns(say({"log"}), "component", "level").at("network"), "error") << "refused, and nothing changed";
}

TEST_F(console_test, a_worker_is_asked_by_way_of_its_scheduler) {
    start_scheduler(one_job);
    worker_options options;
    options.who.info = {shard_name{"w"}, "host", {}};
    options.who.instance = 77;
    options.logs = logs;
    options.launcher = &launcher;
    options.run = clock();
    options.console = caf::actor_cast<caf::strong_actor_ptr>(console);
    meet(track(spawn_observed(system, options.run, worker_behavior, options)));
    const auto asked = console_asked{"secret", "w", {"help"}, 0};
    EXPECT_TRUE(ask<console_answer>(gateway, asked));
    EXPECT_FALSE(ask<console_answer>(gateway, console_asked{"wrong", "w", {"help"}, 0}));
    EXPECT_FALSE(ask<console_answer>(gateway, console_asked{"secret", "nobody", {"help"}, 0}));
    EXPECT_FALSE(ask<console_answer>(gateway, console_asked{"secret", "", words(100, "help"), 0}));
    EXPECT_FALSE(ask<console_answer>(scheduler, console_asked{"wrong", "w", {"help"}, 0}));
    EXPECT_FALSE(ask<nodes_answer>(scheduler, nodes_asked{"wrong", {}, {}, 10}));
    EXPECT_FALSE(ask<job_details>(scheduler, details_asked{"wrong", job_id{"j"}}));
}

}  // namespace
}  // namespace bistro
