// A scheduler with several pools, each with a part of the forest.
#include <gmock/gmock.h>

#include <set>

#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class partitions_test : public test::system_test {
protected:
    partitions_test() { partitions = 2; }

    void SetUp() override {
        // One of the names is in each partition.
        for (int i = 1; hosts[0].empty() || hosts[1].empty(); ++i) {
            const auto name = "host" + std::to_string(i);
            const auto nodes = build_forest({"host"}, {{name, "host", {}, {}, true, false}}).nodes;
            hosts.at(partition_of(*nodes, node_index{1}, 2)) = name;
        }
    }

    static std::string source(const std::string& host, const std::vector<std::string>& children) {
        std::string text = host + " = { children = [";
        for (const auto& child : children) text += "\"" + child + "\", ";
        return text + "] }\n";
    }
    // A config with these children of the two hosts.
    std::shared_ptr<const settings> config_with(const std::vector<std::string>& first,
                                                const std::vector<std::string>& second, const std::string& more) {
        auto loaded = parse_config(
            "[scheduler]\nbackoff = [1, \"fail\"]\npartitions = 2\n[nodes]\nlevels = [\"host\", \"db\"]\norder = "
            "\"original\"\n[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\n" +
                source(hosts[0], first) + source(hosts[1], second) + std::string{test::short_timeouts} + more,
            "/c.toml");
        for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
        return std::make_shared<const settings>(*loaded.config);
    }
    void start(const std::vector<std::string>& first, const std::vector<std::string>& second, const std::string& more) {
        base = config_with(first, second, more);
        start_scheduler(one_job);
        caf::anon_send(scheduler, config_changed{base});
        run();
    }

    // Of a task, or of all that the job waits for.
    auto explain(const std::string& node = {}) {
        explain_asked question;
        question.secret = "secret";
        question.job = job_id{"j"};
        question.node = node_id{node};
        return ask<explanation>(scheduler, question);
    }

    std::array<std::string, 2> hosts;
    std::shared_ptr<const settings> base;
};

TEST_F(partitions_test, one_slot_of_the_instance_goes_round_until_all_is_done) {
    start({"a1", "a2", "a3"}, {"b1", "b2", "b3"},
          std::string{one_job} + "[resources.instance]\nall = { limit = 1, default = 1 }\n");
    start_worker("w");
    std::optional<run_finished> finished;
    ask_for(finished, scheduler, await_quiescence{});
    std::string order;
    for (int n = 0; n < 100 && !finished; ++n) {
        pass(std::chrono::milliseconds{100});
        ASSERT_LE(launcher.running.size(), 1U);
        for (const auto& node : launcher.nodes()) order += node[0];
        launcher.end_all();
        run();
    }
    ASSERT_TRUE(finished);
    EXPECT_THAT(finished->stalled, IsEmpty());
    EXPECT_EQ(counts().done, 6U);
    EXPECT_THAT(order, ::testing::AnyOf("ababab", "bababa")) << "nobody waits for long";
}

TEST_F(partitions_test, all_slots_of_a_worker_are_used_wherever_the_tasks_are) {
    start({"a1", "a2", "a3", "a4"}, {},
          std::string{one_job} + "[resources.worker]\ncpu = { limit = 4, default = 1 }\n");
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("a1", "a2", "a3", "a4"));
}

TEST_F(partitions_test, a_task_that_wants_the_whole_worker_gets_it_though_the_others_keep_it_busy) {
    start(
        {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"}, {"b1"},
        "[jobs.small]\nowner = \"x\"\ncommand = [\"work\"]\nfilters.db.whitelist_regex = \"^a\"\n"
        "[jobs.large]\nowner = \"x\"\ncommand = [\"work\"]\nfilters.db.whitelist = [\"b1\"]\nresources = { cpu = 3 }\n"
        "[resources.worker]\ncpu = { limit = 3, default = 1 }\n");
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    std::size_t before = 0;
    for (; before < 9; ++before) {
        const auto nodes = launcher.nodes();
        ASSERT_FALSE(nodes.empty());
        if (nodes == std::vector<std::string>{"b1"}) break;
        launcher.end(launcher.running.begin()->first);
        pass(std::chrono::milliseconds{200});
    }
    EXPECT_LT(before, 9U) << "it came last";
    end_all();
}

TEST_F(partitions_test, a_wait_is_explained_with_who_holds_slots_in_other_partitions) {
    start({"a1"}, {"b1"}, std::string{one_job} + "[resources.instance]\nall = { limit = 1, default = 1 }\n");
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    ASSERT_THAT(launcher.nodes(), SizeIs(1));
    const auto runs = launcher.nodes().front();
    const std::string waits = runs == "a1" ? "b1" : "a1";
    auto answer = explain(waits);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->text, HasSubstr("leased to other partitions"));
    ASSERT_THAT(answer->holders, SizeIs(1));
    EXPECT_EQ(answer->holders[0].node.value, runs);
    EXPECT_EQ(answer->holders[0].worker, "w");
    answer = explain();
    ASSERT_TRUE(answer);
    ASSERT_THAT(answer->groups, SizeIs(1));
    EXPECT_EQ(answer->groups[0].tasks, 1U);
}

