#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.hpp"

namespace bistro {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* minimal = R"(
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
start = 1
end = 3
[jobs.j]
owner = "ada"
command = ["./work.sh"]
)";

std::vector<std::string> errors_of(const std::string& text) {
    std::vector<std::string> result;
    for (const auto& e : parse_config(text, "/etc/c.toml").errors) result.push_back(to_string(e));
    return result;
}

settings good(const std::string& text) {
    auto loaded = parse_config(text, "/etc/c.toml");
    for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
    return loaded.config.value_or(settings{});
}

TEST(toml, the_smallest_config_has_every_default) {
    const auto c = good(minimal);
    EXPECT_EQ(c.engine.policy, policy_kind::round_robin);
    EXPECT_EQ(c.engine.order, node_order::random);
    EXPECT_EQ(c.data_dir, "/etc/state");
    ASSERT_EQ(c.jobs.size(), 1U);
    EXPECT_EQ(c.jobs[0].level, "db") << "the innermost";
    EXPECT_EQ(c.jobs[0].command, std::vector<std::string>{"/etc/work.sh"}) << "relative to the config's folder";
    EXPECT_EQ(c.jobs[0].backoff.delays_s.size(), 9U);
    EXPECT_EQ(c.jobs[0].backoff.then, backoff_policy::ending::repeat);
    EXPECT_TRUE(is_loopback(c.network.listen));
}

TEST(toml, says_how_much_of_the_past_is_kept) {
    const auto plain = good(minimal).history;
    EXPECT_EQ(plain.attempts.max_count, 1'000'000U);
    EXPECT_EQ(plain.log_lines.max_age_ms, 90 * history_settings::ms_per_day);
    const auto c = good(std::string{minimal} + "[scheduler.history]\nattempts = 5\nlog_lines = 6\ndays = 7\n");
    EXPECT_EQ(c.history.attempts, (retention{5, 7 * history_settings::ms_per_day}));
    EXPECT_EQ(c.history.log_lines, (retention{6, 7 * history_settings::ms_per_day}));
    EXPECT_EQ(c.worker.log_lines, c.history.log_lines);
}

TEST(toml, says_into_how_many_partitions_the_forest_is_divided) {
    EXPECT_EQ(good(minimal).partitions, 1U);
    EXPECT_EQ(good(std::string{minimal} + "[scheduler]\npartitions = 64\n").partitions, 64U);
    for (const auto* wrong : {"0", "65", "-1", "\"2\""})
        EXPECT_THAT(errors_of(std::string{minimal} + "[scheduler]\npartitions = " + wrong + "\n"),
                    ElementsAre(HasSubstr("partitions")));
}

TEST(toml, takes_the_whole_of_the_documented_example) {
    const auto c = good(R"(
[scheduler]
policy = "ranked_priority"
data_dir = "state"
level_for_tasks = "db"
backoff = [15, 30, 60, "repeat"]
[nodes]
levels = ["host", "db"]
order = "random"
[[nodes.sources]]
source = "manual"
[nodes.sources.nodes]
"aardvark" = { tags = ["ssd"] }
"bobcat"   = { disabled = true, children = ["bobcat:db_a", "bobcat:db_b"] }
"capybara" = {}
"coati"    = {}
"coati:x"  = { parents = ["coati", "capybara"] }
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{parent}:db_{i}"
start = 1
end = 5
[resources.instance]
global_concurrency = { limit = 500, default = 0 }
[resources.host]
host_concurrency = { limit = 2, default = 1 }
[resources.db]
db_lock = { limit = 1, default = 1 }
[resources.worker]
cpu = { limit = 8, default = 1, weight = 10 }
[workers]
selector = "busiest"
[workers.overrides."bigbox.example.com"]
cpu = 64
[jobs.snapshot]
owner = "ada"
command = ["snap"]
[jobs.reencode]
owner = "ada"
command = ["./reencode.sh", "--fast"]
priority = 10
resources = { host_concurrency = 2 }
depends_on = ["snapshot"]
[jobs.reencode.filters.db]
blacklist_regex = ":db_5$"
[network]
listen = "127.0.0.1:6789"
http = "127.0.0.1:6790"
[network.tls]
ca = "ca.pem"
certificate = "scheduler.pem"
key = "scheduler.key"
[worker]
scheduler = "scheduler.example.com:6789"
shard = "bigbox"
data_dir = "worker-state"
resources = { cpu = 16 }
[worker.tls]
ca = "ca.pem"
certificate = "worker.pem"
key = "worker.key"
[simulate]
duration = { distribution = "uniform", low_s = 0, high_s = 2 }
error_rate = 0.0
[simulate.workers]
w1 = { cpu = 4 }
)");
    EXPECT_EQ(c.engine.policy, policy_kind::ranked_priority);
    EXPECT_EQ(c.engine.selector, worker_selector::busiest);
    EXPECT_EQ(c.resources.worker_overrides.at("bigbox.example.com").at("cpu"), 64);
    EXPECT_EQ(c.resources.of("worker")[0].weight, 10);
    EXPECT_EQ(c.jobs[1].name, job_id{"reencode"}) << "in the order of the file";
    EXPECT_EQ(c.jobs[1].filters.at("db").blacklist_regex, ":db_5$");
    EXPECT_EQ(c.network.tls->key, "/etc/scheduler.key");
    EXPECT_EQ(c.worker.scheduler->port, 6789);
    EXPECT_EQ(c.simulation.workers.at("w1").at("cpu"), 4);
    ASSERT_EQ(c.sources.size(), 2U);
    std::vector<std::string> names;
    for (const auto& n : c.sources[0].nodes) names.push_back(n.level + "/" + n.name);
    EXPECT_THAT(names, ElementsAre("host/aardvark", "host/bobcat", "db/bobcat:db_a", "db/bobcat:db_b", "host/capybara",
                                   "host/coati", "db/coati:x"));
    EXPECT_FALSE(c.sources[0].nodes[1].enabled);
    EXPECT_THAT(c.sources[0].nodes[6].parents, ElementsAre("coati", "capybara"));
}

