// What an engine does when its forest changes while tasks run and wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/engine/engine.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

node_decl db(const std::string& name, const std::string& host) { return {name, "db", {host}, {}, true, false}; }

// Three hosts of one slot each, with two databases each.
class engine_nodes : public ::testing::Test {
protected:
    void make(node_order order = node_order::original) {
        engine_options options;
        options.order = order;
        core.emplace(options, invocation_id{1});
        resource_table resources;
        resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
        resources.by_level[worker_level] = {{"cpu", 10, 1, 1}};
        core->set_resources(resources);
        std::vector<node_decl> declared;
        for (const std::string host : {"h1", "h2", "h3"}) {
            declared.push_back({host, "host", {}, {}, true, false});
            declared.push_back(db(host + "b", host));
            declared.push_back(db(host + "a", host));
        }
        nodes = build_forest({"host", "db"}, declared).nodes;
        core->set_forest(nodes);
        core->put_worker(worker_index{0}, {shard_name{"w"}, "x", {}});
        put_job({});
    }
    // With this filter of hosts.
    void put_job(const filter_spec& hosts) {
        job_spec spec;
        spec.name = job_id{"j"};
        spec.level = "db";
        if (hosts != filter_spec{}) spec.filters["host"] = hosts;
        job = core->put_job(spec);
    }
    void offer(const std::vector<std::string>& names) {
        std::vector<node_index> tasks;
        for (const auto& name : names) tasks.push_back(*nodes->find(name));
        core->add_pending(job, tasks);
    }
    void change(const node_changes& changes) {
        nodes = change_forest(nodes, changes, nodes->version() + 1);
        ASSERT_TRUE(nodes);
        core->set_forest(nodes);
        EXPECT_EQ(core->sanity_check(), "");
    }
    std::vector<std::string> start(std::size_t limit = 100) {
        std::vector<std::string> result;
        for (const auto& d : core->start(limit)) {
            result.emplace_back(nodes->name(d.node));
            invocations[result.back()] = d.invocation;
        }
        EXPECT_EQ(core->sanity_check(), "");
        return result;
    }
    void finish(const std::string& name) { EXPECT_TRUE(core->finish(invocations.at(name))); }

    std::optional<engine> core;
    forest_ptr nodes;
    job_index job;
    std::map<std::string, invocation_id> invocations;
};

TEST_F(engine_nodes, what_waits_goes_on_waiting_and_what_runs_keeps_its_slot) {
    make();
    offer({"h1b", "h1a", "h2b", "h2a"});
    EXPECT_THAT(start(), ElementsAre("h1b", "h2b"));
    change({{"h3"}, {db("new", "h1")}, {}});
    EXPECT_EQ(core->pending_count(), 2U);
    EXPECT_THAT(start(), IsEmpty());
    offer({"new"});
    EXPECT_THAT(start(), IsEmpty());
    finish("h1b");
    EXPECT_THAT(start(), ElementsAre("h1a"));
    finish("h1a");
    EXPECT_THAT(start(), ElementsAre("new"));
}

TEST_F(engine_nodes, a_place_that_was_on_offer_is_still) {
    make();
    offer({"h1b", "h2b", "h2a", "h3b", "h3a"});
    EXPECT_THAT(start(), ElementsAre("h1b", "h2b", "h3b"));
    finish("h2b");
    finish("h3b");
    EXPECT_EQ(start(1).size(), 1U);
    change({{"h1"}, {}, {}});
    EXPECT_EQ(start().size(), 1U);
}

TEST_F(engine_nodes, what_is_pending_below_a_node_starts_when_that_is_enabled) {
    make();
    node_decl h1{"h1", "host", {}, {}, false, false};
    change({{}, {}, {h1}});
    offer({"h1b"});
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_EQ(core->why_waiting(job).what, blocker::kind::node_closed);
    h1.enabled = true;
    change({{}, {}, {h1}});
    EXPECT_THAT(start(), ElementsAre("h1b"));
}

TEST_F(engine_nodes, what_does_not_pass_its_filters_any_more_does_not_start) {
    make();
    filter_spec hosts;
    hosts.tag_whitelist = {"fast"};
    put_job(hosts);
    node_decl h1{"h1", "host", {}, {"fast"}, true, false};
    node_decl h2{"h2", "host", {}, {"fast"}, true, false};
    change({{}, {}, {h1, h2}});
    offer({"h1b", "h2b"});
    h1.tags = {"slow"};
    h2.tags = {"slow", "fast"};
    change({{}, {}, {h1, h2}});
    EXPECT_EQ(core->pending_count(), 1U);
    EXPECT_THAT(start(), ElementsAre("h2b"));
}

