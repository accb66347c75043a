// Figure 4 of the original's paper (USENIX ATC 2015), through the actors and in real time: two levels, 25 databases a
// host, one slot a host and one a database, tasks that last from 0 to 2d seconds. Scheduler, pool, jobs, monitor and
// stores are those of `bistro scheduler`, but that statuses go to a store that keeps none, as the paper's did; tasks
// run on a simulated worker. Prints the normalized throughput: tasks finished a second, of slots divided by d. Usage:
// bench_figure4 LEAVES JOBS MEAN_S [INSTANCE_SLOTS [SECONDS [PARTITIONS]]]; instance slots of 0: no global resource
#include <algorithm>
#include <caf/all.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/network.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "config/toml_loader.hpp"
#include "io/io_loop.hpp"
#include "tests/bench/simulated_worker.hpp"
#include "tests/bench/two_levels.hpp"

namespace bistro::bench {
namespace {

struct setting {
    std::size_t leaves = 0;
    std::size_t jobs = 0;
    double mean_s = 1;
    std::size_t instance_slots = 0;
    double seconds = 20;
    std::size_t partitions = 1;

    [[nodiscard]] std::size_t hosts() const { return leaves / databases_a_host; }
    [[nodiscard]] double slots() const {
        return static_cast<double>(instance_slots > 0 ? std::min(instance_slots, hosts()) : hosts());
    }
};

class forgetful_store final : public status_store {
public:
    std::uint64_t begin_epoch() override { return 1; }
    std::uint64_t cluster() override { return 1; }
    void commit(const status_batch&) override {}
    void for_each_status(const job_id&, const std::function<void(const node_id&, task_status)>&) override {}
    void for_each_failure(const job_id&, const std::function<void(failure_record)>&) override {}
    std::vector<job_id> jobs() override { return {}; }
    std::vector<attempt> attempts(const job_id&, const node_id&, std::size_t) override { return {}; }
    std::vector<worker_instance> workers() override { return {}; }
    void clear() override {}
};

std::shared_ptr<const settings> config_of(const setting& what) {
    std::string text = "[nodes]\nlevels = [\"host\", \"db\"]\n";
    const auto source = [&](const char* parent, const char* format, std::size_t end) {
        text += std::string{"[[nodes.sources]]\nsource = \"range_label\"\nstart = 1\nparent_level = \""} + parent +
                "\"\nformat = \"" + format + "\"\nend = " + std::to_string(end) + "\n";
    };
    source("instance", "host{i}", what.hosts());
    source("host", "{parent}:{i}", databases_a_host);
    text += "[resources.host]\nslot = { limit = 1, default = 1 }\n[resources.db]\nlock = { limit = 1, default = 1 }\n";
    if (what.instance_slots > 0)
        text += "[resources.instance]\nall = { limit = " + std::to_string(what.instance_slots) + ", default = 1 }\n";
    for (std::size_t i = 0; i < what.jobs; ++i)
        text += "[jobs.job" + std::to_string(i) + "]\nowner = \"bench\"\ncommand = [\"/bin/true\"]\n";
    text += "[scheduler]\npartitions = " + std::to_string(what.partitions) + "\n";
    auto loaded = parse_config(text, "/bench.toml");
    if (!loaded.config) {
        for (const auto& e : loaded.errors) std::fprintf(stderr, "%s\n", to_string(e).c_str());
        std::exit(2);
    }
    return std::make_shared<const settings>(*std::move(loaded.config));
}

void sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>{seconds}); }

void measure(const setting& what) {
    io_loop loop;
    system_config actors{std::nullopt};
    actors.run_on(loop);
    caf::actor_system system{actors};
    const auto monitor = system.spawn(monitor_behavior, std::shared_ptr<event_log>{});
    const auto store = system.spawn(
        status_store_behavior, std::make_shared<std::unique_ptr<status_store>>(std::make_unique<forgetful_store>()));
    const auto logs =
        system.spawn(log_store_behavior,
                     std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}}), monitor);
    scheduler_options options;
    options.config = config_of(what);
    options.first_invocation = invocation_id::first_of_epoch(1);
    options.store = store;
    options.logs = logs;
    options.monitor = monitor;
    options.tools = {nullptr, &loop, what.partitions > 1};
    options.secret = "secret";
    options.run = live_runtime();
    const auto began = steady::now();
    const auto scheduler = system.spawn(scheduler_behavior, options);
    simulated_work work;
    auto worker = system.spawn<caf::detached>(simulated_worker_behavior, scheduler, std::string{"secret"},
                                              worker_info{shard_name{"simulated"}, "host", {}}, what.mean_s, &work);
    work.started.wait(0);
    const auto first = seconds_since(began);
    for (auto n = work.started.load(); static_cast<double>(n) < what.slots(); n = work.started) work.started.wait(n);
    const auto filled = seconds_since(began);
    sleep(8 * what.mean_s);  // until starts are spread over time
    const auto before = work.finished.load();
    const auto window = steady::now();
    sleep(what.seconds);
    const auto rate = static_cast<double>(work.finished - before) / seconds_since(window);
    std::printf(
        "%9zu leaves x %2zu jobs, d = %g s%s: first start after %.2f s, all slots taken after %.2f s, "
        "%.0f tasks/s, normalized %.4f, %.0f MB\n",
        what.leaves, what.jobs, what.mean_s,
        what.instance_slots > 0 ? (", " + std::to_string(what.instance_slots) + " instance slots").c_str() : "", first,
        filled, rate, rate * what.mean_s / what.slots(), resident_mb());
    std::fflush(stdout);
    std::_Exit(0);  // nobody waits for the forest to be taken apart
}

}  // namespace
}  // namespace bistro::bench

int main(int argc, char** argv) {
    bistro::bench::setting what;
    if (argc < 4 || argc > 7) {
        std::fprintf(stderr, "usage: bench_figure4 LEAVES JOBS MEAN_S [INSTANCE_SLOTS [SECONDS [PARTITIONS]]]\n");
        return 2;
    }
    what.leaves = std::strtoull(argv[1], nullptr, 10);
    what.jobs = std::strtoull(argv[2], nullptr, 10);
    what.mean_s = std::strtod(argv[3], nullptr);
    if (argc > 4) what.instance_slots = std::strtoull(argv[4], nullptr, 10);
    if (argc > 5) what.seconds = std::strtod(argv[5], nullptr);
    if (argc > 6) what.partitions = std::strtoull(argv[6], nullptr, 10);
    if (what.hosts() == 0 || what.jobs == 0 || what.mean_s <= 0) return 2;
    bistro::bench::measure(what);
}
