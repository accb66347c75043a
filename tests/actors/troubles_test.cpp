// What people ask when something is wrong: failures by cause, what takes long, and where in the forest.
#include <gtest/gtest.h>

#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

class troubles_test : public test::system_test {
protected:
    // Every task that runs says that on stderr, and fails.
    void fail_all(const std::string& words) {
        for (auto& [id, process] : launcher.running)
            process.events.on_output(
                {{log_stream::out, 1, "not this"}, {log_stream::err, 1, words}, {log_stream::err, 2, " "}});
        process_outcome outcome;
        outcome.exit_code = 3;
        launcher.end_all(outcome);
        run();
    }
    job_details details() {
        return ask<job_details>(gateway, details_asked{"secret", job_id{"j"}}).value_or(job_details{});
    }
    control_answer forgive(const failure_filter& which, bool only_count = false) {
        control_asked question{"secret", control_verb::forgive, job_id{"j"}, {}};
        question.error = which.error;
        question.nodes = which.nodes;
        question.state = which.state;
        question.only_count = only_count;
        return ask<control_answer>(gateway, question).value_or(control_answer{});
    }
    nodes_answer nodes(nodes_asked question) {
        question.secret = "secret";
        return ask<nodes_answer>(gateway, question).value_or(nodes_answer{});
    }

    static constexpr const char* failing_job = "[jobs.j]\nowner = \"x\"\ncommand = [\"work\"]\nbackoff = [\"fail\"]\n";
};

TEST_F(troubles_test, failures_are_grouped_by_their_last_words) {
    start_scheduler(failing_job);
    start_worker("w");
    fail_all("no space left on h1:1");
    fail_all("no space left on h1:1");
    const auto groups = details().failures;
    std::uint64_t tasks = 0;
    for (const auto& group : groups) {
        EXPECT_TRUE(group.cause.starts_with("exit code 3: no space left on ")) << group.cause;
        EXPECT_EQ(group.for_good, group.tasks);
        tasks += group.tasks;
    }
    EXPECT_EQ(tasks, 4U);
    EXPECT_FALSE(ask<job_details>(gateway, details_asked{"secret", job_id{"unknown"}}));
    EXPECT_FALSE(ask<job_details>(gateway, details_asked{"wrong", job_id{"j"}}));
}

TEST_F(troubles_test, those_of_one_cause_are_retried_and_first_counted) {
    start_scheduler(failing_job);
    start_worker("w");
    fail_all("disk full");
    fail_all("no route");
    ASSERT_EQ(details().failures.size(), 2U);
    EXPECT_EQ(forgive({"disk", "", ""}, true).tasks, 2U);
    EXPECT_EQ(counts().failed, 4U) << "only counted";
    EXPECT_EQ(forgive({"disk", "h2", ""}, true).tasks, 1U);
    EXPECT_EQ(forgive({"", "", "backoff"}, true).tasks, 0U);
    EXPECT_EQ(forgive({"", "", "failed"}, true).tasks, 4U);
    const auto done = forgive({"disk", "h2", ""});
    EXPECT_TRUE(done.ok);
    EXPECT_EQ(done.tasks, 1U);
    run();
    EXPECT_EQ(counts().failed, 3U);
    EXPECT_EQ(launcher.running.size(), 1U);
    end_all();
    EXPECT_EQ(counts().done, 1U);
    std::uint64_t left = 0;
    for (const auto& group : details().failures) left += group.tasks;
    EXPECT_EQ(left, 3U) << "what is done is no failure";
    EXPECT_FALSE(forgive({"", "(", ""}).ok) << "no regular expression";
}

TEST_F(troubles_test, an_expression_that_takes_too_long_changes_nothing) {
    start_scheduler(failing_job);
    start_worker("w");
    fail_all("disk full");
    auto slow = forgive({"", "((.+)+)+x$", ""});
    EXPECT_TRUE(slow.ok) << "short names are tried in time";
    EXPECT_EQ(slow.tasks, 0U);
    EXPECT_EQ(counts().failed, 2U);
}

TEST_F(troubles_test, causes_are_known_after_a_restart) {
    start_scheduler(failing_job);
    start_worker("w");
    fail_all("disk full");
    const auto before = details().failures;
    ASSERT_EQ(before.size(), 1U);
    for (auto& actor : spawned) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    run();
    start_scheduler(failing_job);
    const auto after = details().failures;
    ASSERT_EQ(after.size(), 1U);
    EXPECT_EQ(after[0].cause, before[0].cause);
    EXPECT_EQ(after[0].tasks, before[0].tasks);
    EXPECT_EQ(after[0].for_good, before[0].for_good);
    EXPECT_EQ(after[0].latest_ms, before[0].latest_ms);
}

TEST_F(troubles_test, the_slowest_are_named_ended_and_running) {
    start_scheduler(failing_job);
    start_worker("w");
    pass(std::chrono::seconds{2});
    fail_all("slow");
    pass(std::chrono::seconds{1});
    const auto answer = details();
    ASSERT_EQ(answer.slowest.size(), 2U);
    EXPECT_GE(answer.slowest[0].took_ms, 2000);
    ASSERT_EQ(answer.running.size(), 2U);
    EXPECT_GE(answer.running[0].took_ms, 1000);
    EXPECT_LT(answer.running[0].took_ms, 2000);
}

TEST_F(troubles_test, nodes_tell_the_tasks_below_them_and_how_full_they_are) {
    start_scheduler(failing_job);
    start_worker("w");
    fail_all("x");
    const auto hosts = nodes({{}, {}, {}, 10});
    ASSERT_EQ(hosts.nodes.size(), 2U);
    EXPECT_EQ(hosts.path, std::vector<std::string>{"instance"});
    for (const auto& row : hosts.nodes) {
        EXPECT_EQ(row.level, "host");
        EXPECT_EQ(row.children, 2U);
        EXPECT_EQ(row.share, (node_share{2, 0, 1, 1, 0}));
        ASSERT_EQ(row.resources.size(), 1U);
        EXPECT_EQ(row.resources[0].first, "slots");
        EXPECT_EQ(row.resources[0].second, (std::pair<std::int64_t, std::int64_t>{1, 1}));
    }
    const auto dbs = nodes({{}, node_id{"h1"}, job_id{"j"}, 1});
    ASSERT_EQ(dbs.nodes.size(), 1U);
    EXPECT_EQ(dbs.left_out, 1U);
    EXPECT_EQ(dbs.path, (std::vector<std::string>{"instance", "h1"}));
    const auto rest = nodes({{}, node_id{"h1"}, job_id{"j"}, 10, dbs.nodes[0].node});
    ASSERT_EQ(rest.nodes.size(), 1U);
    EXPECT_EQ(rest.left_out, 0U);
    auto both = dbs.nodes[0].share;
    both += rest.nodes[0].share;
    EXPECT_EQ(both, (node_share{2, 0, 1, 1, 0}));
    EXPECT_FALSE(ask<nodes_answer>(gateway, nodes_asked{"secret", node_id{"h9"}, {}, 1}));
    EXPECT_FALSE(ask<nodes_answer>(gateway, nodes_asked{"secret", {}, job_id{"k"}, 1}));
    EXPECT_FALSE(ask<nodes_answer>(gateway, nodes_asked{"secret", {}, {}, 1, node_id{"h1:1"}})) << "no child of it";
    EXPECT_FALSE(ask<nodes_answer>(gateway, nodes_asked{"secret", {}, {}, 1'000'000'000}));
}

}  // namespace
}  // namespace bistro
