#include "model/engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class engine_test : public ::testing::Test {
protected:
    engine_test() {
        options.order = node_order::original;
        resources.by_level["host"] = {{"host_slots", 2, 1, 0}};
        resources.by_level[worker_level] = {{"cpu", 10, 1, 1}};
        for (const std::string host : {"h1", "h2"}) {
            declared.push_back({host, "host", {}, {}, true, false});
            for (const std::string db : {"c", "a", "b"}) declared.push_back({host + db, "db", {host}, {}, true, false});
        }
        nodes = build_forest({"host", "db"}, declared).nodes;
    }
    void make() {
        core.emplace(options, invocation_id{1});
        core->set_resources(resources);
        core->set_forest(nodes);
    }
    job_index add_job(const std::string& name, double priority = 1, amounts demands = {}) {
        job_spec spec;
        spec.name = job_id{name};
        spec.level = "db";
        spec.priority = priority;
        spec.resources = std::move(demands);
        return offer(spec);
    }
    job_index offer(const job_spec& spec) {
        const auto job = core->put_job(spec);
        std::vector<node_index> all;
        const auto level = *nodes->find_level("db");
        for (std::uint32_t i = 0; i < nodes->size_of(level); ++i) all.emplace_back(nodes->first_of(level).value + i);
        core->add_pending(job, all);
        return job;
    }
    void add_worker(std::uint32_t index, const std::string& host, amounts declared = {}) {
        core->put_worker(worker_index{index}, {shard_name{"w" + std::to_string(index)}, host, std::move(declared)});
    }
    std::vector<std::string> start(std::size_t limit = 100) {
        std::vector<std::string> result;
        for (const auto& d : core->start(limit)) {
            result.push_back(core->job_name(d.job).value + ":" + std::string{nodes->name(d.node)});
            last = d;
        }
        EXPECT_EQ(core->sanity_check(), "");
        return result;
    }

    engine_options options;
    resource_table resources;
    std::vector<node_decl> declared;
    forest_ptr nodes;
    std::optional<engine> core;
    start_decision last;
};

TEST_F(engine_test, starts_no_more_than_an_ancestor_has_slots_for) {
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_THAT(start(), ElementsAre("j:h1c", "j:h1a", "j:h2c", "j:h2a"));
    EXPECT_THAT(start(), IsEmpty());
    core->finish(invocation_id{2});
    EXPECT_THAT(start(), ElementsAre("j:h1b"));
}

TEST_F(engine_test, lexicographic_order_goes_by_name_across_parents) {
    options.order = node_order::lexicographic;
    resources.by_level["host"] = {};
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_THAT(start(), ElementsAre("j:h1a", "j:h1b", "j:h1c", "j:h2a", "j:h2b", "j:h2c"));
}

TEST_F(engine_test, random_order_follows_the_seed) {
    options.order = node_order::random;
    resources.by_level["host"] = {};
    make();
    add_worker(0, "x");
    add_job("j");
    const auto first = start();
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_EQ(start(), first);
    options.seed = 99;
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_NE(start(), first);
}

TEST_F(engine_test, nothing_starts_without_a_worker_and_a_late_one_is_enough) {
    make();
    const auto job = add_job("j");
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_EQ(core->why_waiting(job).what, blocker::kind::no_worker);
    add_worker(0, "x");
    EXPECT_EQ(start().size(), 4U);
}

TEST_F(engine_test, a_worker_that_does_not_accept_gets_nothing) {
    make();
    add_worker(0, "x");
    core->set_accepting(worker_index{0}, false);
    add_job("j");
    EXPECT_THAT(start(), IsEmpty());
    core->set_accepting(worker_index{0}, true);
    EXPECT_EQ(start().size(), 4U);
}

