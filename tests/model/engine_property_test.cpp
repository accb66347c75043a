// Random forests, jobs, policies and events through the engine, held against the paper's brute-force loop: scan every
// job and every node. After each event: no slot over its limit, no task running twice, nothing startable left waiting.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "model/engine/engine.hpp"
#include "tests/support/brute_force.hpp"
#include "tests/support/random_world.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using test::brute_force;
using test::random_world;

class property_run {
public:
    explicit property_run(std::uint64_t seed)
        : world_{seed}, engine_{world_.options, invocation_id::first_of_epoch(1)}, reference_{world_} {
        engine_.set_resources(world_.resources);
        engine_.set_forest(world_.nodes);
        for (const auto& job : world_.jobs) engine_.put_job(job);
        for (std::size_t w = 0; w < world_.workers.size(); ++w)
            engine_.put_worker(worker_index{w}, world_.workers[w].info);
        for (std::size_t j = 0; j < world_.jobs.size(); ++j) offer(j);
    }

    void step() {
        reference_.first_fill = false;
        switch (world_.random() % 13) {
            case 0: change_forest(); break;
            case 12: revise_forest(); break;
            case 1: change_resources(); break;
            case 2: toggle_worker(); break;
            case 3: withdraw_some(); break;
            case 4: change_job(); break;
            case 5: lose_worker(); break;
            default: finish_some(); break;
        }
        start_all();
    }

    void start_all() {
        for (;;) {
            const auto decisions = engine_.start(1 + world_.random() % 7);
            if (decisions.empty()) break;
            for (const auto& d : decisions) reference_.start(d);
        }
        EXPECT_EQ(reference_.startable(), "");
        EXPECT_EQ(engine_.sanity_check(), "");
        EXPECT_EQ(engine_.running_count(), reference_.running.size());
        EXPECT_EQ(engine_.pending_count(), reference_.pending.size());
        explain_one();
    }

private:
    std::vector<node_index> eligible(std::size_t j) {
        std::vector<node_index> result;
        auto level = world_.nodes->find_level(world_.jobs[j].level);
        for (std::uint32_t i = 0; level && i < world_.nodes->size_of(*level); ++i) {
            const node_index node{world_.nodes->first_of(*level).value + i};
            const auto key = std::pair{world_.jobs[j].name.value, std::string{world_.nodes->name(node)}};
            const bool runs = std::any_of(reference_.running.begin(), reference_.running.end(), [&](const auto& r) {
                return r.second.job.value == key.first && r.second.node == key.second;
            });
            if (!runs && world_.passes_somehow(world_.jobs[j], node)) result.push_back(node);
        }
        return result;
    }

    void offer(std::size_t j) {
        auto tasks = eligible(j);
        std::shuffle(tasks.begin(), tasks.end(), world_.random);
        if (!tasks.empty()) tasks.resize(1 + world_.random() % tasks.size());
        const auto job = *engine_.find_job(world_.jobs[j].name);
        engine_.set_unfinished(job, tasks.size());
        engine_.add_pending(job, tasks);
        for (auto t : tasks) reference_.pending.emplace(world_.jobs[j].name.value, std::string{world_.nodes->name(t)});
    }

    void finish_some() {
        std::vector<invocation_id> together;
        const bool one_by_one = world_.random() % 2 == 0;
        for (int n = 0; n < 3 && !reference_.running.empty(); ++n) {
            auto r = reference_.running.begin();
            std::advance(r, static_cast<long>(world_.random() % reference_.running.size()));
            const auto held = engine_.held(r->first);
            ASSERT_TRUE(held);
            EXPECT_EQ(held->path, r->second.path);
            if (one_by_one) {
                EXPECT_TRUE(engine_.finish(r->first));
            } else {
                together.push_back(r->first);
            }
            reference_.finish(r->first);
        }
        const auto known = together.size();
        if (known > 0) together.push_back(together.front());  // which is unknown by then
        EXPECT_EQ(engine_.finish(together), known);
        if (world_.random() % 4 == 0) offer(world_.random() % world_.jobs.size());
    }

    void change_forest() {
        world_.draw_nodes();
        engine_.set_forest(world_.nodes);
        reference_.pending.clear();
        for (std::size_t j = 0; j < world_.jobs.size(); ++j) offer(j);
    }

    // What the change kept stays pending; its job withdraws what does not pass any more.
    void revise_forest() {
        if (world_.random() % 2 == 0) {  // so that something is on its way
            finish_some();
            for (const auto& d : engine_.start(1)) reference_.start(d);
        }
        const auto gone = world_.revise_nodes();
        if (!gone) return;
        engine_.set_forest(world_.nodes);
        std::erase_if(reference_.pending, [&](const auto& task) { return gone->contains(task.second); });
        EXPECT_EQ(engine_.sanity_check(), "");
        for (auto task = reference_.pending.begin(); task != reference_.pending.end();) {
            const auto job = *engine_.find_job(job_id{task->first});
            const auto node = *world_.nodes->find(task->second);
            if (world_.passes_somehow(world_.jobs.at(job.value), node)) {
                EXPECT_TRUE(engine_.is_pending(job, node)) << task->second;
                ++task;
                continue;
            }
            engine_.remove_pending(job, std::array{node});
            task = reference_.pending.erase(task);
        }
        // What runs is known to, wherever its node is now.
        for (const auto& [invocation, r] : reference_.running)
            if (const auto node = world_.nodes->find(r.node)) {
                engine_.add_pending(*engine_.find_job(r.job), std::array{*node});
                EXPECT_FALSE(engine_.is_pending(*engine_.find_job(r.job), *node)) << r.node;
            }
        if (world_.random() % 2 == 0) offer(world_.random() % world_.jobs.size());
    }

