// What jobs tell a resource pool of nodes that change, and of other rules.
#include <gmock/gmock.h>

#include "tests/support/pool_fixture.hpp"

namespace bistro {
namespace {

using test::pool_test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(pool_test, what_waits_goes_on_waiting_with_what_it_is_handed_when_nodes_change) {
    make_pool();
    send_nodes({"a", "b", "c"});
    say(forest, {"b", "c"}, {}, true);
    send_without("a");
    send_one_more("d");
    send_worker({});
    EXPECT_THAT(started, UnorderedElementsAre("b", "c"));
    EXPECT_THAT(handed, UnorderedElementsAre("\"of b\"", "\"of c\""));
}

TEST_F(pool_test, what_a_job_says_of_an_earlier_forest_is_understood) {
    make_pool();
    send_nodes({"a", "b", "c"});
    const auto earlier = forest;
    say(earlier, {"b"}, {}, true);
    send_without("a");
    send_without("b");
    say(earlier, {"a", "c"}, {});
    send_worker({});
    EXPECT_THAT(started, ElementsAre("c")) << "the others are gone";
    EXPECT_THAT(handed, ElementsAre("\"of c\""));
}

TEST_F(pool_test, what_is_withdrawn_of_an_earlier_forest_does_not_start) {
    make_pool();
    send_nodes({"a", "b", "c"});
    const auto earlier = forest;
    say(earlier, {"b", "c"}, {}, true);
    send_without("a");
    say(earlier, {}, {"b"});
    send_worker({});
    EXPECT_THAT(started, ElementsAre("c"));
}

TEST_F(pool_test, a_job_that_is_too_far_behind_is_asked_to_say_it_all_again) {
    make_pool();
    send_nodes({"a", "b"});
    const auto earlier = forest;
    for (std::size_t i = 0; i <= forest_history::most_changes; ++i) send_one_more("n" + std::to_string(i));
    say(earlier, {"a"}, {}, true);
    EXPECT_EQ(asked_again, 0U) << "it will speak of this forest, too";
    say(forest, {"n0"}, {});
    EXPECT_EQ(asked_again, 1U);
    say(forest, {"n1"}, {});
    EXPECT_EQ(asked_again, 1U) << "the answer is to come";
    say(earlier, {"a", "b"}, {}, true);
    say(forest, {"n1"}, {});
    EXPECT_EQ(asked_again, 2U) << "the answer was of a forest too long ago";
    say(forest, {"a", "n0", "n1"}, {}, true);
    say(forest, {"n2"}, {});
    EXPECT_EQ(asked_again, 2U);
    send_worker({});
    EXPECT_THAT(started, UnorderedElementsAre("a", "n0", "n1", "n2"));
}

TEST_F(pool_test, a_job_says_all_of_a_forest_that_was_built_anew_or_is_asked_to) {
    make_pool();
    send_nodes({"a", "b"});
    say(forest, {"a"}, {}, true);
    send_nodes({"a", "b"});
    say(forest, {"b"}, {});
    EXPECT_EQ(asked_again, 1U);
    say(forest, {"a", "b"}, {}, true);
    send_worker({});
    EXPECT_THAT(started, UnorderedElementsAre("a", "b"));
}

TEST_F(pool_test, a_job_with_other_rules_says_what_may_start_under_them) {
    make_pool();
    send_nodes({"a", "b"});
    say(forest, {"a", "b"}, {}, true);
    auto job = simple_job();
    job.depends_on = {job_id{"other"}};
    const auto before = rules;
    send_job(job);
    send_worker({});
    say(forest, {"b"}, {});
    const auto now = std::exchange(rules, before);
    say(forest, {"a", "b"}, {}, true);
    EXPECT_THAT(started, IsEmpty()) << "said before the job knew of its new rules";
    rules = now;
    say(forest, {"a"}, {}, true);
    EXPECT_THAT(started, ElementsAre("a"));
}

TEST_F(pool_test, what_was_ready_in_an_earlier_forest_must_pass_its_filters_in_this_one) {
    make_pool();
    auto job = simple_job();
    job.filters["host"].tag_whitelist = {"fast"};
    send_job(job);
    forest =
        build_forest({"host"}, {{"a", "host", {}, {"fast"}, true, false}, {"b", "host", {}, {"fast"}, true, false}},
                     ++version)
            .nodes;
    caf::anon_send(pool, nodes_changed{forest, {}});
    run();
    const auto earlier = forest;
    say(earlier, {}, {}, true);
    forest = change_forest(forest, {{}, {}, {{"a", "host", {}, {"slow"}, true, false}}}, ++version);
    caf::anon_send(pool, nodes_changed{forest, {}});
    say(earlier, {"a", "b"}, {});
    send_worker({});
    EXPECT_THAT(started, ElementsAre("b"));
}

TEST_F(pool_test, what_waits_for_whole_jobs_waits_for_their_word_when_nodes_change) {
    make_pool();
    send_nodes({"a"});
    auto job = simple_job();
    job.run_only_after_all_nodes_are_done_for = {job_id{"other"}};
    send_job(job);
    say(forest, {"a"}, {}, true);
    const auto earlier = forest;
    send_one_more("b");
    send_worker({});
    EXPECT_THAT(started, IsEmpty());
    say(earlier, {"a"}, {}, true);
    EXPECT_THAT(started, IsEmpty()) << "said before the job knew of the other node";
    say(forest, {"a"}, {}, true);
    EXPECT_THAT(started, ElementsAre("a"));
}

class dependent_pool_test : public pool_test {
protected:
    // A pool with a job that depends on another; all of its tasks may start.
    void make_dependent() {
        make_pool();
        send_nodes({"a", "b"});
        auto job = simple_job();
        job.depends_on = {job_id{"other"}};
        send_job(job);
        say(forest, {"a", "b"}, {}, true);
    }
    void alter(const std::string& name, std::vector<node_decl> added = {}) {
        forest = change_forest(forest, {{}, std::move(added), {{name, "host", {}, {"tag"}, true, false}}}, ++version);
        caf::anon_send(pool, nodes_changed{forest, {}});
    }
};

TEST_F(dependent_pool_test, waits_for_a_word_where_the_node_is_altered) {
    make_dependent();
    const auto earlier = forest;
    alter("a", {{"c", "host", {}, {}, true, false}, {"d", "host", {}, {}, true, false}});
    send_worker({});
    EXPECT_THAT(started, ElementsAre("b"));
    say(earlier, {"a"}, {});
    EXPECT_THAT(started, ElementsAre("b")) << "said before the other job said so of the altered node";
    EXPECT_EQ(asked_again, 0U) << "it will speak of this forest, too";
    say(forest, {"c"}, {});
    EXPECT_EQ(asked_again, 1U) << "for some of what it had said is lost";
    say(forest, {"a", "d"}, {}, true);
    EXPECT_THAT(started, UnorderedElementsAre("b", "a", "d"));
}

TEST_F(dependent_pool_test, starts_nothing_while_a_word_was_not_understood) {
    make_dependent();
    const auto earlier = forest;
    alter("b");
    say(earlier, {}, {"a"});
    send_worker({});
    EXPECT_THAT(started, IsEmpty());
    say(forest, {}, {});
    EXPECT_EQ(asked_again, 1U);
}

}  // namespace
}  // namespace bistro