TEST_F(engine_test, busiest_fills_one_worker_first_and_round_robin_spreads) {
    options.selector = worker_selector::busiest;
    resources.by_level["host"] = {};
    make();
    add_worker(0, "x", {{"cpu", 8}});
    add_worker(1, "y", {{"cpu", 3}});
    add_job("j");
    std::vector<std::uint32_t> chosen;
    for (const auto& d : core->start(100)) chosen.push_back(d.worker.value);
    EXPECT_THAT(chosen, ElementsAre(1, 1, 1, 0, 0, 0));
    options.selector = worker_selector::round_robin;
    make();
    add_worker(0, "x");
    add_worker(1, "y");
    add_job("j");
    chosen.clear();
    for (const auto& d : core->start(100)) chosen.push_back(d.worker.value);
    EXPECT_THAT(chosen, ElementsAre(0, 1, 0, 1, 0, 1));
}

TEST_F(engine_test, an_override_beats_what_a_worker_says_of_itself) {
    resources.by_level["host"] = {};
    resources.worker_overrides["w0"]["cpu"] = 2;
    make();
    add_worker(0, "x", {{"cpu", 50}});
    add_job("j");
    EXPECT_EQ(start().size(), 2U);
}

TEST_F(engine_test, host_placement_and_level_for_host_placement) {
    make();
    add_worker(0, "h1");
    add_worker(1, "h2");
    job_spec spec;
    spec.name = job_id{"placed"};
    spec.level = "db";
    spec.level_for_host_placement = "host";
    offer(spec);
    for (const auto& d : core->start(100)) EXPECT_EQ(core->workers().info(d.worker).host, nodes->name(d.path[1]));
    spec.name = job_id{"pinned"};
    spec.host_placement = "h3";
    spec.resources["host_slots"] = 0;
    const auto pinned = offer(spec);
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_THAT(to_string(core->why_waiting(pinned)), HasSubstr("\"h3\""));
    add_worker(2, "h3");
    EXPECT_EQ(start().size(), 6U);
}

TEST_F(engine_test, a_replica_runs_along_the_path_with_room_and_frees_it) {
    nodes = build_forest({"host", "db"}, {{"h1", "host", {}, {}, true, false},
                                          {"h2", "host", {}, {}, true, false},
                                          {"d1", "db", {"h1", "h2"}, {}, true, false},
                                          {"d2", "db", {"h1", "h2"}, {}, true, false}})
                .nodes;
    resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_EQ(start().size(), 2U) << "each host takes one";
    EXPECT_EQ(core->used(*nodes->find("h1"))[0], 1);
    EXPECT_EQ(core->used(*nodes->find("h2"))[0], 1);
    core->finish(invocation_id{1});
    core->finish(invocation_id{2});
    EXPECT_EQ(core->used(*nodes->find("h1"))[0], 0);
    EXPECT_EQ(core->used(*nodes->find("h2"))[0], 0);
}

TEST_F(engine_test, a_lowered_limit_stops_new_starts_and_keeps_what_runs) {
    make();
    add_worker(0, "x");
    const auto job = add_job("j");
    start();
    resources.by_level["host"][0].limit = 1;
    core->set_resources(resources);
    core->finish(invocation_id{1});
    EXPECT_THAT(start(), IsEmpty()) << "h1 still runs one, its limit is one";
    EXPECT_EQ(core->running_count(), 3U);
    const auto b = core->why_waiting(job);
    EXPECT_EQ(b.what, blocker::kind::node_resource);
    EXPECT_FALSE(b.forever());
}

TEST_F(engine_test, says_when_a_task_can_never_start) {
    make();
    add_worker(0, "x");
    const auto job = add_job("j", 1, {{"host_slots", 3}});
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_TRUE(core->why_waiting(job).forever());
    EXPECT_THAT(to_string(core->why_waiting(job)), HasSubstr("can never start"));
}

TEST_F(engine_test, says_who_holds_what_others_wait_for) {
    make();
    add_worker(0, "x");
    const auto job = add_job("j");
    EXPECT_THAT(start(), ElementsAre("j:h1c", "j:h1a", "j:h2c", "j:h2a"));
    const auto groups = core->all_waiting(job);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].tasks, 2U);
    EXPECT_EQ(groups[0].places, 2U);
    EXPECT_EQ(groups[0].level, "host");
    const auto why = core->why_waiting(job, *nodes->find("h2b"));
    EXPECT_EQ(why.place, "h2");
    auto [holders, count] = core->holders(why, 1);
    EXPECT_EQ(count, 2U);
    ASSERT_EQ(holders.size(), 1U);
    EXPECT_EQ(core->held(holders[0])->path[1], "h2");
}

