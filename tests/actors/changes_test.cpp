// A whole scheduler while its config, jobs and nodes change.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "actors/config_watcher.hpp"
#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using test::system_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(system_test, a_changed_config_applies_without_touching_what_runs) {
    start_scheduler(one_job);
    start_worker("w");
    const auto running = launcher.nodes();
    auto changed = *config_of(std::string{one_job} + "[jobs.new]\nowner = \"x\"\ncommand = [\"new\"]\n");
    changed.resources.by_level["host"][0].limit = 3;
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    EXPECT_THAT(launcher.running, SizeIs(6)) << "three on each host";
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    changed.jobs.pop_back();
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    EXPECT_EQ(counts("new").total, 0U);
    end_all();
    EXPECT_EQ(counts().done, 4U);
}

TEST_F(system_test, nodes_come_go_and_are_disabled_while_tasks_run_and_wait) {
    start_scheduler(std::string{one_job} + dependents);
    start_worker("w");
    const auto declare_more = [&](const std::vector<node_decl>& more) {
        auto changed = *config_file;
        auto& source = changed.sources.emplace_back();
        source.kind = source_kind::manual;
        source.name = "more";
        source.nodes = more;
        caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
        run();
    };
    EXPECT_EQ(counts().total, 4U);
    const auto before = launcher.nodes();
    declare_more({{"x", "db", {"h1"}, {}, true, false}, {"y", "db", {"h2"}, {}, false, false}});
    EXPECT_EQ(counts().total, 5U) << "one of the new nodes is disabled";
    EXPECT_EQ(counts().excluded, 1U);
    EXPECT_EQ(counts("r").blocked, 2U);
    EXPECT_EQ(launcher.nodes(), before);
    end_all();
    EXPECT_EQ(counts().done, 5U);
    EXPECT_EQ(counts("k").done, 5U);
    EXPECT_EQ(counts("r").done, 2U);
    declare_more({{"z", "db", {"h1"}, {}, true, false}, {"y", "db", {"h2"}, {}, true, false}});
    EXPECT_EQ(counts().total, 6U) << "x is gone, y is enabled, z is new";
    EXPECT_EQ(counts("k").blocked, 2U);
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("y", "z"));
    end_all();
    EXPECT_EQ(counts().done, 6U);
    EXPECT_EQ(counts("k").done, 6U);
}

