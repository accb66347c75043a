// Places that come free, and who is offered them.
#include <gtest/gtest.h>

#include <map>

#include "model/engine/engine.hpp"

namespace bistro {
namespace {

class engine_offers_test : public ::testing::Test {
protected:
    engine_offers_test() {
        std::vector<node_decl> declared;
        for (const std::string host : {"h0", "h1", "h2", "h3", "h4"}) {
            declared.push_back({host, "host", {}, {}, true, false});
            for (const std::string task : {"a", "b", "c", "d"})
                declared.push_back({host + task, "db", {host}, {}, true, false});
        }
        nodes = build_forest({"host", "db"}, declared).nodes;
        resources.by_level["instance"] = {{"slots", 100, 1, 0}};
        resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
        resources.by_level[worker_level] = {{"cpu", 10, 0, 1}};
    }
    engine make(policy_kind policy, partition part = {}) {
        engine_options options;
        options.policy = policy;
        engine core{options, invocation_id{100}, part};
        core.set_forest(nodes);
        core.set_resources(resources);
        core.put_worker(worker_index{0}, {shard_name{"w0"}, "x", {}});
        return core;
    }
    static job_index add_job(engine& core, const std::string& name, amounts demands = {}) {
        job_spec spec;
        spec.name = job_id{name};
        spec.level = "db";
        spec.resources = std::move(demands);
        return core.put_job(spec);
    }
    void wants(engine& core, job_index job, const std::vector<std::string>& hosts) {
        std::vector<node_index> tasks;
        for (const auto& host : hosts)
            for (const std::string task : {"b", "c", "d"}) tasks.push_back(*nodes->find(host + task));
        core.add_pending(job, tasks);
    }