TEST_F(engine_test, says_who_holds_what_others_wait_for_of_a_worker) {
    make();
    add_worker(0, "x", {{"cpu", 1}});
    const auto job = add_job("j");
    start();
    const auto why = core->why_waiting(job);
    EXPECT_EQ(why.what, blocker::kind::worker_resource);
    EXPECT_EQ(core->holders(why, 5), (std::pair{std::vector{last.invocation}, std::uint64_t{1}}));
    const auto groups = core->all_waiting(job);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].tasks, 5U);
    EXPECT_EQ(groups[0].why.place, "w0");
}

TEST_F(engine_test, says_who_holds_a_place_that_its_node_has_moved_from) {
    make();
    add_worker(0, "x");
    add_job("j");
    start();
    for (auto& node : declared)
        if (node.name == "h2a") node.parents = {"h1"};
    nodes = build_forest({"host", "db"}, declared).nodes;
    core->set_forest(nodes);
    const auto job = *core->find_job(job_id{"j"});
    core->add_pending(job, std::vector{*nodes->find("h2b")});
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_EQ(core->holders(core->why_waiting(job), 5).second, 2U);
}

TEST_F(engine_test, a_task_that_only_fits_a_worker_that_is_away_waits_for_it) {
    make();
    add_worker(0, "x", {{"cpu", 4}});
    add_worker(1, "x", {{"cpu", 16}});
    core->set_accepting(worker_index{1}, false);
    const auto job = add_job("j", 1, {{"cpu", 9}});
    EXPECT_THAT(start(), IsEmpty());
    const auto why = core->why_waiting(job);
    EXPECT_FALSE(why.forever());
    EXPECT_THAT(to_string(why), HasSubstr("one that does is away"));
    core->erase_worker(worker_index{1});
    EXPECT_TRUE(core->why_waiting(job).forever());
}

TEST_F(engine_test, a_lost_worker_gives_its_slots_back) {
    make();
    add_worker(0, "x");
    add_job("j");
    start();
    const auto lost = core->erase_worker(worker_index{0});
    EXPECT_EQ(lost.size(), 4U);
    EXPECT_EQ(core->running_count(), 0U);
    EXPECT_EQ(core->used(*nodes->find("h1"))[0], 0);
}

TEST_F(engine_test, adopted_tasks_hold_slots_even_over_the_limit) {
    make();
    add_worker(0, "x");
    core->put_job([] {
        job_spec s;
        s.name = job_id{"j"};
        s.level = "db";
        return s;
    }());
    for (std::uint64_t i = 0; i < 3; ++i)
        core->adopt(invocation_id{100 + i},
                    {job_id{"j"}, {std::string{"h1"} + "abc"[i], "h1", "instance"}, worker_index{0}});
    EXPECT_EQ(core->used(*nodes->find("h1"))[0], 3);
    add_job("j");
    EXPECT_THAT(start(), ElementsAre("j:h2c", "j:h2a"));
    EXPECT_GT(last.invocation, invocation_id{102});
}

TEST_F(engine_test, what_waits_looks_again_when_there_is_more_or_a_job_asks_for_less) {
    make();
    add_worker(0, "x");
    add_job("j");
    EXPECT_EQ(start().size(), 4U);
    EXPECT_THAT(start(), IsEmpty());
    resources.by_level["host"].front().limit = 3;
    core->set_resources(resources);
    EXPECT_THAT(start(), UnorderedElementsAre("j:h1b", "j:h2b"));
    for (std::uint64_t i = 1; i <= 6; ++i) core->finish(invocation_id{i});
    const auto job = add_job("j", 1, {{resources.by_level["host"].front().name, 2}});
    EXPECT_EQ(start().size(), 2U);
    EXPECT_THAT(start(), IsEmpty());
    job_spec less;
    less.name = job_id{"j"};
    less.level = "db";
    EXPECT_EQ(core->put_job(less), job);
    EXPECT_EQ(core->pending_count(), 4U);
    EXPECT_EQ(start().size(), 2U);
    EXPECT_THAT(start(), IsEmpty());
}

