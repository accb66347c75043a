// The matching engine alone: two levels, 25 databases a host, one slot a host and one a database, as in figure 4 of the
// original's paper (USENIX ATC 2015). Prints a table: how long the nodes, a job and the first decision take, how many
// tasks start and finish a second on one core when every slot is taken, and the memory of it all; beside a pass of the
// brute-force loop that looks at every job and every node.
// Usage: bench_forest [LEAVES JOBS]...   default: the four settings of the README
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/two_levels.hpp"

namespace bistro::bench {
namespace {

// One pass of the loop that the original runs: every job, every node, a look at the free slots. Seconds.
double brute_force_pass(const forest& nodes, std::size_t jobs) {
    std::vector<std::int64_t> free(nodes.size(), 0);  // all taken, as when the system is busy
    std::size_t startable = 0;
    const auto leaves = all_leaves(nodes);
    const auto begin = steady::now();
    for (std::size_t j = 0; j < jobs; ++j)
        for (auto leaf : leaves)
            if (free[leaf.value] > 0 && free[nodes.parents(leaf)[0].value] > 0) ++startable;
    const auto took = seconds_since(begin);
    return startable == 0 ? took : 0;
}

constexpr std::size_t more_nodes = 1000;

// A thousand databases more, each on another host, for all jobs; up to the first of them that starts. Milliseconds.
double add_nodes(engine& core, forest_ptr nodes, std::size_t leaves, std::size_t jobs) {
    const auto hosts = nodes->size_of(level_index{1});
    node_changes changes;
    for (std::size_t i = 0; i < more_nodes; ++i)
        changes.added.push_back({"db" + std::to_string(leaves + i),
                                 "db",
                                 {"host" + std::to_string(i * std::max<std::size_t>(hosts / more_nodes, 1) % hosts)},
                                 {},
                                 true,
                                 false});
    const auto begin = steady::now();
    const auto after = change_forest(nodes, changes, nodes->version() + 1);
    core.set_forest(after);
    std::vector<node_index> tasks;
    for (const auto& d : changes.added) tasks.push_back(*after->find(d.name));
    for (std::size_t j = 0; j < jobs; ++j) core.add_pending(job_index{j}, tasks);
    static_cast<void>(core.start(1));
    return seconds_since(begin) * 1e3;
}

void measure(std::size_t leaves, std::size_t jobs) {
    auto begin = steady::now();
    const auto nodes = make_nodes(leaves);
    const auto build_s = seconds_since(begin);
    const auto tasks = all_leaves(*nodes);

    engine core{{}, invocation_id::first_of_epoch(1)};
    set_up(core, 1'000'000'000);
    begin = steady::now();
    core.set_forest(nodes);
    for (std::size_t j = 0; j < jobs; ++j) core.add_pending(core.put_job(make_job(j)), tasks);
    auto first = core.start(1);
    const auto first_s = seconds_since(begin);

    std::vector<invocation_id> running{first.front().invocation};
    begin = steady::now();
    fill(core, running);
    const auto fill_us = seconds_since(begin) * 1e6 / static_cast<double>(running.size());

    std::mt19937_64 random{1};
    // Ends come in batches under load; one at a time is the other extreme.
    const auto cycles_a_second = [&](std::size_t batch) {
        const auto cycles = std::min<std::size_t>(1'000'000, leaves * jobs / 4);
        const auto start = steady::now();
        const auto done = cycle(core, running, random, batch, cycles);
        return static_cast<double>(done) / seconds_since(start);
    };
    const auto single = cycles_a_second(1);
    const auto batched = cycles_a_second(batch_size);
    const auto memory = resident_mb();

    const auto waiting = *core.find_job(job_id{"job0"});
    begin = steady::now();
    const auto groups = core.all_waiting(waiting);
    const auto explain_job_s = seconds_since(begin);
    constexpr int explained = 100;
    begin = steady::now();
    for (int i = 0; i < explained; ++i) {
        const auto task = tasks[random() % tasks.size()];
        if (core.is_pending(waiting, task)) static_cast<void>(core.holders(core.why_waiting(waiting, task), 10));
    }
    const auto explain_task_s = seconds_since(begin) / explained;

    begin = steady::now();
    core.add_pending(core.put_job(make_job(jobs)), tasks);
    const auto job_s = seconds_since(begin);
    const auto brute_s = brute_force_pass(*nodes, jobs);
    const auto nodes_ms = add_nodes(core, nodes, leaves, jobs);
    std::printf(
        "| %9zu | %5zu | %6.2f s | %6.2f s | %6.2f us | %9.0f | %9.0f | %7.0f MB | %5.1f | %7.1f ms | %7.1f ms | %8.1f "
        "ms "
        "| %7.3f ms | %7.1f ms |\n",
        leaves, jobs, build_s, first_s, fill_us, single, batched, memory,
        memory * 1e6 / static_cast<double>(leaves * jobs), job_s * 1e3, nodes_ms, brute_s * 1e3, explain_task_s * 1e3,
        explain_job_s * 1e3);
    std::fflush(stdout);
}

}  // namespace
}  // namespace bistro::bench

int main(int argc, char** argv) {
    std::printf(
        "|    leaves |  jobs |  nodes   |  first   | to fill   | one by one | in batches | memory   | B/task | a job "
        "more | 1000 nodes more | brute pass | explain a task | a job |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    std::vector<std::pair<std::size_t, std::size_t>> settings;
    for (int i = 1; i + 1 < argc; i += 2)
        settings.emplace_back(std::strtoull(argv[i], nullptr, 10), std::strtoull(argv[i + 1], nullptr, 10));
    if (settings.empty()) settings = {{300'000, 5}, {3'000'000, 10}, {10'000'000, 5}, {100'000, 1000}};
    for (auto [leaves, jobs] : settings) bistro::bench::measure(leaves, jobs);
}
