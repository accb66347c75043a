#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/json_import.hpp"
#include "config/settings.hpp"
#include "config/status_line.hpp"
#include "config/toml_writer.hpp"

namespace bistro {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* first_run = R"({
  "bistro_settings": {
    "enabled": true, "working_wait": 0.1, "idle_wait": 0.1,
    "nodes": {
      "levels": ["level1", "level2"],
      "node_sources": [{"source": "manual", "prefs": {"node1": ["node11", "node12"], "node2": ["node21", "node22"]}}]
    },
    "resources": {"instance": {"concurrency": {"limit": 3, "default": 1}}}
  },
  "bistro_job->simple_job": {"owner": "test", "enabled": true}
})";

std::vector<std::string> errors_of(const std::string& text) {
    std::vector<std::string> result;
    for (const auto& e : import_json(text, "f.json", {}).errors) result.push_back(to_string(e));
    return result;
}

TEST(json_import, the_first_run_of_the_original) {
    const auto imported = import_json(first_run, "f.json", {"/bin/true"});
    ASSERT_THAT(imported.errors, IsEmpty());
    EXPECT_THAT(imported.notes, Contains(HasSubstr("working_wait")));
    const auto c = parse_config(imported.toml, "f.toml").config;
    ASSERT_TRUE(c);
    EXPECT_THAT(c->levels, ElementsAre("level1", "level2"));
    EXPECT_EQ(build_forest(c->levels, c->sources[0].nodes).nodes->size(), 7U);
    EXPECT_EQ(c->resources.of("instance")[0].limit, 3);
    EXPECT_EQ(c->jobs[0].owner, "test");
    EXPECT_EQ(c->jobs[0].status, status_source::pipe) << "the original ignores exit codes";
    EXPECT_THAT(c->jobs[0].command, ElementsAre("/bin/true"));
}

TEST(json_import, everything_that_a_config_can_say) {
    const auto imported = import_json(R"({
      "bistro_settings": {
        "scheduler": "roundrobin", "backoff": [1, 2, "fail"], "level_for_tasks": "host", "kill_orphan_tasks_after_sec": 7,
        "remote_worker_selector": "busiest", "worker_resources_override": {"w": {"ram": 5}},
        "nodes": {"levels": ["host", "db"], "node_order": "original", "node_sources": [
          {"source": "range_label", "prefs": {"parent_level": "instance", "format": "h{i}", "start": 1, "end": 2}},
          {"source": "script", "prefs": {"parent_level": "host", "script": "/bin/list"}},
          {"source": "manual", "prefs": {"m": {"disabled": true, "tags": ["t"]}, "n": "m"}}]},
        "resources": {"worker": {"ram": {"limit": 2, "default": 1, "weight": 3}}, "host": {"h": {"limit": 1}}}
      },
      "bistro_job->a": {"owner": "o", "command": ["c", "quote \" and \n"], "priority": 2.5, "config": {"k": [1, null]},
        "resources": {"ram": 2}, "filters": {"host": {"whitelist": ["h1"], "fraction_of_nodes": 0.5}}, "depends_on": ["b"],
        "level_for_host_placement": "host"},
      "bistro_job->b": {"owner": "o", "command": ["c"], "host_placement": "x"}
    })",
                                      "f.json", {});
    for (const auto& e : imported.errors) ADD_FAILURE() << to_string(e);
    const auto c = parse_config(imported.toml, "f.toml").config;
    ASSERT_TRUE(c) << imported.toml;
    EXPECT_EQ(c->engine.order, node_order::original);
    EXPECT_EQ(c->engine.selector, worker_selector::busiest);
    EXPECT_EQ(c->resources.worker_overrides.at("w").at("ram"), 5);
    ASSERT_EQ(c->sources.size(), 3U);
    EXPECT_EQ(c->sources[2].nodes[1].level, "db");
    EXPECT_EQ(c->jobs[0].command[1], "quote \" and \n");
    EXPECT_EQ(c->jobs[0].priority, 2.5);
    EXPECT_EQ(c->jobs[0].kill_orphan_tasks_after_s, 7);
    EXPECT_EQ(c->jobs[1].host_placement, "x");
}

