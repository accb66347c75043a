#include "model/node_shares.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

forest_ptr nodes_of_two_hosts() {
    return build_forest({"host", "db"}, {{"h1", "host", {}, {}, true, false},
                                         {"h2", "host", {}, {}, true, false},
                                         {"a", "db", {"h1"}, {}, true, false},
                                         {"b", "db", {"h1"}, {}, true, false},
                                         {"c", "db", {"h2"}, {}, true, false},
                                         {"d", "db", {"h2"}, {}, false, false},
                                         {"e", "db", {"h2", "h1"}, {}, true, false}})
        .nodes;
}

TEST(node_shares, each_child_has_the_tasks_below_it) {
    job_spec job;
    job.name = job_id{"j"};
    job.level = "db";
    task_table table{job};
    EXPECT_TRUE(shares_below(table, forest::instance()).empty()) << "no forest yet";
    const auto nodes = nodes_of_two_hosts();
    table.set_forest(nodes, 0);
    task_status status;
    status.state = task_state::done;
    table.restore(node_id{"a"}, status, 0);
    status.state = task_state::failed;
    table.restore(node_id{"c"}, status, 0);
    table.started(invocation_id{1}, {node_id{"b"}, "w", 0}, 0);
    const auto hosts = shares_below(table, forest::instance());
    ASSERT_EQ(hosts.size(), 2U);
    EXPECT_EQ(hosts[0], (node_share{2, 1, 1, 0, 0}));
    EXPECT_EQ(hosts[1], (node_share{2, 0, 0, 1, 1})) << "a disabled node is none, a replica is below its first parent";
    const auto dbs = shares_below(table, *nodes->find("h1"));
    ASSERT_EQ(dbs.size(), 3U) << "the replica is a child of both";
    EXPECT_EQ(dbs[0], (node_share{1, 1, 0, 0, 0}));
    EXPECT_EQ(dbs[2], (node_share{})) << "and counted below the other";
    EXPECT_TRUE(shares_below(table, *nodes->find("a")).empty());
    const auto levels = shares_by_level(table);
    ASSERT_EQ(levels.size(), 3U);
    EXPECT_EQ(levels[0], (level_share{"instance", {1, 0, 0, 1, 0}}));
    EXPECT_EQ(levels[1], (level_share{"host", {2, 0, 1, 1, 0}})) << "what waits counts below both parents";
    EXPECT_EQ(levels[2], (level_share{"db", {4, 1, 1, 1, 1}}));
    node_share sum;
    sum += hosts[0];
    sum += hosts[1];
    EXPECT_EQ(sum, (node_share{4, 1, 1, 1, 1}));
}

}  // namespace
}  // namespace bistro