TEST(toml, unknown_keys_are_errors_with_the_nearest_known_one) {
    EXPECT_THAT(errors_of(std::string{minimal} + "prioritty = 3\n"),
                ElementsAre("/etc/c.toml:12:1: error: unknown key \"jobs.j.prioritty\"; did you mean \"priority\"?"));
    EXPECT_THAT(errors_of(std::string{minimal} + "[schedulr]\n"),
                ElementsAre(HasSubstr("did you mean \"scheduler\"?")));
}

TEST(toml, every_error_of_a_file_at_once_with_its_place) {
    const auto errors = errors_of(R"([nodes]
levels = ["host", "host"]
order = "sorted"
[[nodes.sources]]
source = "range_label"
parent_level = "rack"
start = 1
[scheduler]
policy = 5
backoff = [30, 15, "repeat"]
[jobs."bad name"]
owner = 1
command = []
[jobs.k]
priority = -1
resources = { nothing = 1 }
[jobs.l]
owner = "x"
command = ["bistro:nul"]
)");
    EXPECT_THAT(errors, Contains(HasSubstr("there is no built-in command \"bistro:nul\"")));
    EXPECT_THAT(errors, Contains(HasSubstr("c.toml:2:10: error: level \"host\" is named twice")));
    EXPECT_THAT(errors, Contains(HasSubstr(":3:9: error: \"nodes.order\" is \"sorted\"")));
    EXPECT_THAT(errors, Contains(AllOf(HasSubstr(":6:16:"), HasSubstr("there is no level \"rack\""))));
    EXPECT_THAT(errors, Contains(HasSubstr("needs a end")));
    EXPECT_THAT(errors, Contains(HasSubstr(":9:10: error: \"scheduler.policy\" must be a string")));
    EXPECT_THAT(errors, Contains(HasSubstr("strictly increasing")));
    EXPECT_THAT(errors, Contains(HasSubstr("letters, digits")));
    EXPECT_THAT(errors, Contains(HasSubstr("\"jobs.bad name.owner\" must be a string")));
    EXPECT_THAT(errors, Contains(HasSubstr("\"jobs.bad name.command\" is empty")));
    EXPECT_THAT(errors, Contains(HasSubstr("\"jobs.k\" needs an owner")));
    EXPECT_THAT(errors, Contains(HasSubstr("\"jobs.k\" needs a command")));
    EXPECT_THAT(errors, Contains(HasSubstr("\"jobs.k.priority\" is -1")));
    EXPECT_THAT(errors, Contains(HasSubstr("there is no resource \"nothing\"")));
}

TEST(toml, malformed_text_says_where) {
    EXPECT_THAT(errors_of("[nodes\n"), ElementsAre(HasSubstr("c.toml:1:7: error:")));
    EXPECT_THAT(errors_of("a = 1\na = 2\n"), ElementsAre(HasSubstr("c.toml:2:")));
    EXPECT_FALSE(errors_of("").empty());
    EXPECT_FALSE(errors_of("\xff\xfe").empty());
}

TEST(toml, a_circle_of_dependencies_is_named) {
    const auto errors = errors_of(std::string{minimal} + R"(
depends_on = ["b"]
[jobs.b]
owner = "x"
command = ["true"]
run_only_after_all_nodes_are_done_for = ["c"]
[jobs.c]
owner = "x"
command = ["true"]
depends_on = ["j"]
)");
    EXPECT_THAT(errors, ElementsAre(HasSubstr("j -> b -> c -> j")));
}

TEST(toml, dependencies_must_exist_and_share_a_level) {
    EXPECT_THAT(errors_of(std::string{minimal} + "depends_on = [\"jj\"]\n"),
                ElementsAre(HasSubstr("did you mean \"j\"?")));
    EXPECT_THAT(errors_of(std::string{minimal} + R"(
depends_on = ["h"]
[jobs.h]
owner = "x"
command = ["true"]
level_for_tasks = "host"
)"),
                ElementsAre(HasSubstr("use run_only_after_all_nodes_are_done_for")));
}

