// A task table over a small forest, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "model/task_table.hpp"

namespace bistro::test {

inline job_spec simple_job(std::string name = "job") {
    job_spec spec;
    spec.name = job_id{std::move(name)};
    spec.owner = "test";
    spec.command = {"true"};
    spec.level = "db";
    spec.backoff = {{10}, backoff_policy::ending::fail};
    return spec;
}

inline forest_ptr two_hosts(bool second_enabled = true, std::uint64_t version = 1) {
    std::vector<node_decl> nodes;
    for (const std::string host : {"h1", "h2"}) {
        node_decl h;
        h.name = host;
        h.level = "host";
        h.enabled = host == "h1" || second_enabled;
        nodes.push_back(h);
        for (const std::string db : {"a", "b"}) {
            node_decl d;
            d.name = host + ":" + db;
            d.level = "db";
            d.parents = {host};
            nodes.push_back(d);
        }
    }
    return build_forest({"host", "db"}, nodes, version).nodes;
}

class table_test : public ::testing::Test {
protected:
    explicit table_test(job_spec spec = simple_job()) : table{std::move(spec)} { table.set_forest(two_hosts(), now); }

    std::vector<std::string> names(const std::vector<node_index>& nodes) {
        std::vector<std::string> result;
        for (auto n : nodes) result.emplace_back(table.nodes()->name(n));
        return result;
    }
    void start(std::uint64_t id, const std::string& node) {
        table.started(invocation_id{id}, {node_id{node}, "w", now}, now);
    }
    std::optional<status_change> end(std::uint64_t id, attempt_result result) {
        attempt_end e;
        e.invocation = invocation_id{id};
        e.result = result;
        e.ended_ms = now;
        return table.ended(e);
    }
    void run(std::uint64_t id, const std::string& node, attempt_result result) {
        start(id, node);
        ASSERT_TRUE(end(id, result));
        table.made_durable(invocation_id{id}, now);
    }
    void TearDown() override { EXPECT_EQ(table.sanity_check(), ""); }

    time_ms now = 1'000'000;
    task_table table;
};

}  // namespace bistro::test
