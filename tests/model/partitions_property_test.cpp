// One to four engines, each with a part of a random forest, and the broker that leases the instance's and the workers'
// slots to them, with its messages delivered at random moments. Whatever happens, no slot of the whole is over its
// limit when a task starts, no task runs twice; and when all that runs has ended often enough, nothing is left waiting
// that could run.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "model/engine/engine.hpp"
#include "model/slot_broker.hpp"
#include "tests/support/brute_force.hpp"
#include "tests/support/random_world.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using test::brute_force;
using test::random_world;

class partitions_run {
public:
    explicit partitions_run(std::uint64_t seed)
        : world_{seed},
          count_{static_cast<std::uint32_t>(1 + world_.random() % 4)},
          broker_{count_},
          reference_{world_} {
        reference_.one_engine = false;
        for (std::uint32_t p = 0; p < count_; ++p)
            pools_.push_back({engine{world_.options, invocation_id::first_of_epoch(1), {p, count_}}, {}, {}});
        set_resources();
        set_forest();
        for (const auto& job : world_.jobs) for_each_engine([&](engine& e) { e.put_job(job); });
        for (std::size_t w = 0; w < world_.workers.size(); ++w) put_worker(w);
        for (std::size_t j = 0; j < world_.jobs.size(); ++j) offer(j);
    }

    void step() {
        switch (world_.random() % 12) {
            case 0: world_.random() % 2 == 0 ? change_forest() : revise_forest(); break;
            case 1:
                world_.draw_limits();
                set_resources();
                break;
            case 2: toggle_worker(); break;
            case 3: withdraw_some(); break;
            case 4: change_job(); break;
            case 5: lose_worker(); break;
            default: finish_some(); break;
        }
        for (auto n = world_.random() % 12; n > 0; --n) deliver_one();
        check();
    }

    // Everything comes to an end, and nothing is left that could run.
    void drain() {
        const auto most = 20 + 4 * reference_.pending.size();
        for (std::size_t n = 0; n < most; ++n) {
            come_to_rest();
            check();
            if (reference_.running.empty()) break;
            while (!reference_.running.empty()) end(reference_.running.begin()->first);
        }
        EXPECT_TRUE(reference_.running.empty());
        EXPECT_EQ(reference_.startable(), "");
    }

private:
    struct pool {
        engine core;
        std::deque<std::vector<account_slots>> mail;  // leases; an empty message asks for a report
        std::optional<slot_report> report;
    };

    template <class F>
    void for_each_engine(F&& f) {
        for (auto& p : pools_) f(p.core);
    }

    // -- the broker and its messages ----------------------------------------------------------------------------------

    void begin_round() {
        if (asking_ || count_ == 1) return;
        asking_ = true;
        broker_.begin_round();
        for (auto& p : pools_) {
            p.report.reset();
            p.mail.emplace_back();
        }
    }

    void take_mail(pool& p) {
        if (p.mail.empty()) return;
        const auto m = std::move(p.mail.front());
        p.mail.pop_front();
        if (m.empty()) {
            slot_report report;
            const auto add = [&](worker_index w, auto used) { report.used.push_back({w, {used.begin(), used.end()}}); };
            add({}, p.core.used(forest::instance()));
            for (const auto w : p.core.workers().all()) add(w, p.core.workers().used(w));
            report.claims = p.core.claims(max_slot_claims, max_host_claims);
            p.report = std::move(report);
        }
        for (const auto& lease : m) {
            if (lease.worker.valid())
                p.core.lease_worker(lease.worker, lease.slots);
            else
                p.core.lease_instance(lease.slots);
        }
    }

    // True where leases have moved.
    bool end_round() {
        if (!asking_ || !std::all_of(pools_.begin(), pools_.end(), [](const auto& p) { return p.report; }))
            return false;
        asking_ = false;
        std::vector<slot_report> reports;
        for (auto& p : pools_) reports.push_back(std::move(*p.report));
        auto outcome = broker_.deal(reports);
        EXPECT_EQ(broker_.sanity_check(), "");
        for (std::size_t p = 0; p < pools_.size(); ++p)
            if (!outcome.leases[p].empty()) pools_[p].mail.push_back(std::move(outcome.leases[p]));
        return outcome.changed;
    }

    bool start_some(pool& p, std::size_t most) {
        const auto decisions = p.core.start(most);
        for (auto d : decisions) {
            const auto name = p.core.job_name(d.job);
            EXPECT_EQ(partition_of(d.invocation, count_), &p - pools_.data());
            EXPECT_EQ(partition_of(*world_.nodes, d.node, count_), &p - pools_.data());
            const auto spec =
                std::find_if(world_.jobs.begin(), world_.jobs.end(), [&](const auto& j) { return j.name == name; });
            d.job = job_index{static_cast<std::size_t>(spec - world_.jobs.begin())};
            reference_.start(d);
            auto& last = last_ids_[{name.value, std::string{world_.nodes->name(d.node)}}];
            EXPECT_LT(last, d.invocation) << "a later attempt has a smaller id";
            last = d.invocation;
        }
        return !decisions.empty();
    }

