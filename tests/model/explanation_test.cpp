#include "model/explanation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class explanation_test : public ::testing::Test {
protected:
    explanation_test() {
        spec.name = job_id{"j"};
        spec.level = "db";
        spec.command = {"true"};
        spec.backoff = {{10}, backoff_policy::ending::fail};
    }
    void make() {
        std::vector<node_decl> nodes{{"h1", "host", {}, {}, true, false},
                                     {"h2", "host", {}, {}, false, false},
                                     {"a", "db", {"h1"}, {}, true, false},
                                     {"b", "db", {"h1"}, {}, true, false},
                                     {"c", "db", {"h2"}, {}, true, false}};
        table.emplace(spec);
        table->set_forest(build_forest({"host", "db"}, nodes).nodes, now);
    }
    explanation explain(const std::string& node) { return explain_task(*table, node_id{node}); }
    void attempt(const std::string& node, attempt_result result) {
        const invocation_id id{++last};
        table->started(id, {node_id{node}, "w", now}, now);
        attempt_end end;
        end.invocation = id;
        end.result = result;
        end.ended_ms = now;
        table->ended(end);
        table->made_durable(id, now);
    }

    time_ms now = 1'000;
    std::uint64_t last = 0;
    job_spec spec;
    std::optional<task_table> table;
};

TEST_F(explanation_test, what_may_start_is_left_to_the_engine) {
    make();
    auto e = explain("a");
    EXPECT_EQ(e.cause, "starts_next");
    EXPECT_EQ(e.state, "waiting");
    add_blocker(e, {blocker::kind::node_resource, "h1", "slot", 2, 1, 4});
    EXPECT_EQ(e.cause, "node_resource");
    EXPECT_EQ(e.text, "node \"h1\" has 1 of 4 slot free, and the task needs 2");
    EXPECT_FALSE(e.forever);
    add_blocker(e, {blocker::kind::no_worker, {}, {}, 0, 0, 0});
    EXPECT_THAT(e.advice, HasSubstr("bistro worker"));
    add_blocker(e, {blocker::kind::worker_resource, "w", "cpu", 9, 4, 4});
    EXPECT_TRUE(e.forever);
    EXPECT_THAT(e.text, HasSubstr("can never start"));
    EXPECT_THAT(e.advice, IsEmpty());
}