    void change_resources() {
        world_.draw_limits();
        engine_.set_resources(world_.resources);
    }

    void toggle_worker() {
        const auto w = world_.random() % world_.workers.size();
        auto& worker = world_.workers[w];
        if (!worker.alive) {
            worker.alive = worker.accepting = true;
            engine_.put_worker(worker_index{w}, worker.info);
        } else {
            worker.accepting = !worker.accepting;
            engine_.set_accepting(worker_index{w}, worker.accepting);
        }
    }

    void lose_worker() {
        const auto w = world_.random() % world_.workers.size();
        if (!world_.workers[w].alive) return;
        world_.workers[w].alive = false;
        for (const auto& [invocation, task] : engine_.erase_worker(worker_index{w})) {
            EXPECT_TRUE(reference_.running.contains(invocation));
            reference_.finish(invocation);
        }
    }

    void withdraw_some() {
        const auto j = world_.random() % world_.jobs.size();
        std::vector<node_index> tasks;
        for (auto node : eligible(j))
            if (world_.random() % 2 == 0) tasks.push_back(node);
        engine_.remove_pending(*engine_.find_job(world_.jobs[j].name), tasks);
        for (auto t : tasks) reference_.pending.erase({world_.jobs[j].name.value, std::string{world_.nodes->name(t)}});
    }

    void change_job() {
        const auto j = world_.random() % world_.jobs.size();
        auto& spec = world_.jobs[j];
        if (world_.random() % 3 == 0) {  // it goes, and comes back
            engine_.erase_job(spec.name);
            EXPECT_EQ(engine_.sanity_check(), "");
            std::erase_if(reference_.pending, [&](const auto& task) { return task.first == spec.name.value; });
        }
        world_.draw_demands(spec);
        spec.priority = static_cast<double>(world_.random() % 5);
        engine_.put_job(spec);
    }

    // What can never start is called so, whatever else is short now.
    void check_forever(const job_spec& spec, const blocker& b) {
        if (!world_.options.enabled) return;
        if (!spec.level_for_host_placement) {
            EXPECT_EQ(b.forever(), reference_.never_starts(spec)) << to_string(b);
        } else if (reference_.never_enough(spec)) {
            EXPECT_TRUE(b.forever()) << to_string(b);
        }
    }

    // What the engine says of all that waits: each pending task is counted once, and for a reason that is so.
    void explain_jobs() {
        std::map<std::string, std::uint64_t> pending;
        for (const auto& [job, node] : reference_.pending) ++pending[job];
        for (const auto& [job, count] : pending) {
            std::uint64_t sum = 0;
            for (const auto& group : engine_.all_waiting(*engine_.find_job(job_id{job}))) {
                EXPECT_NE(group.why.what, blocker::kind::none) << job;
                EXPECT_GT(group.places, 0U);
                EXPECT_LE(group.places, group.tasks);
                if (!group.level.empty()) {
                    EXPECT_LE(group.places, world_.nodes->size_of(*world_.nodes->find_level(group.level)));
                }
                const auto spec = std::find_if(world_.jobs.begin(), world_.jobs.end(),
                                               [name = job](const auto& j) { return j.name.value == name; });
                reference_.check(*spec, {}, group.why);
                check_forever(*spec, group.why);
                if (group.why.what == blocker::kind::node_resource && !world_.nodes->has_replicas()) {
                    const auto expected = reference_.short_nodes(*spec)[{group.level, group.why.resource}];
                    EXPECT_EQ(group.tasks, expected.tasks) << job << ": " << group.why.resource;
                    EXPECT_EQ(group.places, expected.places.size()) << job << ": " << group.why.resource;
                }
                const auto found = engine_.holders(group.why, 3);
                EXPECT_EQ(found.first.size(), std::min<std::uint64_t>(found.second, 3));
                if (!group.why.resource.empty()) {
                    const auto expected = reference_.holders(group.why);
                    EXPECT_EQ(found.second, expected.size());
                    for (const auto invocation : found.first) EXPECT_TRUE(expected.contains(invocation));
                }
                sum += group.tasks;
            }
            EXPECT_EQ(sum, count) << job;
        }
    }

    // What the engine says of a waiting task must be so.
    void explain_one() {
        explain_jobs();
        for (const auto& [job, node] : reference_.pending) {
            const auto index = engine_.find_job(job_id{job});
            const auto b = engine_.why_waiting(*index, *world_.nodes->find(node));
            EXPECT_NE(b.what, blocker::kind::none) << job << " on " << node;
            reference_.check(world_.jobs.at(index->value), world_.nodes->find(node), b);
            check_forever(world_.jobs.at(index->value), b);
            if (world_.random() % 3 == 0) break;
        }
    }

    random_world world_;
    engine engine_;
    brute_force reference_;
};

TEST(engine_property, matches_brute_force) {
    test::for_each_seed(2000, [](std::uint64_t seed) {
        property_run run{seed};
        run.start_all();
        for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) run.step();
    });
}

}  // namespace
}  // namespace bistro