TEST(json_import, mistakes_are_told_with_their_place) {
    EXPECT_THAT(errors_of("{\n  \"a\": ,\n}"), ElementsAre(HasSubstr("f.json:2:")));
    EXPECT_THAT(errors_of("[]"), ElementsAre(HasSubstr("must hold one object")));
    EXPECT_THAT(errors_of("{}"), ElementsAre(HasSubstr("no \"bistro_settings\"")));
    auto text = std::string{first_run};
    text.replace(text.find("\"enabled\": true, \"working"), 9, "\"enabeld\"");
    EXPECT_THAT(errors_of(text), ElementsAre("f.json:3:5: error: unknown key \"enabeld\"; did you mean \"enabled\"?"));
    text = first_run;
    text.replace(text.find("\"manual\""), 8, "\"add_time\"");
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("add_time")));
}

TEST(json_import, what_the_config_forbids_is_told_at_its_place_in_the_json) {
    const auto errors = errors_of(R"({
  "bistro_settings": {
    "enabled": "yes",
    "backoff": [5, "never"],
    "nodes": {"levels": ["é host"], "node_order": "sideways", "node_sources": [
      {"source": "range_label",
       "prefs": {"format": "h{i}", "start": "1", "end": 2}}]},
    "resources": {
      "é host": {"slots": {"limit": 2, "default": -1}},
      "hots": {"other": {"limit": 1}}},
    "remote_worker_selektor": "busiest"
  },
  "bistro_job->a": {"owner": 5, "command": ["c", 7],
    "filters": {"é host": {"whitelist": ["x"],
      "fraction_of_nodes": 2}}},
  "bistro_job->b": {"owner": "o", "command": ["c"], "depends_on": ["a",
     "c"]}
})");
    const std::pair<const char*, const char*> expected[] = {
        {":3:5: ", "scheduler.enabled"},   {":4:20: ", "backoff"},
        {":5:37: ", "sideways"},           {":6:7: ", "parent_level"},
        {":7:36: ", "must be an integer"}, {":9:40: ", "between 0"},
        {":10:7: ", "no level \"hots\""},  {":11:5: ", "remote_worker_selector"},
        {":13:21: ", "jobs.a.owner"},      {":13:50: ", "list of strings"},
        {":15:7: ", "at most 1"},          {":17:6: ", "\"c\", which does not exist"}};
    ASSERT_EQ(errors.size(), std::size(expected)) << ::testing::PrintToString(errors);
    for (std::size_t i = 0; i < errors.size(); ++i) {
        EXPECT_THAT(errors[i], HasSubstr(std::string{"f.json"} + expected[i].first));
        EXPECT_THAT(errors[i], HasSubstr(expected[i].second));
    }
    for (const auto& e : errors) EXPECT_THAT(e, Not(HasSubstr("TOML")));
}

TEST(json_import, a_mistake_hides_no_other_and_nothing_is_lost_silently) {
    auto text = std::string{first_run};
    text.replace(text.find("{\"owner\": \"test\""), 16, "{\"foo\": 1");
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("needs an owner"), HasSubstr("\"foo\"")));
    text = first_run;
    text.replace(text.find("\"node2\": ["), 8, "\"node1\":");
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("\"node1\" is named a second time")));
    text = first_run;
    text.insert(text.rfind('}'), ",\n  \"bistro_job->simple_job\": {\"owner\": \"again\", \"enabled\": true}");
    EXPECT_THAT(errors_of(text),
                ElementsAre(HasSubstr("f.json:12:3: error: \"bistro_job->simple_job\" is named a second")));
}

TEST(json_import, nodes_that_can_not_be_are_told_at_their_place) {
    auto text = std::string{first_run};
    text.replace(text.find("\"node2\": ["), 0, "\"x\": \"nope\", ");
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("f.json:6:")));
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("\"nope\", which does not exist")));
    text = first_run;
    text.replace(
        text.find("{\"source\": \"manual\""), 0,
        R"({"source": "range_label", "prefs": {"parent_level": "instance", "start": 1, "end": 2, "enabled": "no"}}, )");
    EXPECT_THAT(errors_of(text), ElementsAre(HasSubstr("\"enabled\" must be true or false")));
}

// The original keeps a job whose dependency shares no node with it, as one that never runs.
TEST(json_import, a_job_that_depends_on_another_level_is_kept_disabled) {
    auto text = std::string{first_run};
    text.insert(text.rfind('}'), R"(,
  "bistro_job->up": {"owner": "o", "level_for_tasks": "level1", "depends_on": ["simple_job", "top"]},
  "bistro_job->top": {"owner": "o", "level_for_tasks": "level1"})");
    const auto imported = import_json(text, "f.json", {"/bin/true"});
    ASSERT_THAT(imported.errors, IsEmpty());
    EXPECT_THAT(imported.notes, Contains(HasSubstr("job \"up\" depends on \"simple_job\" of another level")));
    const auto c = parse_config(imported.toml, "f.toml").config;
    ASSERT_TRUE(c);
    for (const auto& job : c->jobs) {
        EXPECT_EQ(job.enabled, job.name != job_id{"up"}) << job.name.value;
        EXPECT_EQ(job.depends_on, job.name == job_id{"up"} ? std::vector{job_id{"top"}} : std::vector<job_id>{});
    }
}

