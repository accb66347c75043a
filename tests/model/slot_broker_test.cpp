#include "model/slot_broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

namespace bistro {
namespace {

using ::testing::ElementsAre;

// Pools that do nothing but keep to their leases: each has tasks of one size that use the instance, or one worker.
class slot_broker_test : public ::testing::Test {
protected:
    struct pool {
        std::map<worker_index, std::vector<std::int64_t>> leased;  // an invalid worker: the instance
        std::map<worker_index, std::vector<std::int64_t>> used;
        std::vector<slot_claim> claims;
        std::uint64_t served = 0;
    };

    void make(std::uint32_t count, std::int64_t instance, const std::vector<std::int64_t>& workers) {
        broker = slot_broker{count};
        pools.assign(count, {});
        broker.set_instance({instance});
        broker.forget_workers(1);
        for (auto& p : pools) p.used[{}] = {0};
        for (std::size_t w = 0; w < workers.size(); ++w) {
            broker.put_worker(worker_index{w}, "host" + std::to_string(w), {workers[w]});
            limits[worker_index{w}] = workers[w];
            for (auto& p : pools) p.used[worker_index{w}] = {0};
        }
        limits[{}] = instance;
    }

    // One round; true where something has moved.
    bool deal() {
        broker.begin_round();
        std::vector<slot_report> reports;
        for (auto& p : pools) {
            slot_report report;
            for (const auto& [worker, used] : p.used) report.used.push_back({worker, used});
            report.claims = p.claims;
            for (auto& claim : report.claims) claim.served = p.served;
            reports.push_back(std::move(report));
        }
        auto outcome = broker.deal(reports);
        EXPECT_EQ(broker.sanity_check(), "");
        for (std::size_t p = 0; p < pools.size(); ++p)
            for (const auto& lease : outcome.leases[p]) pools[p].leased[lease.worker] = lease.slots;
        for (const auto& [account, limit] : limits) {
            std::int64_t held = 0;
            for (auto& p : pools) held += std::max(lease_of(p, account), p.used[account][0]);
            EXPECT_LE(held, limit);
        }
        last = outcome;
        return outcome.changed;
    }
    void deal_to_the_end() {
        for (int n = 0; deal(); ++n) ASSERT_LT(n, 100) << "leases never come to rest";
    }

    static std::int64_t lease_of(pool& p, worker_index account) {
        return p.leased[account].empty() ? 0 : p.leased[account][0];
    }
    // Starts a task where its demand fits.
    bool start(std::size_t number, std::int64_t of_instance, std::int64_t of_worker, worker_index worker) {
        auto& p = pools[number];
        if (of_instance > 0 && lease_of(p, {}) - p.used[{}][0] < of_instance) return false;
        if (of_worker > 0 && lease_of(p, worker) - p.used[worker][0] < of_worker) return false;
        p.used[{}][0] += of_instance;
        if (of_worker > 0) p.used[worker][0] += of_worker;
        ++p.served;
        return true;
    }

