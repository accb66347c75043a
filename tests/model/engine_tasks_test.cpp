// Which tasks of a job the engine takes, and in which order.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/engine/engine.hpp"

namespace bistro {
namespace {

// So many hosts of one slot, with so many databases each.
forest_ptr hosts_with_databases(std::size_t hosts, std::size_t databases) {
    std::vector<node_decl> nodes;
    for (std::size_t h = 0; h < hosts; ++h) {
        nodes.push_back({"h" + std::to_string(h), "host", {}, {}, true, false});
        for (std::size_t d = 0; d < databases; ++d)
            nodes.push_back({"h" + std::to_string(h) + "d" + std::to_string(d),
                             "db",
                             {nodes[h * (databases + 1)].name},
                             {},
                             true,
                             false});
    }
    return build_forest({"host", "db"}, nodes).nodes;
}

std::vector<node_index> all_databases(const forest& nodes) {
    std::vector<node_index> result;
    for (auto i = nodes.first_of(nodes.innermost()).value; i < nodes.size(); ++i) result.emplace_back(i);
    return result;
}

class engine_tasks_test : public ::testing::Test {
protected:
    void make(forest_ptr forest) {
        nodes = std::move(forest);
        resource_table resources;
        resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
        core.set_resources(resources);
        core.set_forest(nodes);
        core.put_worker(worker_index{0}, {shard_name{"w"}, "x", {}});
    }
    job_index put(const std::string& name) {
        job_spec spec;
        spec.name = job_id{name};
        spec.level = "db";
        return core.put_job(spec);
    }

    forest_ptr nodes;
    engine core{{}, invocation_id{1}};
};

TEST_F(engine_tasks_test, a_task_that_runs_is_left_out_though_nobody_asked_for_long) {
    make(hosts_with_databases(3, 1));
    const auto job = put("j");
    const auto tasks = all_databases(*nodes);
    core.add_pending(job, std::vector{tasks[0]});
    const auto lasting = core.start(10);
    ASSERT_EQ(lasting.size(), 1U);
    const auto other = put("other");
    for (int round = 0; round < 3; ++round) {
        core.add_pending(job, tasks);  // asks what runs
        core.remove_pending(job, tasks);
        for (int i = 0; i < 1000; ++i) {  // so that what was known of it is given up
            core.add_pending(other, std::vector{tasks[1]});
            const auto started = core.start(10);
            ASSERT_EQ(started.size(), 1U);
            ASSERT_TRUE(core.finish(started[0].invocation));
        }
        core.add_pending(job, tasks);
        EXPECT_FALSE(core.is_pending(job, tasks[0]));
        EXPECT_TRUE(core.is_pending(job, tasks[1]));
        EXPECT_EQ(core.sanity_check(), "");
        core.remove_pending(job, tasks);
    }
    EXPECT_TRUE(core.finish(lasting[0].invocation));
    core.add_pending(job, tasks);
    EXPECT_TRUE(core.is_pending(job, tasks[0]));
}

// With 2,500 hosts each of 25 databases is expected to come first on 100 of them, give or take 10; and where one comes
// first for a job tells nothing of another job.
TEST_F(engine_tasks_test, the_order_by_chance_prefers_no_place_and_is_another_for_each_job) {
    constexpr std::size_t hosts = 2500;
    constexpr std::size_t databases = 25;
    make(hosts_with_databases(hosts, databases));
    std::vector<std::vector<std::size_t>> first_of_job;
    for (const std::string name : {"a", "b"}) {
        const auto job = put(name);
        core.add_pending(job, all_databases(*nodes));
        auto& first = first_of_job.emplace_back(hosts);
        std::vector<std::size_t> times(databases);
        const auto started = core.start(2 * hosts);
        ASSERT_EQ(started.size(), hosts);
        for (const auto& d : started) {
            const auto place = nodes->place_of(d.node, 0);
            first[d.path[1].value - nodes->first_of(level_index{1}).value] = place;
            ++times[place];
            core.finish(d.invocation);
        }
        core.clear_pending(job);
        for (std::size_t place = 0; place < databases; ++place) {
            EXPECT_GT(times[place], 50U) << name << ' ' << place;
            EXPECT_LT(times[place], 150U) << name << ' ' << place;
        }
    }
    std::size_t same = 0;
    for (std::size_t h = 0; h < hosts; ++h) same += first_of_job[0][h] == first_of_job[1][h] ? 1 : 0;
    EXPECT_GT(same, 50U);
    EXPECT_LT(same, 150U);
}

}  // namespace
}  // namespace bistro