    void deliver_one() {
        auto& p = pools_[world_.random() % count_];
        switch (world_.random() % 4) {
            case 0: begin_round(); break;
            case 1: start_some(p, 1 + world_.random() % 3); break;
            case 2: end_round(); break;
            default: take_mail(p); break;
        }
    }

    // Until no message brings anything new.
    void come_to_rest() {
        for (int quiet = 0, n = 0; quiet < 3; ++n) {
            ASSERT_LT(n, 1000) << "leases never come to rest";
            bool moved = false;
            begin_round();
            for (auto& p : pools_) {
                do {
                    while (start_some(p, 100)) moved = true;  // as a pool does after each message
                    take_mail(p);
                } while (!p.mail.empty() || start_some(p, 100));
            }
            moved = end_round() || moved;
            quiet = moved ? 0 : quiet + 1;
        }
    }

    // -- what happens -------------------------------------------------------------------------------------------------

    void set_resources() {
        slots limits;
        for (const auto& def : world_.resources.of(instance_level)) limits.push_back(def.limit);
        for_each_engine([&](engine& e) { e.set_resources(world_.resources); });
        for (auto& p : pools_) std::erase_if(p.mail, [](const auto& m) { return !m.empty(); });
        broker_.set_instance(limits);
        broker_.forget_workers(world_.resources.of(worker_level).size());
        for (std::size_t w = 0; w < world_.workers.size(); ++w)
            if (world_.workers[w].alive) tell_broker(w);
    }

    void tell_broker(std::size_t w) {
        const auto& info = world_.workers[w].info;
        broker_.put_worker(worker_index{w}, info.host,
                           worker_limits(world_.resources, info.shard.value, info.host, info.declared));
        broker_.set_accepting(worker_index{w}, world_.workers[w].accepting);
    }

    // What comes with the scheduler's other messages comes before what it sends later.
    void take_all_mail() {
        for (auto& p : pools_)
            while (!p.mail.empty()) take_mail(p);
    }

    void put_worker(std::size_t w) {
        take_all_mail();
        for_each_engine([&](engine& e) { e.put_worker(worker_index{w}, world_.workers[w].info); });
        tell_broker(w);
    }

    void set_forest() {
        for_each_engine([&](engine& e) { e.set_forest(world_.nodes); });
        for (auto& [invocation, holders] : lent_)
            for (const auto p : holders) EXPECT_TRUE(pools_[p].core.finish(invocation));
        lent_.clear();
        invocation_id next;
        for_each_engine([&](engine& e) { next = std::max(next, e.next_invocation()); });
        for_each_engine([&](engine& e) { e.skip_invocations(next); });
        for (auto& from : pools_)
            for (const auto& t : from.core.held_elsewhere()) {
                EXPECT_LT(t.partition, count_);
                pools_[t.partition].core.adopt(t.invocation, t.task, t.demands);
                lent_[t.invocation].push_back(t.partition);
            }
    }

    void change_forest() {
        world_.draw_nodes();
        take_new_forest();
    }

    void take_new_forest() {
        set_forest();
        reference_.pending.clear();
        for (std::size_t j = 0; j < world_.jobs.size(); ++j) offer(j);
    }

    // What the change kept stays pending.
    void revise_forest() {
        const auto before = world_.nodes;
        const auto gone = world_.revise_nodes();
        if (!gone) return;
        if (moves_partitions(*before, *world_.nodes, *world_.nodes->change(),
                             count_)) {  // then whoever makes the nodes builds them anew
            world_.nodes = build_forest(world_.levels, world_.declared, world_.version).nodes;
            return take_new_forest();
        }
        set_forest();
        std::erase_if(reference_.pending, [&](const auto& task) { return gone->contains(task.second); });
        std::erase_if(reference_.pending, [&](const auto& task) {
            const auto node = *world_.nodes->find(task.second);
            auto& e = engine_of(node);
            const auto job = *e.find_job(job_id{task.first});
            if (world_.passes_somehow(world_.jobs.at(job.value), node)) {
                EXPECT_TRUE(e.is_pending(job, node)) << task.second;
                return false;
            }
            e.remove_pending(job, std::array{node});
            return true;
        });
        offer(world_.random() % world_.jobs.size());
    }

