#include "model/failure_groups.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

node_id node(int i) { return node_id{"db" + std::to_string(i)}; }

TEST(failure_groups, a_cause_leaves_out_what_differs_from_task_to_task) {
    EXPECT_EQ(cause_of("exit code 3", "db7"), "exit code 3");
    EXPECT_EQ(cause_of("exit code 3: cannot open /data/db7/x after 12.5 s, pid 4711", "db7"),
              "exit code 3: cannot open /data/{node}/x after #.# s, pid #");
    EXPECT_EQ(cause_of("", "db7"), "");
    EXPECT_EQ(cause_of("killed", ""), "killed");
}

TEST(failure_groups, a_name_is_left_out_only_where_it_is_meant) {
    EXPECT_EQ(cause_of("db exit: db and dbx, db7", "db"), "db exit: {node} and dbx, db#")
        << "as a word, in its own words";
    EXPECT_EQ(cause_of("exit code 3: 3 of 17 rows", "3"), "exit code 3: # of # rows")
        << "a number is one of the numbers";
    EXPECT_EQ(cause_of("exit code 1: /h1:db1/x", "h1:db1"), "exit code 1: /{node}/x");
}

TEST(failure_groups, a_cause_can_be_shown_and_typed_again) {
    EXPECT_EQ(cause_of("exit code 1: \033[31mred\033[0m\tand\r\x01 more", "n"), "exit code 1: red and more");
    EXPECT_EQ(cause_of(": refused by n", "n"), ": refused by {node}");
    EXPECT_EQ(cause_of("exit code 1: \033[3", "n"), "exit code 1: ") << "one that is cut off";
    const auto longest = cause_of("x" + std::string(2 * max_cause_bytes, 'y'), "n");
    EXPECT_EQ(longest.size(), max_cause_bytes);
    std::string wide = "x";
    for (std::size_t i = 0; i < max_cause_bytes; ++i) wide += "\u00e4";
    EXPECT_EQ(cause_of(wide, "n").size(), max_cause_bytes - 1) << "not within a character";
}

TEST(failure_groups, an_end_without_a_reason_has_its_state_for_a_cause) {
    failure_groups all;
    all.failed(node(1), "", true, 1);
    all.failed(node(2), "", false, 1);
    EXPECT_EQ(all.cause_of_task(node(1)), "failed");
    EXPECT_EQ(all.cause_of_task(node(2)), "error");
}

TEST(failure_groups, a_whole_cause_is_meant_alone) {
    failure_groups all;
    all.failed(node(1), "exit code 1", false, 1);
    all.failed(node(2), "exit code 12", false, 1);
    const failure_filter whole{"", "", "", "exit code 1"};
    EXPECT_TRUE((failure_matcher{whole, all}.matches(node(1), {})));
    EXPECT_FALSE((failure_matcher{whole, all}.matches(node(2), {})));
    all.cleared(node(1));
    EXPECT_FALSE((failure_matcher{whole, all}.matches(node(2), {}))) << "also when nothing has it any more";
}

TEST(failure_groups, an_expression_that_takes_too_long_is_told) {
    failure_groups all;
    const node_id name{std::string(100, 'a')};
    all.failed(name, "x", false, 1);
    const failure_filter slow{"", "^((a+)+)+b$", ""};
    EXPECT_EQ(slow.problem(), "");
    failure_matcher matcher{slow, all};
    EXPECT_FALSE(matcher.matches(name, {}));
    EXPECT_TRUE(matcher.gave_up());
}

TEST(failure_groups, tasks_of_one_cause_are_counted_together_the_most_first) {
    failure_groups all;
    for (int i = 1; i <= 7; ++i) all.failed(node(i), "exit code 1: no db" + std::to_string(i), i > 5, i);
    all.failed(node(8), "signal 9", true, 80);
    const auto groups = all.groups();
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[0].cause, "exit code 1: no {node}");
    EXPECT_EQ(groups[0].tasks, 7U);
    EXPECT_EQ(groups[0].for_good, 2U);
    EXPECT_EQ(groups[0].latest_ms, 7);
    EXPECT_EQ(groups[0].nodes, (std::vector<node_id>{node(1), node(2), node(3), node(4), node(5)}));
    EXPECT_EQ(groups[1].cause, "signal 9");
}

TEST(failure_groups, a_task_has_the_cause_of_its_last_failure_until_it_is_cleared) {
    failure_groups all;
    all.failed(node(1), "a", false, 1);
    all.failed(node(1), "b", false, 2);
    ASSERT_EQ(all.groups().size(), 1U);
    EXPECT_EQ(all.groups()[0].cause, "b");
    all.cleared(node(1));
    all.cleared(node(2));
    EXPECT_TRUE(all.empty());
    EXPECT_TRUE(all.groups().empty());
    all.failed(node(3), "c", false, 3);
    EXPECT_EQ(all.groups()[0].cause, "c") << "its place is used again";
}

TEST(failure_groups, causes_are_bounded) {
    failure_groups all;
    for (int i = 0; i < static_cast<int>(failure_groups::max_causes) + 10; ++i)
        all.failed(node(i), "cause " + std::to_string(i), false, i);
    const auto groups = all.groups();
    EXPECT_EQ(groups.size(), failure_groups::max_causes + 1);
    EXPECT_EQ(groups[0].cause, failure_groups::other_causes);
    EXPECT_EQ(groups[0].tasks, 10U);
}

TEST(failure_groups, a_filter_matches_by_part_of_the_cause_by_name_and_by_state) {
    failure_groups all;
    all.failed(node(1), "exit code 1: disk full", false, 1);
    all.failed(node(22), "exit code 1: no route", true, 1);
    task_status waits;
    waits.state = task_state::error;
    task_status failed;
    failed.state = task_state::failed;
    const auto matches = [&](const failure_filter& filter, int n, const task_status& status) {
        EXPECT_EQ(filter.problem(), "");
        return failure_matcher{filter, all}.matches(node(n), status);
    };
    EXPECT_TRUE(matches({"disk", "", ""}, 1, waits));
    EXPECT_FALSE(matches({"disk", "", ""}, 22, failed));
    EXPECT_TRUE(matches({"", "^db2", ""}, 22, failed));
    EXPECT_FALSE(matches({"", "^db2$", ""}, 22, failed));
    EXPECT_TRUE(matches({"", "", "failed"}, 22, failed));
    EXPECT_FALSE(matches({"", "", "failed"}, 1, waits));
    EXPECT_TRUE(matches({"", "", "backoff"}, 1, waits));
    EXPECT_FALSE(matches({"disk", "^db2", "failed"}, 22, failed));
    EXPECT_TRUE(matches({}, 1, waits));
    EXPECT_NE((failure_filter{"", "(", ""}).problem(), "");
    EXPECT_NE((failure_filter{"", "", "done"}).problem(), "");
}

}  // namespace
}  // namespace bistro
