#include "actors/nodes.hpp"

#include <gmock/gmock.h>

#include "model/partition.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/manual_launcher.hpp"

namespace bistro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

nodes_listener::behavior_type receiver(nodes_listener::pointer, std::vector<nodes_changed>* got) {
    return {[=](const nodes_changed& m) { got->push_back(m); }};
}

class nodes_test : public test::actor_test {
protected:
    static std::shared_ptr<const settings> config(const std::string& sources) {
        auto loaded = parse_config(
            "[nodes]\nlevels = [\"host\", \"db\"]\n" + sources + "[jobs.j]\nowner = \"x\"\ncommand = [\"w\"]\n",
            "/c.toml");
        for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
        return std::make_shared<const settings>(*loaded.config);
    }
    void start(const std::string& sources) {
        auto listener = track(system.spawn(receiver, &got));
        nodes = track(system.spawn(nodes_behavior, caf::actor_cast<caf::strong_actor_ptr>(listener),
                                   source_tools{&launcher, nullptr}));
        configure(sources);
    }
    void configure(const std::string& sources) {
        caf::anon_send(nodes, config_changed{config(sources)});
        run();
    }
    std::vector<std::string> problems() {
        std::vector<std::string> result;
        for (const auto& problem : got.back().problems) result.push_back(to_string(problem));
        return result;
    }
    void answer(const std::vector<std::string>& lines, int exit_code = 0) {
        auto& [id, process] = *launcher.running.begin();
        std::vector<output_line> output;
        for (const auto& line : lines) output.push_back({exit_code == 0 ? log_stream::out : log_stream::err, 0, line});
        process.events.on_output(output);
        launcher.end(id, {exit_code, 0, {}, {}});
        run();
    }
    std::vector<std::string> names() {
        std::vector<std::string> result;
        for (std::uint32_t i = 1; i < got.back().nodes->size(); ++i)
            result.emplace_back(got.back().nodes->name(node_index{i}));
        return result;
    }

    test::manual_launcher launcher;
    std::vector<nodes_changed> got;
    nodes_actor nodes;
};