TEST_F(partitions_test, what_waits_in_several_partitions_for_the_same_is_told_as_one) {
    start({"a1", "a2"}, {"b1", "b2", "b3"},
          std::string{one_job} + "[resources.host]\nslots = { limit = 1, default = 1 }\n");
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running, SizeIs(2));
    const auto answer = explain();
    ASSERT_TRUE(answer);
    ASSERT_THAT(answer->groups, SizeIs(1));
    EXPECT_EQ(answer->groups[0].tasks, 3U);
    EXPECT_THAT(answer->groups[0].text, HasSubstr("2 "));
}

TEST_F(partitions_test, hosts_that_several_partitions_wait_for_are_counted_together) {
    start({"a1", "a2"}, {"b1"}, std::string{one_job} + "level_for_host_placement = \"host\"\n");
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    const auto answer = explain();
    ASSERT_TRUE(answer);
    ASSERT_THAT(answer->groups, SizeIs(1));
    EXPECT_EQ(answer->groups[0].tasks, 3U);
    EXPECT_THAT(answer->groups[0].text, HasSubstr("each of 2 hosts"));
}

TEST_F(partitions_test, a_kill_reaches_all_partitions_and_counts_what_it_has_signaled) {
    start({"a1", "a2"}, {"b1"}, one_job);
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running, SizeIs(3));
    auto answer = ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"j"}, {}});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->ok);
    EXPECT_EQ(answer->text, "3 tasks signaled");
    answer = ask<control_answer>(scheduler, control_asked{"secret", control_verb::kill, job_id{"j"}, node_id{"x"}});
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->ok);
}

TEST_F(partitions_test, a_node_that_moves_to_another_partition_keeps_the_slots_of_its_task) {
    const auto jobs = std::string{one_job} + "[jobs.k]\nowner = \"x\"\ncommand = [\"work\"]\nenabled = false\n" +
                      "[resources.db]\nslots = { limit = 1, default = 1 }\n";
    start({"a1", "moves"}, {"b1"}, jobs);
    start_worker("w");
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("a1", "moves", "b1"));
    auto config_now = *config_with({"a1"}, {"b1", "moves"}, jobs);
    for (auto& job : config_now.jobs) job.enabled = true;
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(config_now)});
    run();
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running, SizeIs(3)) << "the other job has to wait for each of them";
    nodes_asked question;
    question.secret = "secret";
    question.below = node_id{hosts[1]};
    question.limit = 10;
    const auto answer = ask<nodes_answer>(scheduler, question);
    ASSERT_TRUE(answer);
    ASSERT_THAT(answer->nodes, SizeIs(2));
    for (const auto& row : answer->nodes) {
        ASSERT_THAT(row.resources, SizeIs(1));
        EXPECT_EQ(row.resources[0].second.first, 1) << row.node.value;
    }
    for (const auto& [id, p] : std::map{launcher.running.begin(), launcher.running.end()}) {
        const auto before = launcher.nodes();
        const bool is_moved = std::find(p.spec.environment.begin(), p.spec.environment.end(), "BISTRO_NODE=moves") !=
                              p.spec.environment.end();
        if (!is_moved) continue;
        launcher.end(id);
        pass(std::chrono::milliseconds{200});
        EXPECT_EQ(launcher.nodes().size(), before.size()) << "the other job has it now";
        break;
    }
    for (int n = 0; n < 10 && !launcher.running.empty(); ++n) {
        launcher.end_all();
        pass(std::chrono::milliseconds{200});
    }
    EXPECT_EQ(counts("j").done, 3U);
    EXPECT_EQ(counts("k").done, 3U);
}

TEST_F(partitions_test, a_worker_that_comes_back_after_a_restart_with_another_number_of_them_keeps_its_tasks) {
    start({"a1", "a2"}, {"b1", "b2"}, std::string{one_job} + "[resources.db]\nslots = { limit = 1, default = 1 }\n");
    auto worker = start_worker("w", false);
    pass(std::chrono::milliseconds{200});
    EXPECT_THAT(launcher.running, SizeIs(4));
    end_scheduler();
    partitions = 3;
    start_scheduler(one_job);
    caf::anon_send(scheduler, config_changed{base});
    run();
    meet(worker);
    pass(std::chrono::milliseconds{500});
    EXPECT_EQ(launcher.launched, 4U) << "nothing is started twice";
    EXPECT_EQ(counts().running, 4U);
    end_all();
    pass(std::chrono::milliseconds{200});
    EXPECT_EQ(counts().done, 4U);
    EXPECT_EQ(launcher.launched, 4U);
}

TEST_F(partitions_test, tasks_that_can_never_start_end_the_run_with_one_reason_for_each_job) {
    start({"a1"}, {"b1"},
          std::string{one_job} + "resources = { cpu = 9 }\n[resources.worker]\ncpu = { limit = 4, default = 1 }\n");
    start_worker("w");
    const auto finished = ask<run_finished>(scheduler, await_quiescence{});
    ASSERT_TRUE(finished);
    ASSERT_THAT(finished->stalled, SizeIs(1));
    EXPECT_THAT(finished->stalled[0].second, HasSubstr("can never start"));
}

}  // namespace
}  // namespace bistro