TEST_F(system_test, tasks_run_on_the_nodes_of_a_source_that_failed_at_first) {
    auto loaded = parse_config(
        "[nodes]\nlevels = [\"host\", \"db\"]\n[[nodes.sources]]\nsource = \"script\"\ncommand = [\"list\"]\nperiod_s "
        "= "
        "2\nretries = 0\n" +
            std::string{one_job},
        "/c.toml");
    ASSERT_TRUE(loaded.config);
    loaded.config->partitions = partitions;
    launch_scheduler(std::make_shared<const settings>(*loaded.config));
    run();
    const auto list = [&](int exit_code, const std::vector<std::string>& lines) {
        ASSERT_THAT(launcher.running, SizeIs(1));
        std::vector<output_line> output;
        for (const auto& line : lines) output.push_back({log_stream::out, 0, line});
        launcher.running.begin()->second.events.on_output(output);
        launcher.end(launcher.running.begin()->first, {exit_code, 0, {}, {}});
        run();
    };
    list(3, {});
    pass(std::chrono::milliseconds{2'100});
    list(0, {"h1/a", "h1/b", "h2/c"});
    start_worker("w");
    EXPECT_EQ(counts().total, 3U);
    EXPECT_THAT(launcher.nodes(), UnorderedElementsAre("a", "b", "c"));
}

TEST_F(system_test, a_removed_job_ends_its_tasks_after_the_orphan_time) {
    start_scheduler(std::string{one_job} + "kill_orphan_tasks_after_sec = 2\n");
    start_worker("w");
    auto changed = *config_file;
    changed.jobs.clear();
    caf::anon_send(scheduler, config_changed{std::make_shared<const settings>(changed)});
    run();
    pass(std::chrono::milliseconds{1'900});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, IsEmpty());
    pass(std::chrono::milliseconds{300});
    for (const auto& [id, p] : launcher.running) EXPECT_THAT(p.signals, ElementsAre(SIGTERM));
}

TEST_F(system_test, a_job_is_gone_only_when_it_has_heard_of_all_its_starts) {
    const std::string two =
        std::string{one_job} + "[jobs.k]\nowner = \"x\"\ncommand = [\"work\"]\ndepends_on = [\"j\"]\n";
    start_scheduler(two);
    start_worker("w");
    end_all();
    EXPECT_EQ(counts("k").done, 4U);
    // A start of a new job, of which the job is not told yet when it leaves the config.
    caf::anon_send(scheduler, config_changed{config_of(two + "[jobs.l]\nowner = \"x\"\ncommand = [\"work\"]\n")});
    deliver();
    ASSERT_THAT(launcher.running, SizeIs(2));
    caf::anon_send(scheduler, config_changed{config_of(two)});
    deliver();
    end_all();
    EXPECT_THAT(stored("l"), SizeIs(2)) << "the results of what had started";
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(2)) << "and then it is gone";
}

TEST_F(system_test, a_job_that_leaves_twice_is_gone_only_by_the_word_about_the_second_time) {
    const std::string alone = one_job;
    start_scheduler(alone);
    start_worker("w");
    end_all();
    const auto configure = [&](const std::string& jobs) { caf::anon_send(scheduler, config_changed{config_of(jobs)}); };
    constexpr int most_deliveries = 25;
    for (int before = 0; before < most_deliveries; ++before) {
        SCOPED_TRACE(before);
        const auto k = "[jobs.k" + std::to_string(before) + "]\nowner = \"x\"\ncommand = [\"work\"]\n";
        configure(alone + k + "enabled = false\n");
        run();
        configure(alone);
        for (int i = 0; i < before; ++i) coordinator().try_run_once();
        configure(alone + k);
        // While it is busy with something else, the job offers its tasks and the pool starts some.
        for (int i = 0; i < most_deliveries; ++i) caf::anon_send(scheduler, problem{"x", ""});
        configure(alone);
        deliver();
        configure(alone + k);
        run();
        end_all();
        EXPECT_THAT(stored("k" + std::to_string(before)), SizeIs(4));
    }
}

TEST_F(system_test, an_invalid_change_of_the_config_file_changes_nothing) {
    const auto path = dir.file("c.toml");
    std::ofstream{path} << test::base_config << one_job;
    start_scheduler(one_job);
    auto current = std::make_shared<const settings>(*load_config(path).config);
    auto watcher = track(system.spawn(config_watcher_behavior, config_watcher_options{current, {}, {}, {}}, scheduler,
                                      static_cast<io_loop*>(nullptr)));
    std::ofstream{path} << test::base_config << one_job << "ownerr = 1\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    auto answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(1));
    ASSERT_THAT(answer.problems, SizeIs(1));
    EXPECT_THAT(answer.problems[0].second, HasSubstr("did you mean \"owner\"?"));
    std::ofstream{path} << test::base_config << one_job << "[jobs.second]\nowner = \"y\"\ncommand = [\"b\"]\n";
    caf::anon_send(watcher, file_changed{});
    run();
    pass(std::chrono::milliseconds{200});
    answer = *ask<jobs_answer>(scheduler, jobs_asked{"secret"});
    EXPECT_THAT(answer.jobs, SizeIs(2));
    EXPECT_THAT(answer.problems, IsEmpty());
    std::ofstream{path} << test::base_config << "[jobs.third]\nowner = \"y\"\ncommand = [\"c\"]\n";
    caf::anon_send(watcher, file_changed{true, false});
    run();
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(1)) << "a whole file is read at once";
}

}  // namespace
}  // namespace bistro
