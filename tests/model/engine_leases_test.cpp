// What an engine with a part of the forest claims, and that only a start makes a claim a new one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/engine.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;

class engine_leases_test : public ::testing::Test {
protected:
    // The instance and the worker have six slots each; the nodes below are of this part.
    engine_leases_test() {
        resource_table resources;
        resources.by_level[instance_level] = {{"all", 6, 1, 0}};
        resources.by_level[worker_level] = {{"cpu", 6, 1, 1}};
        const auto whole = build_forest({"host"}, {{"h", "host", {}, {}, true, false}}).nodes;
        core.emplace(engine_options{}, invocation_id::first_of_epoch(1),
                     partition{partition_of(*whole, *whole->find("h"), 2), 2});
        std::vector<node_decl> declared{{"h", "host", {}, {}, true, false}};
        for (const std::string db : {"a", "b", "c", "d", "e", "f"})
            declared.push_back({db, "db", {"h"}, {}, true, false});
        nodes = build_forest({"host", "db"}, declared).nodes;
        core->set_resources(resources);
        core->set_forest(nodes);
        core->put_worker(worker_index{0}, {shard_name{"w"}, "x", {}});
    }
    void lease(std::int64_t instance, std::int64_t worker) {
        core->lease_instance(std::array{instance});
        core->lease_worker(worker_index{0}, std::array{worker});
    }

    forest_ptr nodes;
    std::optional<engine> core;
};

TEST_F(engine_leases_test, a_lease_of_the_instance_that_comes_and_goes_while_no_worker_has_room_is_no_start) {
    job_spec spec;
    spec.name = job_id{"j"};
    spec.level = "db";
    spec.host_placement = "x";
    const auto job = core->put_job(spec);
    std::vector<node_index> tasks;
    for (const char* db : {"a", "b", "c", "d", "e", "f"}) tasks.push_back(*nodes->find(db));
    core->add_pending(job, tasks);
    lease(2, 2);
    ASSERT_EQ(core->start(10).size(), 2U);
    lease(3, 2);  // now the worker's slots are what it lacks
    EXPECT_TRUE(core->start(10).empty());
    const auto before = core->claims(10, 10);
    ASSERT_EQ(before.size(), 1U);
    EXPECT_EQ(before[0].tasks, 4U);
    for (int round = 0; round < 3; ++round)
        for (const std::int64_t instance : {2, 3}) {
            lease(instance, 2);
            EXPECT_TRUE(core->start(10).empty());
            EXPECT_THAT(core->claims(10, 10), ElementsAre(before[0])) << "of " << instance << " slots";
        }
}

}  // namespace
}  // namespace bistro
