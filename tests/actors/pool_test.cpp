// A resource pool alone, among stand-ins that keep what they are sent.
#include "actors/resource_pool.hpp"

#include <gmock/gmock.h>

#include "actors/console/observed.hpp"
#include "tests/support/actor_fixture.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class pool_test : public test::actor_test {
protected:
    // Keeps what orders and events say, and drops all else.
    caf::actor stand_in() {
        auto keep = [](caf::event_based_actor* self, pool_test* test) -> caf::behavior {
            // Not caf::drop: that answers with an error, which ends the pool.
            self->set_default_handler(
                [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> { return caf::message{}; });
            return {
                [=](const start_tasks& m) {
                    for (const auto& order : m.tasks) {
                        test->started.push_back(order.node.value);
                        test->handed.push_back(order.prev_data_json);
                        test->ids.push_back(order.invocation);
                    }
                    test->commands.insert(test->commands.end(), m.commands.begin(), m.commands.end());
                },
                [=](const pending_asked&) { ++test->asked_again; },
                [=](const events_happened& m) {
                    test->happened.started += m.started;
                    test->happened.ended += m.ended;
                    test->happened.events.insert(test->happened.events.end(), m.events.begin(), m.events.end());
                },
            };
        };
        return track(caf::actor{system.spawn(keep, this)});
    }

    void make_pool() { make_pool(clock()); }
    void make_pool(const runtime& time, partition part = {}) {
        other = stand_in();
        pool = track(spawn_guarded(system, time, pool_behavior, invocation_id::first_of_epoch(2),
                                   pool_links{caf::actor_cast<caf::strong_actor_ptr>(other),
                                              caf::actor_cast<monitor_actor>(other), false, part},
                                   time));
        caf::anon_send(pool, pool_configured{});
        send_job(simple_job());
        run();
    }
    static job_spec simple_job() {
        job_spec job;
        job.name = job_id{"j"};
        job.level = "host";
        job.command = {"work"};
        return job;
    }
    void send_job(const job_spec& job) {
        rules = number_of_rules(job);
        caf::anon_send(pool, job_changed{job}, caf::actor_cast<job_actor>(other));
    }

    void send_nodes(const std::vector<std::string>& names) {
        std::vector<node_decl> nodes;
        for (const auto& name : names) nodes.push_back({name, "host", {}, {}, true, false});
        forest = build_forest({"host"}, nodes, ++version).nodes;
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }

    void send_worker(std::vector<finished_task> unacknowledged) {
        worker_joined m;
        m.worker = worker_index{std::size_t{0}};
        m.info = {shard_name{"w"}, "host", {}};
        m.handle = caf::actor_cast<caf::strong_actor_ptr>(other);
        m.session = session;
        m.unacknowledged = std::move(unacknowledged);
        caf::anon_send(pool, std::move(m));
        caf::anon_send(pool, worker_accepts{worker_index{std::size_t{0}}, true});
        run();
    }

    // The forest of before with one more host, at the end.
    void send_one_more(const std::string& name) {
        forest = change_forest(forest, {{}, {{name, "host", {}, {}, true, false}}, {}}, ++version);
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }
    void send_without(const std::string& name) {
        forest = change_forest(forest, {{name}, {}, {}}, ++version);
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }
    // A job at some forest has something to say of it.
    void say(const forest_ptr& of, const std::vector<std::string>& ready, const std::vector<std::string>& withdrawn,
             bool replace = false) {
        pending_changed m;
        m.job = job_id{"j"};
        m.forest_version = of->version();
        m.seen_starts = {started.size()};
        m.rules = rules;
        m.replace = replace;
        for (const auto& name : ready) {
            m.ready.push_back(*of->find(name));
            m.data.emplace_back(m.ready.back(), "\"of " + name + "\"");
        }
        for (const auto& name : withdrawn) m.withdrawn.push_back(*of->find(name));
        caf::anon_send(pool, std::move(m));
        run();
    }

    // A job that has heard of so many starts offers every node.
    void offer_all(std::uint64_t seen_starts) { offer_all(std::vector{seen_starts}); }
    void offer_all(const std::vector<std::uint64_t>& seen_starts) {
        pending_changed m;
        m.job = job_id{"j"};
        m.forest_version = version;
        m.seen_starts = seen_starts;
        m.rules = rules;
        m.replace = true;
        const auto level = forest->innermost();
        for (std::size_t i = 0; i < forest->size_of(level); ++i)
            m.ready.emplace_back(forest->first_of(level).value + i);
        caf::anon_send(pool, std::move(m));
        run();
    }

    static constexpr std::uint64_t session = 7;
    std::uint64_t rules = 0;  // of the job
    std::vector<std::string> started;
    std::vector<std::string> handed;
    std::size_t asked_again = 0;
    std::vector<invocation_id> ids;
    std::vector<job_command> commands;
    events_happened happened;
    caf::actor other;
    pool_actor pool;
    forest_ptr forest;
    std::uint64_t version = 0;
};

