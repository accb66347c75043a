#include "config/submissions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bistro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* config_text = R"(
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "manual"
[nodes.sources.nodes]
h = {}
[resources.host]
slots = { limit = 2, default = 1 }
[jobs.own]
owner = "me"
command = ["true"]
)";

settings base() { return *parse_config(config_text, "/etc/bistro/c.toml").config; }

const job_spec& job_of(const settings& config, const std::string& name) {
    for (const auto& job : config.jobs)
        if (job.name.value == name) return job;
    throw std::runtime_error{"no job " + name};
}

submissions with(const std::string& name, const std::string& job) {
    submissions given;
    given.jobs[job_id{name}] = job;
    return given;
}

TEST(submissions, a_job_has_all_that_a_section_of_the_config_may_say) {
    auto config = base();
    const auto given =
        with("j", R"({"owner": "you", "command": ["./run", "a \"b\"\n"], "priority": 2.5, "enabled": true,
        "resources": {"slots": 2}, "filters": {"host": {"blacklist": ["x"]}}, "depends_on": ["own"],
        "backoff": [1, "fail"], "config": {"deep": {"list": [1, {"x": null}]}}, "level_for_tasks": null,
        "create_time": 1, "version_id": 2})");
    EXPECT_THAT(apply(given, config), IsEmpty());
    const auto& job = job_of(config, "j");
    EXPECT_THAT(job.errors, IsEmpty());
    EXPECT_EQ(job.owner, "you");
    EXPECT_THAT(job.command, ElementsAre("/etc/bistro/run", "a \"b\"\n")) << "relative to the config, as there";
    EXPECT_EQ(job.resources.at("slots"), 2);
    EXPECT_THAT(job.filters.at("host").blacklist, ElementsAre("x"));
    EXPECT_THAT(job.depends_on, ElementsAre(job_id{"own"}));
    EXPECT_EQ(job.level, "db");
    EXPECT_THAT(job.config_json, HasSubstr("deep"));
}

TEST(submissions, a_job_that_is_not_valid_is_kept_with_its_errors) {
    const std::pair<const char*, const char*> table[] = {
        {R"({"command": ["true"]})", "owner"},
        {R"({"owner": "x"})", "needs a command"},
        {R"({"owner": "x", "comand": ["true"]})", "did you mean \"command\"?"},
        {R"({"owner": "x", "command": "true"})", "command"},
        {R"({"owner": "x", "command": ["true"], "resources": {"slot": 1}})", "did you mean \"slots\"?"},
        {R"({"owner": "x", "command": ["true"], "depends_on": ["owm"]})", "did you mean \"own\"?"},
        {R"({"owner": "x", "command": ["true"], "depends_on": ["j"]})", "circle"},
        {R"({"owner": "x", "command": ["true"], "level_for_tasks": "disk"})", "there is no level"},
        {R"([])", "must be an object"},
        {R"({)", "is no JSON"},
    };
    for (const auto& [text, expected] : table) {
        auto config = base();
        apply(with("j", text), config);
        EXPECT_THAT(job_of(config, "j").errors, testing::Contains(HasSubstr(expected))) << text;
        EXPECT_THAT(job_of(config, "own").errors, IsEmpty()) << text;
    }
}

TEST(submissions, the_configs_own_jobs_count) {
    auto config = base();
    EXPECT_THAT(apply(with("own", R"({"owner": "you", "command": ["false"]})"), config), ElementsAre(job_id{"own"}));
    EXPECT_EQ(config.jobs.size(), 1U);
    EXPECT_EQ(job_of(config, "own").owner, "me");
}

TEST(submissions, what_is_paused_is_disabled_wherever_it_is_from) {
    auto config = base();
    auto given = with("j", R"({"owner": "you", "command": ["true"]})");
    given.paused = {job_id{"own"}, job_id{"gone"}};
    apply(given, config);
    EXPECT_FALSE(job_of(config, "own").enabled);
    EXPECT_TRUE(job_of(config, "j").enabled);
}

TEST(submissions, come_back_from_their_file_as_they_were) {
    auto given = with("j", R"({"owner":"y\"ou","command":["true"]})");
    given.paused = {job_id{"own"}};
    EXPECT_EQ(parse_submissions(to_text(given)), given);
    EXPECT_EQ(parse_submissions(""), submissions{});
    for (const char* text : {"{", "[]", "{}", R"({"version":2,"jobs":{},"paused":[]})",
                             R"({"version":1,"jobs":[],"paused":[]})", R"({"version":1,"jobs":{},"paused":[1]})"})
        EXPECT_THROW(parse_submissions(text), std::runtime_error) << text;
}

TEST(submissions, the_jobs_of_a_toml_file) {
    const auto jobs = jobs_of_toml(
        "[jobs.a]\nowner = 'x'\ncommand = ['true']\n[jobs.a.filters.db]\nwhitelist = ['n']\n"
        "[jobs.b]\n",
        "f.toml");
    ASSERT_EQ(jobs.size(), 2U);
    auto config = base();
    submissions given;
    given.jobs = jobs;
    apply(given, config);
    EXPECT_THAT(job_of(config, "a").filters.at("db").whitelist, ElementsAre("n"));
    EXPECT_THROW(jobs_of_toml("", "f.toml"), std::runtime_error);
    try {
        jobs_of_toml("\n[jobs", "f.toml");
        FAIL();
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("f.toml:2:"));
    }
}

}  // namespace
}  // namespace bistro
