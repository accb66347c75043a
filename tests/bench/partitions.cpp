// How much faster two or more engines decide, each with a part of the forest and a core of its own: two levels, 25
// databases a host, one slot a host and one a database, no resource of the instance. Tasks end and start in batches,
// when every host is taken. Prints for each number of partitions the cycles (a start and an end) a second of all of
// them together, and the ratio to one partition, in the same run.
// Then what a round of leases costs the broker where 10,000 workers have 16 slots each, and pools claim as many sorts
// of them as they may.
//
// Usage: bench_partitions [LEAVES JOBS [ROUNDS]]   default: 3000000 10 5
#include <algorithm>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "model/slot_broker.hpp"
#include "tests/bench/two_levels.hpp"

namespace bistro::bench {
namespace {

constexpr std::int64_t slots_a_worker = 1'000'000;

// An engine with all that runs there.
struct part {
    engine core;
    std::vector<invocation_id> running;
    std::mt19937_64 random{1};

    part(partition own, const forest_ptr& nodes, std::size_t jobs)
        : core{engine_options{}, invocation_id::first_of_epoch(1), own} {
        set_up(core, slots_a_worker);
        core.set_forest(nodes);
        auto tasks = all_leaves(*nodes);
        std::erase_if(tasks, [&](node_index task) { return partition_of(*nodes, task, own.count) != own.number; });
        for (std::size_t j = 0; j < jobs; ++j) core.add_pending(core.put_job(make_job(j)), tasks);
    }

    slot_report report() {
        slot_report r;
        r.used.push_back({{}, {}});
        for (const auto w : core.workers().all())
            r.used.push_back({w, {core.workers().used(w).begin(), core.workers().used(w).end()}});
        r.claims = core.claims(max_slot_claims, max_host_claims);
        return r;
    }
};

double cycles_a_second(std::uint32_t count, const forest_ptr& nodes, std::size_t jobs) {
    std::vector<part> parts;
    for (std::uint32_t p = 0; p < count; ++p) parts.emplace_back(partition{p, count}, nodes, jobs);
    // Leases as the scheduler deals them: half of the slots each, and none is lacking afterwards.
    slot_broker broker{count};
    broker.forget_workers(1);
    for (const auto w : parts.front().core.workers().all()) broker.put_worker(w, "h", {slots_a_worker});
    for (bool changed = count > 1; changed;) {
        broker.begin_round();
        std::vector<slot_report> reports;
        for (auto& p : parts) reports.push_back(p.report());
        auto outcome = broker.deal(reports);
        changed = outcome.changed;
        for (std::uint32_t p = 0; p < count; ++p)
            for (const auto& lease : outcome.leases[p]) parts[p].core.lease_worker(lease.worker, lease.slots);
    }
    for (auto& p : parts) fill(p.core, p.running);
    const auto cycles = std::min<std::size_t>(2'000'000, nodes->size() * jobs / 4);
    std::barrier together{static_cast<std::ptrdiff_t>(count) + 1};
    std::vector<std::jthread> threads;
    for (auto& p : parts)
        threads.emplace_back([&, per_part = cycles / count] {
            together.arrive_and_wait();
            cycle(p.core, p.running, p.random, batch_size, per_part);
        });
    together.arrive_and_wait();
    const auto begin = steady::now();
    threads.clear();  // joins
    return static_cast<double>(cycles) / seconds_since(begin);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void measure(std::size_t leaves, std::size_t jobs, std::size_t rounds) {
    const auto nodes = make_nodes(leaves);
    const auto most = std::max(std::thread::hardware_concurrency(), 2U);
    std::vector<std::uint32_t> counts;
    for (std::uint32_t count = 1; count <= most; count *= 2) counts.push_back(count);
    std::vector<std::vector<double>> rates(counts.size());
    for (std::size_t round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < counts.size(); ++i) rates[i].push_back(cycles_a_second(counts[i], nodes, jobs));
    std::printf("| leaves | jobs | partitions | cycles/s (median) | to one partition (median) | lowest ratio |\n");
    std::printf("| --- | --- | --- | --- | --- | --- |\n");
    for (std::size_t i = 0; i < counts.size(); ++i) {
        std::vector<double> ratios;
        for (std::size_t round = 0; round < rounds; ++round) ratios.push_back(rates[i][round] / rates[0][round]);
        std::printf("| %zu | %zu | %u | %.0f | %.2f | %.2f |\n", leaves, jobs, counts[i], median(rates[i]),
                    median(ratios), *std::min_element(ratios.begin(), ratios.end()));
    }
}

double deal_ms(std::uint32_t pools, bool all_in_use) {
    constexpr std::size_t many = 10'000;
    constexpr std::int64_t slots_each = 16;
    slot_broker broker{pools};
    broker.set_instance({1'000'000'000});
    broker.forget_workers(1);
    for (std::size_t w = 0; w < many; ++w) broker.put_worker(worker_index{w}, "h" + std::to_string(w), {slots_each});
    std::vector<double> rounds;
    for (int round = 0; round < 9; ++round) {
        std::vector<slot_report> reports(pools);
        for (auto& report : reports) {
            report.used.push_back({{}, {0}});
            for (std::size_t w = 0; w < many; ++w)
                report.used.push_back({worker_index{w}, {all_in_use ? slots_each / pools : 0}});
            for (std::size_t c = 0; c < max_slot_claims; ++c)
                report.claims.push_back({{1}, {static_cast<std::int64_t>(1 + c % 5)}, {}, 100'000 + c, c});
        }
        broker.begin_round();
        const auto begin = steady::now();
        broker.deal(reports);
        rounds.push_back(seconds_since(begin) * 1e3);
    }
    return median(rounds);
}

void measure_broker() {
    std::printf(
        "\n| workers | pools | claims of each | a round, all idle | all in use |\n| --- | --- | --- | --- | --- |\n");
    for (const std::uint32_t pools : {2U, 4U})
        std::printf("| 10000 | %u | %zu | %.1f ms | %.1f ms |\n", pools, max_slot_claims, deal_ms(pools, false),
                    deal_ms(pools, true));
}

}  // namespace
}  // namespace bistro::bench

int main(int argc, char** argv) {
    const auto number = [&](int i, std::size_t otherwise) {
        return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
    };
    bistro::bench::measure(number(1, 3'000'000), number(2, 10), number(3, 5));
    bistro::bench::measure_broker();
}