    slot_broker broker{1};
    std::vector<pool> pools;
    std::map<worker_index, std::int64_t> limits;
    slot_broker::outcome last;
    const worker_index w0{std::size_t{0}};
};

TEST_F(slot_broker_test, what_nobody_claims_is_divided) {
    make(2, 5, {4, 1, 1});
    deal_to_the_end();
    EXPECT_EQ(lease_of(pools[0], {}) + lease_of(pools[1], {}), 5);
    EXPECT_EQ(lease_of(pools[0], w0), 2);
    EXPECT_EQ(lease_of(pools[1], w0), 2);
    EXPECT_EQ(lease_of(pools[0], worker_index{1}) + lease_of(pools[0], worker_index{2}), 1) << "one worker each";
    EXPECT_FALSE(deal()) << "nothing changes by itself";
}

TEST_F(slot_broker_test, idle_slots_go_to_who_claims_them_as_soon_as_they_are_given_back) {
    make(2, 8, {8});
    deal_to_the_end();
    pools[0].claims = {{{1}, {1}, {}, 100, 0}};
    deal();
    EXPECT_EQ(lease_of(pools[1], w0), 0);
    EXPECT_EQ(lease_of(pools[0], w0), 4) << "the other one may be starting tasks with its own right now";
    EXPECT_TRUE(last.moving);
    deal();
    EXPECT_EQ(lease_of(pools[0], w0), 8);
    EXPECT_EQ(lease_of(pools[0], {}), 8);
}

TEST_F(slot_broker_test, no_more_is_dealt_than_there_are_tasks) {
    make(2, 8, {8});
    deal_to_the_end();
    pools[0].claims = {{{1}, {1}, {}, 5, 0}};
    deal_to_the_end();
    EXPECT_EQ(lease_of(pools[0], w0), 5);
    EXPECT_EQ(lease_of(pools[1], w0), 3);
}

TEST_F(slot_broker_test, two_who_claim_everything_get_a_half_each_as_tasks_end) {
    make(2, 100, {6, 6});
    for (auto& p : pools) p.claims = {{{1}, {1}, {}, 1000, 0}};
    pools[1].claims.clear();
    deal_to_the_end();
    for (std::size_t w = 0; w < 2; ++w)
        while (start(0, 1, 1, worker_index{w})) {
        }
    EXPECT_EQ(pools[0].used[{}][0], 12);
    pools[1].claims = pools[0].claims;
    deal();
    for (int n = 0; n < 12; ++n) {
        auto& used = pools[0].used;  // one of its tasks ends
        for (std::size_t w = 0; w < 2; ++w)
            if (used[worker_index{w}][0] > 3) {
                --used[worker_index{w}][0];
                --used[{}][0];
                break;
            }
        deal_to_the_end();
        for (std::size_t p = 0; p < 2; ++p)
            for (std::size_t w = 0; w < 2; ++w)
                while (start(p, 1, 1, worker_index{w})) {
                }
    }
    EXPECT_EQ(pools[0].used[{}][0], 6);
    EXPECT_EQ(pools[1].used[{}][0], 6);
}

TEST_F(slot_broker_test, who_comes_second_gets_a_share_of_workers_with_one_slot_each) {
    make(2, 1000, std::vector<std::int64_t>(20, 1));
    pools[0].claims = {{{1}, {1}, {}, 1000, 0}};
    deal_to_the_end();
    for (std::size_t w = 0; w < 20; ++w) EXPECT_TRUE(start(0, 1, 1, worker_index{w}));
    pools[1].claims = pools[0].claims;
    deal_to_the_end();
    std::size_t given_up = 0;
    for (std::size_t w = 0; w < 20; ++w) given_up += lease_of(pools[0], worker_index{w}) == 0 ? 1 : 0;
    EXPECT_GE(given_up, 10U) << "as tasks end there, they go to the other";
    EXPECT_LE(given_up, 11U);
}

TEST_F(slot_broker_test, a_slot_too_small_for_one_is_of_use_to_another) {
    make(2, 1000, {8, 8});
    pools[0].claims = {{{1}, {5}, {}, 10, 0}};
    pools[1].claims = {{{1}, {3}, {}, 10, 0}};
    deal_to_the_end();
    EXPECT_TRUE(start(0, 1, 5, w0) || start(0, 1, 5, worker_index{1}));
    EXPECT_TRUE(start(1, 1, 3, w0) || start(1, 1, 3, worker_index{1}));
}

TEST_F(slot_broker_test, accounts_of_workers_that_are_gone_are_used_again) {
    make(2, 10, {4});
    for (std::size_t n = 1; n < 100; ++n) {
        broker.erase_worker(worker_index{n - 1});
        broker.put_worker(worker_index{n}, "h", {4});
        broker.begin_round();
        std::vector<slot_report> reports(2);
        for (auto& report : reports) report.used = {{{}, {0}}, {worker_index{n}, {0}}};
        const auto outcome = broker.deal(reports);
        ASSERT_FALSE(outcome.leases[0].empty());
        EXPECT_EQ(outcome.leases[0].back().worker, worker_index{n});
    }
}

// The other one's tasks always wait for the slots that its own free.
TEST_F(slot_broker_test, a_large_demand_starts_though_small_ones_never_cease) {
    make(3, 1000, {8});
    pools[0].claims = pools[1].claims = {{{1}, {1}, {}, 1000, 0}};
    pools[2].claims = {{{7}, {7}, {}, 1, 0}};
    std::deque<std::size_t> running;
    std::size_t steps = 0;
    for (; !start(2, 7, 7, w0) && steps < 200; ++steps) {
        deal();
        for (std::size_t p = 0; p < 2; ++p)
            while (start(p, 1, 1, w0)) running.push_back(p);
        if (running.empty()) continue;
        auto& p = pools[running.front()];
        running.pop_front();
        --p.used[w0][0];
        --p.used[{}][0];
    }
    EXPECT_LT(steps, 100U);
}

TEST_F(slot_broker_test, one_slot_goes_round) {
    make(3, 1, {100});
    for (auto& p : pools) p.claims = {{{1}, {1}, {}, 1000, 0}};
    for (int n = 0; n < 30; ++n) {
        deal_to_the_end();
        std::size_t started = 0;
        for (std::size_t p = 0; p < 3; ++p) started += start(p, 1, 1, w0) ? 1 : 0;
        EXPECT_EQ(started, 1U);
        for (auto& p : pools) p.used[w0] = p.used[{}] = {0};
    }
    for (auto& p : pools) EXPECT_EQ(p.served, 10U);
}

// Each has what the other needs.
TEST_F(slot_broker_test, instance_and_worker_slots_are_dealt_together) {
    make(2, 1, {1});
    deal_to_the_end();
    pools[0].claims = pools[1].claims = {{{1}, {1}, {}, 10, 0}};
    deal_to_the_end();
    EXPECT_NE(start(0, 1, 1, w0), start(1, 1, 1, w0));
}

TEST_F(slot_broker_test, a_worker_that_takes_no_tasks_or_is_on_another_host_is_not_dealt) {
    make(2, 100, {4, 4, 4});
    deal_to_the_end();
    broker.set_accepting(w0, false);
    pools[0].claims = {{{1}, {3}, {}, 1, 0}};
    deal_to_the_end();
    EXPECT_EQ(lease_of(pools[0], w0), 2);
    EXPECT_GE(lease_of(pools[0], worker_index{1}), 3);
    pools[0].claims = {{{1}, {3}, "host2", 1, 0}};
    deal_to_the_end();
    EXPECT_GE(lease_of(pools[0], worker_index{2}), 3);
}

TEST_F(slot_broker_test, what_was_reported_before_an_account_changed_says_nothing_of_it) {
    make(2, 4, {4});
    deal_to_the_end();
    broker.begin_round();
    broker.put_worker(w0, "host0", {4});  // it has come back
    std::vector<slot_report> reports(2);
    for (auto& report : reports) report.used = {{{}, {0}}, {w0, {0}}};
    EXPECT_FALSE(broker.deal(reports).changed) << "both may still be using their old leases of it";
    broker.begin_round();
    EXPECT_TRUE(broker.deal(reports).changed);
}

TEST_F(slot_broker_test, what_is_in_use_beyond_a_lease_counts) {
    make(2, 4, {});
    deal_to_the_end();
    broker.set_instance({4});  // it shrinks, or a worker came with tasks
    pools[0].leased = pools[1].leased = {};
    pools[0].used[{}] = {3};
    pools[1].used[{}] = {3};
    limits[{}] = 6;
    pools[0].claims = {{{1}, {0}, {}, 5, 0}};
    deal_to_the_end();
    EXPECT_LE(lease_of(pools[0], {}), 3);
    EXPECT_LE(lease_of(pools[1], {}), 3);
    pools[1].used[{}] = {0};
    deal_to_the_end();
    EXPECT_EQ(lease_of(pools[0], {}), 4);
}

}  // namespace
}  // namespace bistro