TEST_F(pool_test, what_ended_unheard_before_there_were_nodes_is_not_started_before_its_job_has_heard_of_it) {
    make_pool();
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(1);
    ended.end.result = attempt_result::done;
    send_worker({ended});
    send_nodes({"a", "b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("b"));
    send_nodes({"b", "a"});
    offer_all(1);
    EXPECT_THAT(started, ElementsAre("b", "a")) << "of a the job knows now, of b not yet";
}

TEST_F(pool_test, a_task_that_was_just_started_is_not_said_to_wait_for_itself) {
    make_pool();
    resource_table table;
    table.by_level["host"] = {{"slot", 1, 1, 0}};
    caf::anon_send(pool, pool_configured{{}, table});
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("a"));
    const auto told = ask<waiting_explained>(pool, waiting_asked{job_id{"j"}, node_id{"a"}});
    EXPECT_EQ(told->why.what, blocker::kind::none);
    EXPECT_THAT(told->holders, IsEmpty());
}

TEST_F(pool_test, what_a_job_said_before_a_start_does_not_end_it) {
    make_pool();
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    offer_all(1);
    EXPECT_FALSE(ask<job_removal>(pool, job_ended{job_id{"j"}, 0})->removed) << "it has heard of the start since";
    EXPECT_TRUE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed);
}

TEST_F(pool_test, a_job_that_owes_its_word_on_a_result_is_not_removed) {
    make_pool();
    send_nodes({"a"});
    send_worker({});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    EXPECT_FALSE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed) << "its worker would wait for ever";
    caf::anon_send(pool, results_durable{{ended.end.invocation}, job_id{"j"}, {1}, 0});
    EXPECT_TRUE(ask<job_removal>(pool, job_ended{job_id{"j"}, 1})->removed);
}

TEST_F(pool_test, a_start_that_its_job_has_not_seen_counts_over_a_change_of_nodes) {
    make_pool();
    send_worker({});
    send_nodes({"b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("b"));
    finished_task ended{job_id{"j"}, node_id{"b"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    started.clear();
    send_nodes({"a", "b"});
    offer_all(0);
    EXPECT_THAT(started, ElementsAre("a"));
    started.clear();
    offer_all(2);
    EXPECT_THAT(started, ElementsAre("b")) << "a runs; of b the job knows, and offers it again";
}

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

TEST_F(pool_test, what_waits_for_a_job_on_its_node_waits_for_a_word_where_that_is_altered) {
    make_pool();
    send_nodes({"a", "b"});
    auto job = simple_job();
    job.depends_on = {job_id{"other"}};
    send_job(job);
    say(forest, {"a", "b"}, {}, true);
    const auto earlier = forest;
    forest = change_forest(forest,
                           {{},
                            {{"c", "host", {}, {}, true, false}, {"d", "host", {}, {}, true, false}},
                            {{"a", "host", {}, {"tag"}, true, false}}},
                           ++version);
    caf::anon_send(pool, nodes_changed{forest, {}});
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

TEST_F(pool_test, nothing_starts_of_a_job_whose_word_was_not_understood) {
    make_pool();
    send_nodes({"a", "b"});
    auto job = simple_job();
    job.depends_on = {job_id{"other"}};
    send_job(job);
    say(forest, {"a", "b"}, {}, true);
    const auto earlier = forest;
    forest = change_forest(forest, {{}, {}, {{"b", "host", {}, {"tag"}, true, false}}}, ++version);
    caf::anon_send(pool, nodes_changed{forest, {}});
    say(earlier, {}, {"a"});
    send_worker({});
    EXPECT_THAT(started, IsEmpty());
    say(forest, {}, {});
    EXPECT_EQ(asked_again, 1U);
}

TEST_F(pool_test, other_resources_make_other_demands_and_workers_hear_of_them) {
    make_pool();
    send_worker({});
    send_nodes({"a"});
    offer_all(0);
    ASSERT_THAT(commands, SizeIs(1));
    EXPECT_THAT(commands[0].demands.nodes, ElementsAre(Pair("instance", IsEmpty()), Pair("host", IsEmpty())));
    pool_configured other_table;
    other_table.resources.by_level["host"] = {{"slots", 3, 2}};
    caf::anon_send(pool, other_table);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    offer_all(1);
    ASSERT_THAT(commands, SizeIs(2));
    EXPECT_THAT(commands[1].demands.nodes,
                ElementsAre(Pair("instance", IsEmpty()), Pair("host", amounts{{"slots", 2}})));
}

// CAF hands a message to any actor whose id a peer can guess.
TEST_F(pool_test, results_of_another_session_or_worker_change_nothing_and_are_counted) {
    make_pool();
    send_worker({});
    send_nodes({"a"});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session + 1, {ended}});
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, 0, {ended}});
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{1}}, session, {ended}});
    run();
    EXPECT_EQ(happened.ended, 0U);
    EXPECT_EQ(ask<pool_stalled>(pool, reasons_asked{})->fenced, 3U);
    caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    EXPECT_EQ(happened.ended, 1U);
}