TEST(toml, resources_are_checked) {
    EXPECT_THAT(errors_of(std::string{minimal} + "[resources.host]\nr = { default = 1 }\n"),
                ElementsAre(HasSubstr("needs a limit")));
    EXPECT_THAT(
        errors_of(std::string{minimal} + "[resources.host]\nr = { limit = 1 }\n[resources.db]\nr = { limit = 1 }\n"),
        ElementsAre(HasSubstr("already defined for level \"host\"")));
    EXPECT_THAT(errors_of(std::string{minimal} + "[resources.hots]\nr = { limit = 1 }\n"),
                ElementsAre(HasSubstr("did you mean \"host\"?")));
    EXPECT_THAT(errors_of(std::string{minimal} + "[workers.overrides.w]\nram = 1\n"),
                ElementsAre(HasSubstr("\"ram\" is no resource")));
}

TEST(toml, manual_nodes_are_checked) {
    const std::string head =
        "[nodes]\nlevels = [\"host\"]\n[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\n";
    const std::string tail = "[jobs.j]\nowner = \"x\"\ncommand = [\"true\"]\n";
    EXPECT_THAT(errors_of(head + "a = { children = [\"b\"] }\n" + tail),
                ElementsAre(HasSubstr("\"b\" is 2 levels deep")));
    EXPECT_THAT(errors_of(head + "a = {}\na = {}\n" + tail), ElementsAre(HasSubstr("c.toml:7:5: error")));
    EXPECT_THAT(errors_of(head + "a = { parent = \"b\" }\nb = { parent = \"a\" }\n" + tail),
                Contains(HasSubstr("own ancestors")));
    EXPECT_THAT(errors_of(head + "\"a\\u0000b\" = {}\n" + tail), ElementsAre(HasSubstr("NUL")));
    EXPECT_THAT(errors_of(head + "a = { tag = [\"x\"] }\n" + tail), ElementsAre(HasSubstr("did you mean \"tags\"?")));
}

TEST(toml, orphan_rules_read_like_the_original) {
    auto rule = [](const std::string& value) {
        return good(std::string{minimal} + "kill_orphan_tasks_after_sec = " + value + "\n")
            .jobs[0]
            .kill_orphan_tasks_after_s;
    };
    EXPECT_EQ(rule("true"), 0);
    EXPECT_EQ(rule("false"), std::nullopt);
    EXPECT_EQ(rule("-1"), std::nullopt);
    EXPECT_EQ(rule("30"), 30);
}

TEST(toml, a_job_config_arrives_as_json) {
    EXPECT_EQ(good(std::string{minimal} + "config = { n = 5, deep = { list = [1, \"a\", true, 0.5] } }\n")
                  .jobs[0]
                  .config_json,
              R"({"deep":{"list":[1,"a",true,5E-1]},"n":5})");
}

TEST(toml, a_worker_file_needs_nothing_else) {
    const auto loaded =
        parse_config("[worker]\nscheduler = \"127.0.0.1:6789\"\n", "/etc/w.toml", config_purpose::worker);
    EXPECT_THAT(loaded.errors, IsEmpty());
}

TEST(toml, files_that_cannot_be_read) {
    EXPECT_THAT(to_string(load_config("/nowhere/c.toml").errors.at(0)), HasSubstr("No such file"));
    EXPECT_THAT(to_string(load_config("/").errors.at(0)), HasSubstr("is a directory"));
}

TEST(endpoint, forms) {
    EXPECT_EQ(parse_endpoint("127.0.0.1:80"), (endpoint{"127.0.0.1", 80}));
    EXPECT_EQ(parse_endpoint("[::1]:80"), (endpoint{"::1", 80}));
    EXPECT_EQ(parse_endpoint(":80"), (endpoint{"127.0.0.1", 80}));
    for (const auto* bad : {"", "host", "host:", "host:x", "host:70000", "::1:80", "host:-1"})
        EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

TEST(nodes_of_lines, names_or_paths) {
    diagnostics problems;
    const auto nodes = nodes_of_lines("h1/a\r\n\nh2\nh1/b/c\n", {"host", "db"}, 0, true, "n.txt", problems);
    ASSERT_EQ(nodes.size(), 3U);
    EXPECT_TRUE(nodes[0].implied);
    EXPECT_EQ(nodes[1].name, "a");
    EXPECT_THAT(nodes[1].parents, ElementsAre("h1"));
    EXPECT_FALSE(nodes[2].implied);
    EXPECT_EQ(nodes[2].at.line, 3U);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_THAT(to_string(problems[0]), ::testing::StartsWith("n.txt:4:1: error: \"h1/b/c\" has 3 parts"));
}

TEST(range_nodes, fill_in_their_format) {
    source_settings source;
    source.parent_level = "host";
    source.format = "{parent}:{i}/{end}";
    source.start = 2;
    source.end = 3;
    const auto nodes = range_nodes(source, "db", {"{i}h"});
    ASSERT_EQ(nodes.size(), 2U);
    EXPECT_EQ(nodes[0].name, "{i}h:2/3") << "a parent's name is no format";
    EXPECT_THAT(nodes[1].parents, ElementsAre("{i}h"));
}

}  // namespace
}  // namespace bistro