// Without such a node no way to a task is judged: whoever offers it has done so.
TEST_F(engine_nodes, the_first_node_with_two_parents_starts_only_below_those_that_pass) {
    make();
    filter_spec hosts;
    hosts.blacklist = {"h1", "h3"};
    put_job(hosts);
    const auto host_of = [&](const std::string& task) {
        const auto decisions = core->start(1);
        if (decisions.empty() || nodes->name(decisions[0].node) != task) return std::string{"none"};
        invocations[task] = decisions[0].invocation;
        return std::string{nodes->name(decisions[0].path[1])};
    };
    change({{}, {{"both", "db", {"h1", "h2"}, {}, true, false}}, {}});
    offer({"both"});
    EXPECT_EQ(host_of("both"), "h2");
    offer({"h2a"});
    EXPECT_EQ(host_of("h2a"), "none") << "the host is taken";
    change({{}, {{"other", "db", {"h3", "h2"}, {}, true, false}}, {{"h1", "host", {}, {"new"}, true, false}}});
    offer({"other"});
    EXPECT_EQ(host_of("other"), "none") << "the host that would be free does not pass";
    finish("both");
    EXPECT_EQ(host_of("h2a"), "h2");
    EXPECT_EQ(core->sanity_check(), "");
}

TEST_F(engine_nodes, what_an_earlier_forest_let_pass_is_looked_at_again) {
    make();
    filter_spec hosts;
    hosts.blacklist = {"h1"};
    put_job(hosts);
    std::vector tasks{*nodes->find("h1b"), *nodes->find("h2b"), node_index{std::size_t{1'000'000}}};
    core->keep_passing(job, tasks);
    EXPECT_THAT(tasks, ElementsAre(*nodes->find("h2b")));
}

TEST_F(engine_nodes, a_node_further_out_is_not_taken_for_the_task_that_is_gone) {
    make();
    offer({"h1b"});
    EXPECT_THAT(start(), ElementsAre("h1b"));
    change({{"h1"}, {{"h1", "db", {"h2"}, {}, true, false}}, {}});
    offer({"h1"});
    EXPECT_EQ(core->pending_count(), 1U);
    EXPECT_THAT(start(), ElementsAre("h1"));
}

TEST_F(engine_nodes, another_forest_of_the_same_version_is_not_taken_for_the_one_before) {
    make();
    offer({"h1b"});
    const auto first = build_forest({"rack"}, {}).nodes;
    ASSERT_EQ(first->version(), nodes->version());
    nodes = change_forest(first, {{}, {{"r", "rack", {}, {}, true, false}}, {}}, 2);
    core->set_forest(nodes);
    EXPECT_EQ(core->sanity_check(), "");
    EXPECT_EQ(core->pending_count(), 0U);
}

TEST_F(engine_nodes, what_runs_holds_its_nodes_by_name_while_they_go_and_come_back) {
    make();
    offer({"h1b", "h1a"});
    EXPECT_THAT(start(), ElementsAre("h1b"));
    change({{"h1"}, {}, {}});
    EXPECT_EQ(core->pending_count(), 0U);
    change({{}, {{"h1", "host", {}, {}, true, false}, db("h1a", "h1"), db("h1b", "h1")}, {}});
    offer({"h1b", "h1a"});
    EXPECT_EQ(core->pending_count(), 1U) << "the other runs";
    EXPECT_THAT(start(), IsEmpty()) << "on the host's only slot";
    finish("h1b");
    EXPECT_THAT(start(), ElementsAre("h1a"));
}

TEST_F(engine_nodes, a_task_that_moves_takes_a_slot_where_it_is_now_only_when_it_starts) {
    make();
    offer({"h1b"});
    EXPECT_THAT(start(), ElementsAre("h1b"));
    change({{"h1b"}, {db("h1b", "h2")}, {}});
    offer({"h2b"});
    EXPECT_THAT(start(), ElementsAre("h2b")) << "the moved one was started on the other host";
    offer({"h1a"});
    EXPECT_THAT(start(), IsEmpty());
    finish("h1b");
    EXPECT_THAT(start(), ElementsAre("h1a"));
}

TEST_F(engine_nodes, new_nodes_find_their_place_in_the_order_by_name) {
    make(node_order::lexicographic);
    offer({"h1b", "h2a", "h2b", "h3b"});
    change({{}, {db("h0", "h2")}, {}});
    offer({"h0"});
    EXPECT_THAT(start(), ElementsAre("h0", "h1b", "h3b"));
}

TEST_F(engine_nodes, chance_orders_what_stays_as_before) {
    make(node_order::random);
    std::vector<std::string> names{"h1a", "h1b", "h2a", "h2b", "h3a", "h3b"};
    offer(names);
    const auto before = start();
    for (const auto& name : before) finish(name);
    const auto rest = start();
    for (const auto& name : rest) finish(name);
    change({{}, {{"h4", "host", {}, {}, true, false}, db("new", "h2"), db("other", "h4")}, {}});
    offer(names);
    EXPECT_EQ(start(), before);
}

}  // namespace
}  // namespace bistro