TEST_F(pool_test, an_exit_message_counts_only_when_the_process_ends) {
    auto ending = std::make_shared<std::atomic<bool>>(false);
    make_pool({clock().now, ending});
    caf::anon_send_exit(pool, caf::exit_reason::kill);
    EXPECT_TRUE(ask<pool_stalled>(pool, reasons_asked{}));
    *ending = true;
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
    EXPECT_FALSE(ask<pool_stalled>(pool, reasons_asked{}));
}

TEST_F(pool_test, attempts_are_counted_where_nobody_keeps_their_events) {
    make_pool();
    send_worker({});
    send_nodes({"a", "b"});
    offer_all(0);
    finished_task ended{job_id{"j"}, node_id{"a"}, {}};
    ended.end.invocation = invocation_id::first_of_epoch(2);
    for (int repeated = 0; repeated < 2; ++repeated)
        caf::anon_send(pool, tasks_finished{worker_index{std::size_t{0}}, session, {ended}});
    run();
    EXPECT_EQ(happened.started, 2U);
    EXPECT_EQ(happened.ended, 1U);
    EXPECT_THAT(happened.events, IsEmpty());
}

// The second of two pools, which has all there is leased to it. The first one is a stand-in.
class second_pool : public pool_test {
protected:
    void SetUp() override {
        make_pool(clock(), {1, 2});
        pools_known all;
        all.pools = {caf::actor_cast<caf::strong_actor_ptr>(other), caf::actor_cast<caf::strong_actor_ptr>(pool)};
        caf::anon_send(pool, std::move(all));
        for (int i = 1; node.empty(); ++i) {
            const auto name = "n" + std::to_string(i);
            const auto alone = build_forest({"host"}, {{name, "host", {}, {}, true, false}}).nodes;
            if (partition_of(*alone, node_index{1}, 2) == 1) node = name;
        }
        send_worker({});
        send_nodes({node});
    }
    void tell(bool replaces, std::vector<task_told> tasks) {
        caf::anon_send(pool, tasks_elsewhere{0, version, replaces, std::move(tasks), invocation_id::first_of_epoch(2)});
        run();
    }
    // A start of the first pool on the node, which has ended since.
    task_told ended_start(std::uint64_t number) { return {{}, job_id{"j"}, {node}, {}, false, {}, number}; }

    std::string node;
};

TEST_F(second_pool, nothing_starts_before_the_others_have_told_of_the_same_forest) {
    offer_all({0, 0});
    EXPECT_THAT(started, IsEmpty());
    tell(true, {});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, a_start_that_the_job_has_not_heard_of_withdraws_its_offer) {
    offer_all({0, 0});
    tell(true, {ended_start(5)});
    offer_all({4, 0});
    EXPECT_THAT(started, IsEmpty());
    offer_all({5, 0});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, a_start_that_the_job_knew_when_it_made_its_offer_does_not_withdraw_it) {
    offer_all({5, 0});
    tell(true, {ended_start(5)});
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, what_was_told_of_a_job_that_is_gone_is_forgotten_with_it) {
    tell(true, {ended_start(5)});
    caf::anon_send(pool, job_forgotten{0, job_id{"j"}});
    run();
    offer_all({0, 0});
    EXPECT_THAT(started, ElementsAre(node)) << "a job of this name that has come back begins to count anew";
}

TEST_F(second_pool, what_runs_elsewhere_on_its_node_holds_it_until_it_ends) {
    resource_table table;
    table.by_level["host"] = {{"slot", 1, 1, 0}};
    caf::anon_send(pool, pool_configured{{}, table});
    task_told runs{invocation_id{2}, job_id{"other"}, {node, "instance"}, {}, true, "w", 0};
    runs.demands.nodes = {{"host", {{"slot", 1}}}};
    tell(true, {runs});
    offer_all({0, 0});
    EXPECT_THAT(started, IsEmpty());
    caf::anon_send(pool, elsewhere_ended{0, {invocation_id{2}}});
    run();
    EXPECT_THAT(started, ElementsAre(node));
}

TEST_F(second_pool, ids_are_its_own_and_above_those_that_others_have_given) {
    caf::anon_send(pool, ids_reached{invocation_id{invocation_id::first_of_epoch(2).value + 1000}});
    tell(true, {});
    offer_all({0, 0});
    ASSERT_THAT(ids, SizeIs(1));
    EXPECT_EQ(partition_of(ids[0], 2), 1U);
    EXPECT_GE(ids[0].value, invocation_id::first_of_epoch(2).value + 1000);
}

}  // namespace
}  // namespace bistro
