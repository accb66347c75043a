// What the benchmarks of the engine share: the setting of figure 4 of the original's paper, two levels with 25
// databases a host, one slot a host and one a database; and how time and memory are read.
#pragma once

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "model/engine/engine.hpp"

namespace bistro::bench {

using steady = std::chrono::steady_clock;
inline constexpr std::size_t databases_a_host = 25;
inline constexpr std::size_t batch_size = 256;  ///< under load, ends come in batches

inline double seconds_since(steady::time_point begin) {
    return std::chrono::duration<double>(steady::now() - begin).count();
}

inline double resident_mb() {
    std::ifstream statm{"/proc/self/statm"};
    std::size_t pages = 0;
    statm >> pages >> pages;
    return static_cast<double>(pages) * 4096 / 1e6;
}

inline forest_ptr make_nodes(std::size_t leaves) {
    std::vector<node_decl> nodes;
    const auto hosts = std::max<std::size_t>(leaves / databases_a_host, 1);
    nodes.reserve(hosts + leaves);
    for (std::size_t h = 0; h < hosts; ++h) nodes.push_back({"host" + std::to_string(h), "host", {}, {}, true, false});
    for (std::size_t i = 0; i < leaves; ++i)
        nodes.push_back({"db" + std::to_string(i), "db", {"host" + std::to_string(i % hosts)}, {}, true, false});
    return build_forest({"host", "db"}, nodes).nodes;
}

inline std::vector<node_index> all_leaves(const forest& nodes) {
    std::vector<node_index> result;
    for (std::size_t i = 0; i < nodes.size_of(nodes.innermost()); ++i)
        result.emplace_back(nodes.first_of(nodes.innermost()).value + i);
    return result;
}

inline job_spec make_job(std::size_t number) {
    job_spec job;
    job.name = job_id{"job" + std::to_string(number)};
    job.level = "db";
    return job;
}

/// One slot a host and a database, and ten workers with so many slots each.
inline void set_up(engine& core, std::int64_t slots_a_worker) {
    resource_table resources;
    resources.by_level["host"] = {{"host_slots", 1, 1, 0}};
    resources.by_level["db"] = {{"db_slots", 1, 1, 0}};
    resources.by_level["worker"] = {{"slots", slots_a_worker, 1, 1}};
    core.set_resources(resources);
    constexpr std::size_t workers = 10;
    for (std::size_t w = 0; w < workers; ++w)
        core.put_worker(worker_index{w}, {shard_name{"w" + std::to_string(w)}, "h", {}});
}

/// Starts all that can start.
inline void fill(engine& core, std::vector<invocation_id>& running) {
    constexpr std::size_t at_once = 1000;
    for (;;) {
        const auto started = core.start(at_once);
        if (started.empty()) return;
        for (const auto& d : started) running.push_back(d.invocation);
    }
}

/// Ends tasks at random, so many at once, and starts what fits then, until so many have started. Gives how many have.
inline std::size_t cycle(engine& core, std::vector<invocation_id>& running, std::mt19937_64& random, std::size_t batch,
                         std::size_t cycles) {
    std::vector<invocation_id> ended;
    std::size_t done = 0;
    for (std::size_t n = 1; done < cycles && n > 0; done += n) {
        ended.clear();
        for (std::size_t i = 0; i < batch && !running.empty(); ++i) {
            std::swap(running[random() % running.size()], running.back());
            ended.push_back(running.back());
            running.pop_back();
        }
        core.finish(ended);
        n = 0;
        for (const auto& d : core.start(batch)) {
            running.push_back(d.invocation);
            ++n;
        }
    }
    return done;
}

}  // namespace bistro::bench