TEST_F(nodes_test, one_forest_comes_when_every_source_has_told) {
    start(
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n"
        "[[nodes.sources]]\nsource = \"range_label\"\nparent_level = \"host\"\nformat = \"{parent}:{i}\"\nstart = "
        "1\nend = 2\n");
    EXPECT_THAT(got, IsEmpty());
    answer({"h1", "h2"});
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(names(), ElementsAre("h1", "h2", "h1:1", "h1:2", "h2:1", "h2:2"));
    pass(std::chrono::milliseconds{10'100});
    answer({"h2"});
    EXPECT_THAT(names(), ElementsAre("h2", "h2:1", "h2:2"));
    EXPECT_GT(got.back().nodes->version(), got.front().nodes->version());
}

TEST_F(nodes_test, few_other_nodes_make_a_change_of_the_forest) {
    start("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n");
    answer({"h1/a", "h2/b"});
    EXPECT_FALSE(got.back().nodes->change());
    pass(std::chrono::milliseconds{10'100});
    answer({"h1/a", "h1/c", "h3/d"});
    ASSERT_THAT(got, SizeIs(2));
    EXPECT_TRUE(got[1].nodes->change_from(*got[0].nodes));
    EXPECT_THAT(names(), ElementsAre("h1", "h3", "a", "c", "d"));
    pass(std::chrono::milliseconds{10'100});
    answer({"h1/a", "h1/c", "h3/d"});
    EXPECT_EQ(got.back().nodes, got[1].nodes) << "nothing has changed";
    pass(std::chrono::milliseconds{10'100});
    answer({"h3/d", "h1/c", "h1/a"});
    EXPECT_EQ(got.back().nodes, got[1].nodes) << "the order does not count";
}

TEST_F(nodes_test, nodes_that_come_between_others_do_not_make_the_next_change_a_build) {
    start("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n");
    answer({"a", "c"});
    pass(std::chrono::milliseconds{10'100});
    answer({"a", "b", "c"});
    pass(std::chrono::milliseconds{10'100});
    answer({"a", "b", "bb", "c"});
    ASSERT_THAT(got, SizeIs(3));
    EXPECT_TRUE(got[2].nodes->change_from(*got[1].nodes));
    // Who asks for the order of declaration gets it.
    configure("order = \"original\"\n[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n");
    EXPECT_THAT(names(), ElementsAre("a", "b", "bb", "c"));
}

TEST_F(nodes_test, where_the_order_counts_a_node_that_comes_between_others_stands_there) {
    start("order = \"original\"\n[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n");
    answer({"a", "c"});
    pass(std::chrono::milliseconds{10'100});
    answer({"a", "b", "c"});
    EXPECT_THAT(names(), ElementsAre("a", "b", "c"));
    pass(std::chrono::milliseconds{10'100});
    answer({"a", "b", "c", "d"});
    EXPECT_THAT(names(), ElementsAre("a", "b", "c", "d"));
    EXPECT_TRUE(got.back().nodes->change());
}

TEST_F(nodes_test, what_is_wrong_with_what_has_changed_is_told) {
    start("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n");
    answer({"h1/a"});
    pass(std::chrono::milliseconds{10'100});
    answer({"h1/a", "h2/a"});
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("declared more than once")));
    EXPECT_THAT(names(), ElementsAre("h1", "h2", "a"));
    EXPECT_TRUE(got.back().nodes->change());
    pass(std::chrono::milliseconds{10'100});
    answer({"h1/a"});
    EXPECT_THAT(problems(), IsEmpty());
    EXPECT_THAT(names(), ElementsAre("h1", "a"));
    EXPECT_TRUE(got.back().nodes->change());
}

TEST_F(nodes_test, what_was_wrong_is_not_looked_for_in_what_has_changed_since) {
    start(
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n"
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"below\"]\nparent_level = \"host\"\nperiod_s = 1000\n"
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"others\"]\nperiod_s = 10\n");
    ASSERT_THAT(launcher.running, SizeIs(2));
    answer({"h1", "h2", "h3", "h4"});
    while (launcher.running.begin()->second.spec.argv.front() == "below") answer({});
    answer({"x", "x"});
    while (!launcher.running.empty()) answer({});
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("declared more than once")));
    pass(std::chrono::milliseconds{10'100});
    answer({"h1"});
    ASSERT_EQ(launcher.running.begin()->second.spec.argv.front(), "others");
    const auto published = got.size();
    answer({"x", "x"});  // the same, while it is not known yet what is below h1
    EXPECT_THAT(got, SizeIs(published));
    while (!launcher.running.empty()) answer({});
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("declared more than once")));
    EXPECT_THAT(names(), ElementsAre("h1", "x"));
}

class nodes_with_replicas : public nodes_test {
protected:
    // A replica below two hosts, and others.
    void list(const std::string& more, const std::string& partitions = "") {
        const auto text = partitions + "[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\n" +
                          "a = {}\nb = {}\nc = {}\ne = {}\nab = {parents = [\"a\", \"b\"]}\n" + more;
        nodes ? configure(text) : start(text);
    }
};

TEST_F(nodes_with_replicas, more_of_them_are_a_change) {
    list("");
    list("new = {parents = [\"c\", \"b\"]}\n");
    ASSERT_THAT(got, SizeIs(2));
    EXPECT_TRUE(got[1].nodes->change_from(*got[0].nodes));
    EXPECT_THAT(names(), ElementsAre("a", "b", "c", "e", "ab", "new"));
}

TEST_F(nodes_with_replicas, those_that_join_what_partitions_have_make_a_build) {
    const std::string two = "[scheduler]\npartitions = 2\n";
    list("", two);
    list("new = {parents = [\"a\", \"b\"]}\n", two);
    ASSERT_THAT(got, SizeIs(2));
    EXPECT_TRUE(got[1].nodes->change_from(*got[0].nodes)) << "they are joined already";
    const auto part_of = [&](std::size_t i, const char* name) {
        return partition_of(*got[i].nodes, *got[i].nodes->find(name), 2);
    };
    ASSERT_NE(part_of(1, "a"), part_of(1, "e"));
    list("new = {parents = [\"e\", \"b\"]}\n", two);
    ASSERT_THAT(got, SizeIs(3));
    EXPECT_FALSE(got[2].nodes->change());
    EXPECT_EQ(part_of(2, "a"), part_of(2, "e"));
}

TEST_F(nodes_test, what_is_wrong_stays_so_and_the_same_nodes_are_no_other_forest) {
    start(
        "[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\nh1 = {}\n"
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\nretries = 0\n");
    answer({"h1", "h2"});
    ASSERT_THAT(problems(), SizeIs(1));
    const auto first = got.back().nodes;
    pass(std::chrono::milliseconds{10'100});
    answer({"h1", "h2"});
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("declared more than once")));
    EXPECT_EQ(got.back().nodes, first);
    pass(std::chrono::milliseconds{10'100});
    answer({"boom"}, 3);
    EXPECT_THAT(problems(), SizeIs(2));
    EXPECT_EQ(got.back().nodes, first);
    pass(std::chrono::milliseconds{10'100});
    answer({"h1", "h2"});
    EXPECT_THAT(problems(), SizeIs(1));
    EXPECT_EQ(got.back().nodes, first);
}

TEST_F(nodes_test, a_script_runs_once_for_each_parent) {
    start(
        "[[nodes.sources]]\nsource = \"range_label\"\nparent_level = \"instance\"\nformat = \"h{i}\"\nstart = 1\nend = "
        "2\n"
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nparent_level = \"host\"\n");
    ASSERT_THAT(launcher.running, SizeIs(2));
    EXPECT_EQ(launcher.running.begin()->second.spec.argv.back(), "h1");
    answer({"a"});
    EXPECT_THAT(got, IsEmpty());
    answer({"b"});
    EXPECT_THAT(names(), ElementsAre("h1", "h2", "a", "b"));
    EXPECT_EQ(got.back().nodes->name(got.back().nodes->parents(*got.back().nodes->find("b"))[0]), "h2");
}

TEST_F(nodes_test, a_failing_script_is_tried_again_then_reported_and_the_last_good_nodes_stay) {
    start(
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\nretries = 1\nretry_wait_s = 1\n");
    answer({"h1"});
    pass(std::chrono::milliseconds{10'100});
    answer({"boom"}, 3);
    EXPECT_THAT(launcher.running, IsEmpty());
    pass(std::chrono::milliseconds{1'100});
    answer({"boom"}, 3);
    EXPECT_THAT(names(), ElementsAre("h1"));
    ASSERT_THAT(got.back().problems, SizeIs(1));
    EXPECT_THAT(to_string(got.back().problems[0]),
                AllOf(StartsWith("/c.toml:3:1: error: script source 1: "), HasSubstr("exit code 3 (boom)")));
    EXPECT_FALSE(got.back().first_fetch_failed);
    pass(std::chrono::milliseconds{10'100});
    answer({"h1"});
    EXPECT_THAT(got.back().problems, IsEmpty());
}

TEST_F(nodes_test, a_script_ends_with_its_source) {
    start("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\n");
    ASSERT_THAT(launcher.running, SizeIs(1));
    configure("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"other\"]\n");
    ASSERT_THAT(launcher.running, SizeIs(2));
    EXPECT_THAT(launcher.running.begin()->second.signals, ElementsAre(9));
    EXPECT_THAT(launcher.running.rbegin()->second.signals, IsEmpty());
}

TEST_F(nodes_test, a_hanging_script_is_ended) {
    start("[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\ntimeout_s = 5\nretries = 0\n");
    pass(std::chrono::milliseconds{5'100});
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_TRUE(got[0].first_fetch_failed);
    EXPECT_THAT(got[0].problems[0].message, HasSubstr("nothing came within 5 s"));
    EXPECT_THAT(launcher.running.begin()->second.signals, ElementsAre(9));
}

TEST_F(nodes_test, duplicates_between_sources_are_reported) {
    start(
        "[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\nh1 = {}\n[[nodes.sources]]\nsource = "
        "\"script\"\ncommand = [\"list\"]\n");
    answer({"h1", "h2"});
    EXPECT_THAT(names(), ElementsAre("h1", "h2"));
    EXPECT_THAT(problems(), ElementsAre(AllOf(StartsWith("output of list:1:1: error: "),
                                              HasSubstr("\"h1\" is declared more than once"))));
}

TEST_F(nodes_test, what_is_wrong_with_a_node_is_told_where_it_is_declared) {
    const std::string sources =
        "[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\nh1 = {}\nd1 = { parent = \"h9\" }\n"
        "[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s = 10\n";
    start(sources);
    answer({"h2"});
    EXPECT_THAT(problems(), ElementsAre(AllOf(StartsWith("/c.toml:7:6: error: "), HasSubstr("\"h9\""))));
    configure("# a line more\n" + sources);
    EXPECT_THAT(got, SizeIs(1)) << "the nodes are the same";
    pass(std::chrono::milliseconds{10'100});
    answer({"h3"});
    EXPECT_THAT(problems(), ElementsAre(StartsWith("/c.toml:8:6: error: "))) << "now a line further down";
}

}  // namespace
}  // namespace bistro