    forest_ptr nodes;
    resource_table resources;
};

// Of two jobs with equal shares one comes first by turn, has an offer elsewhere, and stands far behind in its queue,
// since that has not heard of the new worker.
TEST_F(engine_offers_test, a_place_does_not_go_to_and_fro_when_a_worker_changes_all_shares) {
    auto core = make(policy_kind::fair);
    const auto first = add_job(core, "first", {{"slots", 2}, {"cpu", 1}});
    const auto second = add_job(core, "second");
    add_job(core, "third");
    std::uint64_t id = 0;
    for (const auto& [job, host] : std::vector<std::pair<std::string, std::string>>{
             {"first", "h0"}, {"first", "h1"}, {"second", "h2"}, {"second", "h3"}, {"third", "h4"}})
        core.adopt(invocation_id{++id}, {job_id{job}, {host + "a", host, "instance"}, worker_index{0}});
    wants(core, first, {"h0", "h4"});
    wants(core, second, {"h2", "h4"});
    EXPECT_TRUE(core.start(100).empty());
    core.finish(invocation_id{1});
    core.finish(invocation_id{3});
    EXPECT_EQ(core.start(1).size(), 1U);
    core.put_worker(worker_index{1}, {shard_name{"w1"}, "y", {{"cpu", 1000}}});
    core.finish(invocation_id{5});
    EXPECT_EQ(core.start(100).size(), 2U);
    EXPECT_EQ(core.sanity_check(), "");
}

TEST_F(engine_offers_test, places_that_come_free_together_are_shared_by_turn) {
    for (const auto policy : {policy_kind::round_robin, policy_kind::ranked_priority, policy_kind::long_tail,
                              policy_kind::randomized_priority, policy_kind::fair}) {
        auto core = make(policy);
        const std::vector<std::string> hosts{"h0", "h1", "h2", "h3"};
        for (const auto job : {add_job(core, "one"), add_job(core, "two")}) wants(core, job, hosts);
        std::map<job_index, int> started;
        const auto running = core.start(100);
        EXPECT_EQ(running.size(), 4U);
        for (const auto& d : running) core.finish(d.invocation);
        for (const auto& d : core.start(100)) ++started[d.job];
        EXPECT_EQ(core.running_count(), 4U);
        if (policy != policy_kind::randomized_priority) {
            EXPECT_EQ(started[job_index{0U}], 2) << to_string(policy);
        }
        EXPECT_EQ(core.sanity_check(), "");
    }
}

// A place of which several ways lead up: the task that starts there takes one on which there is room.
TEST_F(engine_offers_test, what_starts_where_a_place_comes_free_goes_up_by_a_way_with_room) {
    nodes = build_forest({"rack", "host", "db"}, {{"r1", "rack", {}, {}, true, false},
                                                  {"r2", "rack", {}, {}, true, false},
                                                  {"both", "host", {"r1", "r2"}, {}, true, false},
                                                  {"alone", "host", {"r1"}, {}, true, false},
                                                  {"d0", "db", {"both"}, {}, true, false},
                                                  {"d1", "db", {"both"}, {}, true, false},
                                                  {"d2", "db", {"alone"}, {}, true, false}})
                .nodes;
    resources.by_level["rack"] = {{"rack_slots", 1, 1, 0}};
    auto core = make(policy_kind::round_robin);
    const auto job = add_job(core, "j");
    core.adopt(invocation_id{1}, {job_id{"j"}, {"d2", "alone", "r1", "instance"}, worker_index{0}});
    core.adopt(invocation_id{2}, {job_id{"j"}, {"d0", "both", "r2", "instance"}, worker_index{0}});
    core.finish(invocation_id{1});
    core.add_pending(job, std::vector{*nodes->find("d1")});
    EXPECT_TRUE(core.start(1).empty()) << "its host is taken";
    EXPECT_EQ(core.sanity_check(), "");
    core.adopt(invocation_id{3}, {job_id{"j"}, {"d2", "alone", "r1", "instance"}, worker_index{0}});
    core.finish(invocation_id{2});
    const auto started = core.start(10);
    ASSERT_EQ(started.size(), 1U);
    EXPECT_EQ(nodes->name(started[0].node), "d1");
    EXPECT_EQ(nodes->name(started[0].path[2]), "r2") << "the other rack is full";
    EXPECT_EQ(core.sanity_check(), "");
}

// The first way up seems open where it begins, and ends further out.
TEST_F(engine_offers_test, what_starts_where_a_place_comes_free_turns_back_where_a_way_ends) {
    nodes = build_forest({"region", "rack", "host", "db"}, {{"g1", "region", {}, {}, false, false},
                                                            {"g2", "region", {}, {}, true, false},
                                                            {"r1", "rack", {"g1"}, {}, true, false},
                                                            {"r2", "rack", {"g2"}, {}, true, false},
                                                            {"h", "host", {"r1", "r2"}, {}, true, false},
                                                            {"d0", "db", {"h"}, {}, true, false},
                                                            {"d1", "db", {"h"}, {}, true, false}})
                .nodes;
    auto core = make(policy_kind::round_robin);
    const auto job = add_job(core, "j");
    core.add_pending(job, std::vector{*nodes->find("d0"), *nodes->find("d1")});
    const auto first = core.start(10);
    ASSERT_EQ(first.size(), 1U) << "the host has one slot";
    core.finish(first[0].invocation);
    const auto second = core.start(10);
    ASSERT_EQ(second.size(), 1U);
    for (const auto& d : {first[0], second[0]}) EXPECT_EQ(nodes->name(d.path[2]), "r2");
    EXPECT_EQ(core.sanity_check(), "");
}

TEST_F(engine_offers_test, a_job_that_waits_at_the_instance_is_refused_again_when_it_asks_for_something_else) {
    auto core = make(policy_kind::round_robin, {0, 2});
    const auto job = add_job(core, "j");
    wants(core, job, {"h0"});
    static_cast<void>(core.start(100));
    const auto before = core.refusals();
    EXPECT_GT(before, 0U);
    add_job(core, "j", {{"slots", 2}});
    EXPECT_GT(core.refusals(), before);
    EXPECT_TRUE(core.lacks_leases());
    core.erase_job(job_id{"j"});
    static_cast<void>(core.start(100));
    EXPECT_FALSE(core.lacks_leases()) << "nobody waits there any more";
}

}  // namespace
}  // namespace bistro