    std::vector<node_index> eligible(std::size_t j) {
        std::vector<node_index> result;
        const auto level = world_.nodes->find_level(world_.jobs[j].level);
        for (std::uint32_t i = 0; level && i < world_.nodes->size_of(*level); ++i) {
            const node_index node{world_.nodes->first_of(*level).value + i};
            const std::string name{world_.nodes->name(node)};
            const bool runs = std::any_of(reference_.running.begin(), reference_.running.end(), [&](const auto& r) {
                return r.second.job == world_.jobs[j].name && r.second.node == name;
            });
            if (!runs && world_.passes_somehow(world_.jobs[j], node)) result.push_back(node);
        }
        return result;
    }

    [[nodiscard]] engine& engine_of(node_index node) { return pools_[partition_of(*world_.nodes, node, count_)].core; }

    void offer(std::size_t j) {
        const auto& name = world_.jobs[j].name;
        for (auto node : eligible(j)) {
            if (world_.random() % 3 == 0) continue;
            auto& e = engine_of(node);
            e.add_pending(*e.find_job(name), std::array{node});
            reference_.pending.emplace(name.value, std::string{world_.nodes->name(node)});
        }
    }

    void withdraw_some() {
        const auto j = world_.random() % world_.jobs.size();
        for (auto node : eligible(j)) {
            if (world_.random() % 2 == 0) continue;
            auto& e = engine_of(node);
            e.remove_pending(*e.find_job(world_.jobs[j].name), std::array{node});
            reference_.pending.erase({world_.jobs[j].name.value, std::string{world_.nodes->name(node)}});
        }
    }

    void end(invocation_id invocation) {
        EXPECT_TRUE(pools_[partition_of(invocation, count_)].core.finish(invocation));
        reference_.finish(invocation);
        const auto lent = lent_.find(invocation);
        if (lent == lent_.end()) return;
        for (const auto p : lent->second) EXPECT_TRUE(pools_[p].core.finish(invocation));
        lent_.erase(lent);
    }

    void finish_some() {
        for (int n = 0; n < 3 && !reference_.running.empty(); ++n) {
            auto r = reference_.running.begin();
            std::advance(r, static_cast<long>(world_.random() % reference_.running.size()));
            end(r->first);
        }
        if (world_.random() % 4 == 0) offer(world_.random() % world_.jobs.size());
    }

    void toggle_worker() {
        const auto w = world_.random() % world_.workers.size();
        auto& worker = world_.workers[w];
        if (!worker.alive) {
            worker.alive = worker.accepting = true;
            return put_worker(w);
        }
        worker.accepting = !worker.accepting;
        for_each_engine([&](engine& e) { e.set_accepting(worker_index{w}, worker.accepting); });
        broker_.set_accepting(worker_index{w}, worker.accepting);
    }

    void lose_worker() {
        const auto w = world_.random() % world_.workers.size();
        if (!world_.workers[w].alive) return;
        world_.workers[w].alive = false;
        broker_.erase_worker(worker_index{w});
        for (auto& p : pools_)
            for (const auto& [invocation, task] : p.core.erase_worker(worker_index{w})) {
                reference_.finish(invocation);
                for (const auto other : lent_[invocation]) EXPECT_TRUE(pools_[other].core.finish(invocation));
                lent_.erase(invocation);
            }
    }

    void change_job() {
        const auto j = world_.random() % world_.jobs.size();
        auto& spec = world_.jobs[j];
        if (world_.random() % 3 == 0) {  // it goes, and comes back
            for_each_engine([&](engine& e) { e.erase_job(spec.name); });
            std::erase_if(reference_.pending, [&](const auto& task) { return task.first == spec.name.value; });
        }
        world_.draw_demands(spec);
        for_each_engine([&](engine& e) { e.put_job(spec); });
    }

    void check() {
        std::size_t pending = 0;
        std::size_t running = 0;
        for_each_engine([&](engine& e) {
            EXPECT_EQ(e.sanity_check(), "");
            pending += e.pending_count();
            running += e.running_count();
        });
        EXPECT_EQ(pending, reference_.pending.size());
        std::size_t lent = 0;
        for (const auto& [invocation, holders] : lent_) lent += holders.size();
        EXPECT_EQ(running, reference_.running.size() + lent);
        if (count_ == 1) {
            while (start_some(pools_.front(), 10)) {
            }
            EXPECT_EQ(reference_.startable(), "");
        }
    }

    using slots = std::vector<std::int64_t>;
    random_world world_;
    std::uint32_t count_;
    slot_broker broker_;
    brute_force reference_;
    std::vector<pool> pools_;
    std::map<invocation_id, std::vector<std::uint32_t>> lent_;               // whose nodes tasks of others are on
    std::map<std::pair<std::string, std::string>, invocation_id> last_ids_;  // by task
    bool asking_ = false;
};

TEST(partitions_property, never_over_a_limit_and_nothing_left_waiting) {
    test::for_each_seed(1500, [](std::uint64_t seed) {
        partitions_run run{seed};
        for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) run.step();
        if (!::testing::Test::HasFailure()) run.drain();
    });
}

}  // namespace
}  // namespace bistro
