#include "model/histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bistro {
namespace {

TEST(histogram, sets_of_bits_as_digits) {
    EXPECT_EQ(bits_text(0), "A");
    EXPECT_EQ(bits_text(bit_done), "E");
    EXPECT_EQ(bits_text(63), "_");
    EXPECT_EQ(bits_text(bit_in_backoff), "AB") << "the low six bits first";
    EXPECT_EQ(bits_text(bit_error | bit_in_backoff | bit_overwriteable), "gR");
}

TEST(histogram, a_tasks_bits) {
    EXPECT_EQ(bits_of(task_situation::ready, {}), bit_unstarted);
    EXPECT_EQ(bits_of(task_situation::filtered_out, {}), bit_unstarted | bit_avoided);
    EXPECT_EQ(bits_of(task_situation::node_disabled, {}), bit_unstarted | bit_disabled);
    task_status status;
    status.state = task_state::error;
    EXPECT_EQ(bits_of(task_situation::running, status), bit_running);
    EXPECT_EQ(bits_of(task_situation::backoff, status), bit_error | bit_in_backoff);
    status.synthetic = true;
    EXPECT_EQ(bits_of(task_situation::ready, status), bit_error | bit_overwriteable);
    status = {};
    status.state = task_state::incomplete;
    EXPECT_EQ(bits_of(task_situation::backoff, status), bit_incomplete | bit_in_backoff | bit_not_advanced);
}

TEST(histogram, an_inner_node_has_the_bits_of_all_below_it) {
    job_spec job;
    job.name = job_id{"j"};
    job.level = "db";
    task_table table{job};
    EXPECT_TRUE(histogram_of(table, 1).empty());
    const auto nodes = build_forest({"host", "db", "part"}, {{"h1", "host", {}, {}, true, false},
                                                             {"h2", "host", {}, {}, true, false},
                                                             {"a", "db", {"h1"}, {}, true, false},
                                                             {"b", "db", {"h1"}, {}, true, false},
                                                             {"c", "db", {"h2"}, {}, true, false},
                                                             {"d", "db", {"h2"}, {}, false, false},
                                                             {"p", "part", {"a"}, {}, true, false}});
    table.set_forest(nodes.nodes, 0);
    task_status done;
    done.state = task_state::done;
    table.restore(node_id{"a"}, done, 0);
    table.started(invocation_id{1}, {node_id{"b"}, "w", 0}, 0);
    const auto all = histogram_of(table, 1);
    ASSERT_EQ(all.size(), 3U) << "the level below the tasks is none of the job's";
    EXPECT_EQ(all.at("db").at(bit_done).count, 1U);
    EXPECT_EQ(all.at("db").at(bit_running).samples, std::vector<std::string>{"b"});
    EXPECT_EQ(all.at("host").at(bit_done | bit_running).samples, std::vector<std::string>{"h1"});
    EXPECT_EQ(all.at("host").at(bit_unstarted | bit_disabled).count, 1U);
    EXPECT_EQ(all.at("instance").at(bit_unstarted | bit_disabled | bit_done | bit_running).count, 1U);
}

TEST(histogram, pages_of_tasks_begin_behind_any_of_them) {
    job_spec job;
    job.name = job_id{"j"};
    job.level = "db";
    task_table table{job};
    const auto nodes = build_forest({"db"}, {{"a", "db", {}, {}, true, false}, {"b", "db", {}, {}, true, false}});
    task_status done;
    done.state = task_state::done;
    for (const char* gone : {"x", "y"}) table.restore(node_id{gone}, done, 0);
    table.set_forest(nodes.nodes, 0);
    const auto behind = [&](const char* node) {
        std::string names;
        table.visit_behind(node_id{node}, [&](const node_id& n, const task_status&, task_situation) {
            names += n.value;
            return true;
        });
        return names;
    };
    EXPECT_EQ(behind(""), "abxy");
    EXPECT_EQ(behind("a"), "bxy");
    EXPECT_EQ(behind("b"), "xy");
    EXPECT_EQ(behind("x"), "y");
    EXPECT_EQ(behind("y"), "");
    std::size_t seen = 0;
    table.visit_behind({}, [&](const node_id&, const task_status&, task_situation) { return ++seen < 2; });
    EXPECT_EQ(seen, 2U);
}

}  // namespace
}  // namespace bistro
