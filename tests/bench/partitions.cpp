// How much faster two or more engines decide, each with a part of the forest and a core of its own: two levels, 25
// databases a host, one slot a host and one a database, no resource of the instance. Tasks end and start in batches,
// when every host is taken. Prints for each number of partitions the cycles (a start and an end) a second of all of
// them together, and the ratio to one partition, in the same run.
// Then what a round of leases costs the broker where 10,000 workers have 16 slots each, and pools claim as many sorts
// of them as they may.
//
// Usage: bench_partitions [LEAVES JOBS [ROUNDS]]   default: 3000000 10 5
#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "model/engine/engine.hpp"
#include "model/slot_broker.hpp"

namespace bistro {
namespace {

using steady = std::chrono::steady_clock;
constexpr std::size_t databases_a_host = 25;
constexpr std::size_t batch_size = 256;
constexpr std::size_t workers = 10;
constexpr std::int64_t slots_a_worker = 1'000'000;

forest_ptr make_nodes(std::size_t leaves) {
    std::vector<node_decl> nodes;
    const auto hosts = std::max<std::size_t>(leaves / databases_a_host, 1);
    for (std::size_t h = 0; h < hosts; ++h) nodes.push_back({"host" + std::to_string(h), "host", {}, {}, true, false});
    for (std::size_t i = 0; i < leaves; ++i)
        nodes.push_back({"db" + std::to_string(i), "db", {"host" + std::to_string(i % hosts)}, {}, true, false});
    return build_forest({"host", "db"}, nodes).nodes;
}

resource_table make_resources() {
    resource_table resources;
    resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
    resources.by_level["db"] = {{"db_slots", 1, 1, 0}};
    resources.by_level["worker"] = {{"slots", slots_a_worker, 1, 1}};
    return resources;
}

// An engine with all that runs there.
struct part {
    engine core;
    std::vector<invocation_id> running;
    std::mt19937_64 random{1};

    part(partition own, const forest_ptr& nodes, std::size_t jobs)
        : core{engine_options{}, invocation_id::first_of_epoch(1), own} {
        core.set_resources(make_resources());
        for (std::size_t w = 0; w < workers; ++w)
            core.put_worker(worker_index{w}, {shard_name{"w" + std::to_string(w)}, "h", {}});
        core.set_forest(nodes);
        std::vector<node_index> tasks;
        const auto level = nodes->innermost();
        for (std::size_t i = 0; i < nodes->size_of(level); ++i)
            if (const node_index node{nodes->first_of(level).value + i};
                partition_of(*nodes, node, own.count) == own.number)
                tasks.push_back(node);
        for (std::size_t j = 0; j < jobs; ++j) {
            job_spec job;
            job.name = job_id{"job" + std::to_string(j)};
            job.level = "db";
            core.add_pending(core.put_job(job), tasks);
        }
    }

    slot_report report() {
        slot_report r;
        r.used.push_back({{}, {}});
        for (const auto w : core.workers().all())
            r.used.push_back({w, {core.workers().used(w).begin(), core.workers().used(w).end()}});
        r.claims = core.claims(max_slot_claims, max_host_claims);
        return r;
    }

    void fill() {
        for (;;) {
            const auto started = core.start(1000);
            if (started.empty()) return;
            for (const auto& d : started) running.push_back(d.invocation);
        }
    }

    void cycle(std::size_t cycles) {
        std::vector<invocation_id> ended;
        for (std::size_t done = 0; done < cycles;) {
            ended.clear();
            for (std::size_t i = 0; i < batch_size && !running.empty(); ++i) {
                std::swap(running[random() % running.size()], running.back());
                ended.push_back(running.back());
                running.pop_back();
            }
            core.finish(ended);
            const auto started = core.start(batch_size);
            if (started.empty()) return;
            for (const auto& d : started) running.push_back(d.invocation);
            done += started.size();
        }
    }
};

double cycles_a_second(std::uint32_t count, const forest_ptr& nodes, std::size_t jobs) {
    std::vector<part> parts;
    for (std::uint32_t p = 0; p < count; ++p) parts.emplace_back(partition{p, count}, nodes, jobs);
    // Leases as the scheduler deals them: half of the slots each, and none is lacking afterwards.
    slot_broker broker{count};
    broker.forget_workers(1);
    for (std::size_t w = 0; w < workers; ++w) broker.put_worker(worker_index{w}, "h", {slots_a_worker});
    for (bool changed = count > 1; changed;) {
        broker.begin_round();
        std::vector<slot_report> reports;
        for (auto& p : parts) reports.push_back(p.report());
        auto outcome = broker.deal(reports);
        changed = outcome.changed;
        for (std::uint32_t p = 0; p < count; ++p)
            for (const auto& lease : outcome.leases[p]) parts[p].core.lease_worker(lease.worker, lease.slots);
    }
    for (auto& p : parts) p.fill();
    const auto cycles = std::min<std::size_t>(2'000'000, nodes->size() * jobs / 4);
    std::barrier together{static_cast<std::ptrdiff_t>(count) + 1};
    std::vector<std::jthread> threads;
    for (auto& p : parts)
        threads.emplace_back([&, per_part = cycles / count] {
            together.arrive_and_wait();
            p.cycle(per_part);
        });
    together.arrive_and_wait();
    const auto begin = steady::now();
    threads.clear();  // joins
    return static_cast<double>(cycles) / std::chrono::duration<double>(steady::now() - begin).count();
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
        rounds.push_back(std::chrono::duration<double, std::milli>(steady::now() - begin).count());
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
}  // namespace bistro

int main(int argc, char** argv) {
    const auto number = [&](int i, std::size_t otherwise) {
        return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
    };
    bistro::measure(number(1, 3'000'000), number(2, 10), number(3, 5));
    bistro::measure_broker();
}