TEST_F(engine_test, a_job_that_wants_another_host_no_longer_waits_for_the_one_before) {
    make();
    add_worker(0, "x");
    job_spec spec;
    spec.name = job_id{"j"};
    spec.level = "db";
    spec.host_placement = "y";
    offer(spec);
    EXPECT_THAT(start(), IsEmpty());
    spec.host_placement = "x";
    core->put_job(spec);
    EXPECT_EQ(start().size(), 4U);
}

TEST_F(engine_test, a_worker_that_comes_with_tasks_has_so_much_less_for_others) {
    resources.by_level["host"].clear();
    make();
    for (std::uint64_t i = 0; i < 2; ++i)
        core->adopt(invocation_id{100 + i},
                    {job_id{"gone"}, {i == 0 ? "h1a" : "h1b", "h1", "instance"}, worker_index{0}},
                    job_demands{{}, {{"cpu", 4}}});
    add_worker(0, "x");
    add_job("j");
    EXPECT_EQ(start().size(), 2U);
    EXPECT_TRUE(core->finish(invocation_id{100}));
    EXPECT_EQ(start().size(), 4U);
}

class partition_test : public engine_test {
protected:
    void make_part() {
        resources.by_level["host"].clear();
        resources.by_level[instance_level] = {{"all", 6, 1, 0}};
        // As many parts as it takes for the two hosts to be in different ones.
        std::uint32_t count = 2;
        const auto part_of = [&](const char* host) { return partition_of(*nodes, *nodes->find(host), count); };
        while (part_of("h1") == part_of("h2")) ++count;
        of_h2 = part_of("h2");
        core.emplace(options, invocation_id::first_of_epoch(1), partition{part_of("h1"), count});
        core->set_resources(resources);
        core->set_forest(nodes);
    }
    std::vector<std::int64_t> slots(std::int64_t count) { return {count}; }
    std::uint32_t of_h2 = 0;
};

TEST_F(partition_test, nothing_starts_beyond_what_is_leased) {
    make_part();
    add_worker(0, "x");
    add_job("j");
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_TRUE(core->lacks_leases());
    ASSERT_EQ(core->claims(10, 10).size(), 1U);
    EXPECT_EQ(core->claims(10, 10)[0].tasks, 6U);
    core->lease_instance(slots(3));
    EXPECT_THAT(start(), IsEmpty()) << "the worker is not leased";
    core->lease_worker(worker_index{0}, slots(10));
    EXPECT_EQ(start().size(), 3U);
    core->lease_instance(slots(1));
    const auto running = core->held_by(worker_index{0});
    EXPECT_TRUE(core->finish(running[0]));
    EXPECT_TRUE(core->finish(running[1]));
    EXPECT_THAT(start(), IsEmpty()) << "what runs is still more than the lease, or all of it";
    EXPECT_TRUE(core->finish(running[2]));
    EXPECT_EQ(start().size(), 1U);
}

TEST_F(partition_test, what_can_never_start_or_has_all_there_is_claims_nothing) {
    make_part();
    add_worker(0, "x");
    add_job("j", 1, {{"all", 7}});
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_THAT(core->claims(10, 10), IsEmpty());
    add_job("k");
    core->lease_instance(slots(6));
    core->lease_worker(worker_index{0}, slots(10));
    EXPECT_EQ(start().size(), 6U);
    add_job("l");
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_THAT(core->claims(10, 10), IsEmpty()) << "its own tasks have all slots";
}