TEST(json_import, what_is_null_is_told) {
    auto text = std::string{first_run};
    text.replace(text.find("\"enabled\": true}"), 17, "\"priority\": null, \"config\": {\"a\": [1, null]}}");
    const auto imported = import_json(text, "f.json", {"/bin/true"});
    EXPECT_THAT(imported.errors, IsEmpty());
    EXPECT_THAT(imported.notes, Contains("bistro_job->simple_job/priority is null; it was left out"));
    EXPECT_THAT(imported.notes, Contains("bistro_job->simple_job/config/a/1 is null; it became an empty string"));
}

TEST(json_import, deep_nesting_and_garbage_do_no_harm) {
    EXPECT_FALSE(errors_of(std::string(100'000, '[')).empty());
    EXPECT_FALSE(errors_of("\xff\xfe\x00").empty());
    EXPECT_FALSE(errors_of("").empty());
    EXPECT_FALSE(errors_of(std::string{first_run} + " trailing").empty());
}

TEST(toml_writer, strings_come_back_as_they_were) {
    for (const std::string text : {"", "plain", "quote\"back\\slash", "line\nbreak\ttab", "\x01\x7f", "é😀"}) {
        const auto doc = "k = " + toml_string(text);
        EXPECT_EQ(toml_string(text).find('\n'), std::string::npos);
        EXPECT_FALSE(doc.empty());
    }
    EXPECT_EQ(toml_key("a-b_1"), "a-b_1");
    EXPECT_EQ(toml_key("a b"), "\"a b\"");
}

process_outcome outcome(std::string status, int exit_code = 0, int signal = 0) {
    return {exit_code, signal, std::move(status), {}};
}

TEST(status_line, words_and_json) {
    EXPECT_EQ(judge(outcome("done\n"), status_source::pipe).result, attempt_result::done);
    EXPECT_EQ(judge(outcome("  incomplete \r\nrest"), status_source::pipe).result, attempt_result::incomplete);
    const auto end = judge(outcome(R"({"result": "incomplete_backoff", "data": {"cursor": 7}})"), status_source::pipe);
    EXPECT_EQ(end.result, attempt_result::incomplete_backoff);
    EXPECT_EQ(end.data_json, R"({"cursor":7})");
    EXPECT_EQ(judge(outcome("done", 1), status_source::exit_code).result, attempt_result::done)
        << "the line beats the exit code";
}

TEST(status_line, without_a_line_the_exit_decides_or_nothing_does) {
    EXPECT_EQ(judge(outcome(""), status_source::exit_code).result, attempt_result::done);
    EXPECT_EQ(judge(outcome("", 3), status_source::exit_code).result, attempt_result::error);
    EXPECT_EQ(judge(outcome("", 3), status_source::exit_code).reason, "exit code 3");
    EXPECT_EQ(judge(outcome("", 0, 9), status_source::exit_code).reason, "ended by signal 9");
    EXPECT_EQ(judge(outcome("\n"), status_source::pipe).result, attempt_result::error);
}

TEST(status_line, what_cannot_be_understood_is_an_error_with_a_reason) {
    for (const std::string line : {"finished", "{\"result\": 5}", "{\"result\": \"lost\"}", "{broken", "{\"data\": {}}",
                                   "{\"result\": \"done\", \"data\": [1]}", "\xff\xfe"}) {
        const auto end = judge(outcome(line), status_source::exit_code);
        EXPECT_EQ(end.result, attempt_result::error) << line;
        EXPECT_FALSE(end.reason.empty()) << line;
    }
    EXPECT_EQ(judge(outcome(std::string(max_status_line_bytes, 'x')), status_source::pipe).result,
              attempt_result::error);
    auto killed = outcome("", 0, 15);
    killed.failure = "timed out after 5 s";
    EXPECT_EQ(judge(killed, status_source::exit_code).reason, "timed out after 5 s");
}

}  // namespace
}  // namespace bistro