TEST_F(explanation_test, running_done_and_errors) {
    make();
    table->started(invocation_id{9}, {node_id{"a"}, "w1", 77}, now);
    auto e = explain("a");
    EXPECT_EQ(e.cause, "running");
    EXPECT_EQ(e.worker, "w1");
    EXPECT_EQ(e.started_ms, 77);
    EXPECT_EQ(e.invocation, invocation_id{9});
    last = 9;
    attempt("b", attempt_result::error);
    e = explain("b");
    EXPECT_EQ(e.cause, "backoff");
    EXPECT_EQ(e.errors, 1U);
    EXPECT_EQ(e.retry_at_ms, 11'000);
    now = 20'000;
    table->advance(now);
    attempt("b", attempt_result::error);
    EXPECT_EQ(explain("b").cause, "failed");
    EXPECT_THAT(explain("b").advice, HasSubstr("bistro forgive j"));
    make();
    attempt("a", attempt_result::done);
    EXPECT_EQ(explain("a").cause, "done");
}

TEST_F(explanation_test, a_task_runs_on_where_its_node_is_gone) {
    make();
    table->started(invocation_id{9}, {node_id{"gone"}, "w1", 77}, now);
    EXPECT_EQ(explain("gone").cause, "running");
    EXPECT_EQ(explain("gone").state, "running");
    EXPECT_EQ(explain("gone").worker, "w1");
}

TEST_F(explanation_test, the_wait_after_a_lost_worker_cannot_be_forgiven) {
    make();
    table->started(invocation_id{1}, {node_id{"a"}, "w", now}, now);
    attempt_end end;
    end.invocation = invocation_id{1};
    end.result = attempt_result::lost;
    end.ended_ms = now;
    end.not_before_ms = now + 5'000;
    table->ended(end);
    table->made_durable(end.invocation, now);
    EXPECT_EQ(explain("a").cause, "backoff");
    EXPECT_THAT(explain("a").text, HasSubstr("worker was lost"));
    EXPECT_THAT(explain("a").advice, IsEmpty());
    attempt("b", attempt_result::failed);
    EXPECT_EQ(explain("b").text, "it has failed for good");
    EXPECT_TRUE(explain("b").forever);
}

TEST_F(explanation_test, other_jobs_that_a_task_waits_for) {
    spec.depends_on = {job_id{"first"}};
    make();
    auto e = explain("a");
    EXPECT_EQ(e.cause, "waits_for_node_of_job");
    EXPECT_THAT(e.waits_for, ElementsAre(job_id{"first"}));
    EXPECT_EQ(e.advice, "bistro explain first a");
    spec.depends_on = {};
    spec.run_only_after_all_nodes_are_done_for = {job_id{"all"}};
    make();
    e = explain("a");
    EXPECT_EQ(e.cause, "waits_for_whole_job");
    EXPECT_THAT(e.waits_for, ElementsAre(job_id{"all"}));
    EXPECT_THAT(explain_job(*table).waits_for, ElementsAre(job_id{"all"}));
    ASSERT_EQ(explain_job(*table).groups.size(), 1U);
    EXPECT_EQ(explain_job(*table).groups[0].text, "for job \"all\"");
    table->retire(now);
    EXPECT_EQ(explain_job(*table).groups[0].text, "since the job is gone from the config");
    EXPECT_EQ(explain("a").text, "its job is gone from the config");
}

TEST_F(explanation_test, what_excludes_a_task_is_named) {
    spec.filters["db"].blacklist = {"b"};
    make();
    EXPECT_EQ(explain("b").cause, "filtered_out");
    EXPECT_EQ(explain("b").text, "the job's filter of level \"db\" excludes node \"b\"");
    EXPECT_EQ(explain("c").cause, "node_disabled");
    EXPECT_EQ(explain("c").text, "node \"h2\" of level \"host\" is disabled");
    EXPECT_EQ(explain("nope").cause, "no_such_task");
    spec.filters = {};
    spec.filters["host"].whitelist = {"h9"};
    make();
    EXPECT_EQ(explain("a").text, "the job's filter of level \"host\" excludes node \"h1\"");
}

TEST_F(explanation_test, a_job_that_may_not_run) {
    spec.enabled = false;
    spec.paused = true;
    make();
    EXPECT_EQ(explain("a").text, "its job is paused");
    EXPECT_THAT(explain_job(*table).advice, HasSubstr("bistro resume"));
    spec.paused = false;
    make();
    EXPECT_EQ(explain("a").cause, "job_disabled");
    EXPECT_THAT(explain("a").advice, HasSubstr("enabled = true"));
    auto e = explain_job(*table);
    EXPECT_EQ(e.cause, "job_disabled");
    ASSERT_EQ(e.groups.size(), 1U);
    EXPECT_EQ(e.groups[0].tasks, 2U);
    spec.enabled = true;
    spec.errors = {"no level \"x\""};
    make();
    EXPECT_EQ(explain("a").cause, "job_invalid");
    EXPECT_THAT(explain_job(*table).text, HasSubstr("no level"));
}

TEST_F(explanation_test, groups_of_a_job_the_largest_first) {
    make();
    attempt("a", attempt_result::error);
    auto e = explain_job(*table);
    EXPECT_EQ(e.counts.backoff, 1U);
    blocked_tasks hosts{{blocker::kind::node_resource, "h1", "slot", 1, 0, 2}, "host", 7, 3};
    blocked_tasks next{{}, {}, 2, 2};
    blocked_tasks nobody{{blocker::kind::no_worker, "x", {}, 0, 0, 0}, {}, 1, 2};
    add_groups(e, {next, hosts, nobody});
    ASSERT_EQ(e.groups.size(), 4U);
    EXPECT_EQ(e.groups[3].text, "for a worker on each of 2 hosts, such as \"x\"; none is connected there");
    EXPECT_EQ(e.groups[0].text,
              "for slot of 3 nodes of level \"host\", such as \"h1\", which has 0 of 2 free; each task needs 1");
    EXPECT_EQ(e.groups[0].cause, "node_resource");
    EXPECT_EQ(e.groups[1].text, "for their turn");
    EXPECT_EQ(e.groups[2].cause, "backoff");
}

TEST(describe_end, says_how_an_attempt_ended) {
    attempt_end end;
    end.exit_code = 3;
    EXPECT_EQ(describe_end(end), "error, exit code 3");
    end.signal = 9;
    EXPECT_EQ(describe_end(end), "error, by signal 9");
    end.reason = "out of time";
    EXPECT_EQ(describe_end(end), "error: out of time");
}

}  // namespace
}  // namespace bistro
