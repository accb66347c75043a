#include "model/simulation.hpp"

#include <gtest/gtest.h>

#include <set>

namespace bistro {
namespace {

class simulation_test : public ::testing::Test {
protected:
    simulation_test() {
        std::vector<node_decl> declared;
        for (int h = 0; h < 2; ++h) {
            declared.push_back({"h" + std::to_string(h), "host", {}, {}, true, false});
            for (int d = 0; d < 5; ++d)
                declared.push_back({"h" + std::to_string(h) + ":" + std::to_string(d),
                                    "db",
                                    {"h" + std::to_string(h)},
                                    {},
                                    true,
                                    false});
        }
        nodes = build_forest({"host", "db"}, declared).nodes;
        resources.by_level["host"] = {{"slots", 1, 1, 0}};
        simulation.duration = {duration_distribution::constant, 0, 0, 1.0};
        first.name = job_id{"first"};
        first.level = "db";
        first.backoff = {{1}, backoff_policy::ending::repeat};
    }
    simulation_report run(const std::vector<job_spec>& jobs) {
        events.clear();
        return simulate(options, resources, nodes, jobs, simulation, [&](const event& e) { events.push_back(e); });
    }

    engine_options options;
    resource_table resources;
    forest_ptr nodes;
    simulation_options simulation;
    job_spec first;
    std::vector<event> events;
};

TEST_F(simulation_test, five_tasks_on_each_of_two_hosts_one_at_a_time_take_five_durations) {
    const auto report = run({first});
    EXPECT_EQ(report.makespan_ms, 5'000);
    EXPECT_TRUE(report.all_done());
    ASSERT_EQ(report.usages.size(), 1U);
    EXPECT_DOUBLE_EQ(report.usages[0].utilisation, 1.0);
    EXPECT_EQ(report.attempts, 10U);
}

TEST_F(simulation_test, events_are_numbered_and_in_order_of_time) {
    run({first});
    std::uint64_t seq = 0;
    time_ms time = 0;
    EXPECT_EQ(std::count_if(events.begin(), events.end(),
                            [](const event& e) { return e.kind == event_kind::nodes_changed && e.count > 0; }),
              1);
    for (const auto& e : events) {
        EXPECT_EQ(e.seq, ++seq);
        EXPECT_GE(e.at_ms, time);
        time = e.at_ms;
    }
}

TEST_F(simulation_test, a_job_that_waits_for_another_starts_after_it) {
    auto second = first;
    second.name = job_id{"second"};
    second.level = "host";
    second.resources["slots"] = 0;
    second.run_only_after_all_nodes_are_done_for = {job_id{"first"}};
    const auto report = run({second, first});
    EXPECT_TRUE(report.all_done());
    EXPECT_EQ(report.makespan_ms, 6'000);
}

TEST_F(simulation_test, errors_are_tried_again_after_their_backoff) {
    simulation.error_rate = 0.3;
    const auto report = run({first});
    EXPECT_TRUE(report.all_done());
    EXPECT_EQ(report.attempts, 10 + report.errors);
    EXPECT_GT(report.errors, 0U);
}

TEST_F(simulation_test, what_never_ends_is_given_up) {
    simulation.error_rate = 1;
    first.backoff = {{1}, backoff_policy::ending::repeat};
    const auto report = run({first});
    EXPECT_TRUE(report.unfinished);
    EXPECT_LT(report.attempts, 100'000U);
}

TEST_F(simulation_test, the_seed_decides_everything) {
    simulation.duration = {duration_distribution::uniform, 0, 2, 0};
    simulation.seed = 5;
    const auto once = run({first}).makespan_ms;
    EXPECT_EQ(run({first}).makespan_ms, once);
    simulation.seed = 6;
    EXPECT_NE(run({first}).makespan_ms, once);
}

TEST_F(simulation_test, what_can_never_run_is_left_over_with_its_reason) {
    first.resources["slots"] = 2;
    const auto report = run({first});
    EXPECT_FALSE(report.all_done());
    EXPECT_NE(report.jobs[0].waiting.find("can never start"), std::string::npos);
    EXPECT_EQ(report.makespan_ms, 0);
}

}  // namespace
}  // namespace bistro