TEST_F(partition_test, claims_for_hosts_are_as_old_as_the_wait_for_each) {
    make_part();
    resources.by_level[instance_level].clear();
    core->set_resources(resources);
    for (std::uint32_t w = 0; w < 2; ++w) add_worker(w, w == 0 ? "h1" : "h2");
    job_spec spec;
    spec.name = job_id{"j"};
    spec.level = "db";
    spec.level_for_host_placement = "host";
    offer(spec);
    EXPECT_THAT(start(), IsEmpty());
    auto before = core->claims(10, 10);
    ASSERT_EQ(before.size(), 2U);
    EXPECT_THAT(core->claims(10, 1), ElementsAre(before[0])) << "the oldest";
    const auto first = before[0].host == "h1" ? worker_index{0} : worker_index{1};
    core->lease_worker(first, slots(1));
    EXPECT_EQ(start().size(), 1U);
    const auto after = core->claims(10, 10);
    ASSERT_EQ(after.size(), 2U);
    EXPECT_EQ(after[0].host, before[1].host);
    EXPECT_EQ(after[0].served, before[1].served) << "a start on one host is no turn for the other";
    EXPECT_EQ(after[1].host, before[0].host);
}

TEST_F(partition_test, what_runs_on_nodes_of_another_part_is_told_without_what_all_share) {
    make_part();
    add_worker(0, "x");
    core->adopt(invocation_id{7}, {job_id{"j"}, {"h2a", "h2", "instance"}, worker_index{0}},
                job_demands{{{"instance", {{"all", 1}}}, {"host", {{"host_slots", 1}}}}, {{"cpu", 1}}});
    const auto told = core->held_elsewhere();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].partition, of_h2);
    EXPECT_THAT(told[0].task.path, ElementsAre("h2a", "h2", "instance"));
    EXPECT_EQ(told[0].demands, (job_demands{{{"host", {{"host_slots", 1}}}}, {}}));
    EXPECT_EQ(core->held_elsewhere(invocation_id{7}).size(), 1U);
}

TEST_F(engine_test, adopted_tasks_hold_what_they_were_started_with_though_their_job_is_gone_or_takes_other_amounts) {
    make();
    add_worker(0, "x");
    add_job("j");
    const auto slots_of_h1 = [&] { return core->used(*nodes->find("h1"))[0]; };
    const job_demands two{{{"instance", {}}, {"host", {{"host_slots", 2}}}}, {}};
    core->adopt(invocation_id{100}, {job_id{"gone"}, {"h1a", "h1", "instance"}, worker_index{0}}, two);
    EXPECT_EQ(slots_of_h1(), 2);
    core->adopt(invocation_id{101}, {job_id{"j"}, {"h1b", "h1", "instance"}, worker_index{0}}, two);
    EXPECT_EQ(slots_of_h1(), 4);
    core->adopt(invocation_id{102}, {job_id{"j"}, {"h1c", "h1", "instance"}, worker_index{0}}, job_demands{});
    EXPECT_EQ(slots_of_h1(), 4);
    EXPECT_THAT(start(), ElementsAre("j:h2c", "j:h2a"));
    for (std::uint64_t id : {100, 101, 102}) EXPECT_TRUE(core->finish(invocation_id{id}));
    EXPECT_EQ(slots_of_h1(), 0);
}

TEST_F(engine_test, a_disabled_scheduler_starts_nothing) {
    options.enabled = false;
    make();
    add_worker(0, "x");
    const auto job = add_job("j");
    EXPECT_THAT(start(), IsEmpty());
    EXPECT_EQ(core->why_waiting(job).what, blocker::kind::scheduler_disabled);
    options.enabled = true;
    core->set_options(options);
    EXPECT_EQ(start().size(), 4U);
}

TEST_F(engine_test, ranked_priority_decides_between_jobs) {
    options.policy = policy_kind::ranked_priority;
    make();
    add_worker(0, "x", {{"cpu", 2}});
    add_job("low", 1);
    add_job("high", 2);
    EXPECT_THAT(start(), ElementsAre("high:h1c", "high:h1a"));
}

TEST_F(engine_test, names_what_a_task_takes) {
    make();
    add_worker(0, "x");
    const auto demands = core->demands_of(add_job("j"));
    ASSERT_EQ(demands.nodes.size(), 3U) << "instance, host, db";
    EXPECT_EQ(demands.nodes[1].first, "host");
    EXPECT_EQ(demands.nodes[1].second, (amounts{{"host_slots", 1}}));
    EXPECT_EQ(demands.worker, (amounts{{"cpu", 1}}));
}

}  // namespace
}  // namespace bistro
