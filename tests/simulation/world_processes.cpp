// The processes of a simulated cluster: how they begin, break and end.
#include <algorithm>

#include "io/error.hpp"
#include "tests/simulation/world.hpp"
#include "tests/support/forwarding_store.hpp"

namespace bistro::simulation {

namespace {

constexpr const char* secret = "secret of the cluster";

// The store of one life of the scheduler: writes nothing after it, and fails while the disk is full.
class store_of_a_life final : public test::forwarding_store {
public:
    store_of_a_life(disk& d, std::shared_ptr<bool> alive, std::shared_ptr<status_batch> unwritten)
        : forwarding_store{d.statuses}, disk_{d}, alive_{std::move(alive)}, unwritten_{std::move(unwritten)} {}
    void commit(const status_batch& batch) override {
        if (!*alive_) return;
        if (disk_.full) throw io_error{"the disk is full"};
        if (!unwritten_) return inner().commit(batch);
        inner().commit(*unwritten_);
        *unwritten_ = batch;
    }

private:
    disk& disk_;
    std::shared_ptr<bool> alive_;
    std::shared_ptr<status_batch> unwritten_;
};

}  // namespace

void world::start_scheduler() {
    auto& p = scheduler_;
    note("scheduler starts");
    p.up = true;
    p.alive = std::make_shared<bool>(true);
    p.unwritten = options_.planted == mutation::ack_before_commit ? std::make_shared<status_batch>() : nullptr;
    p.monitor = system_->spawn(monitor_behavior, std::shared_ptr<event_log>{});
    p.logs =
        system_->spawn(log_store_behavior,
                       std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}}), p.monitor);
    p.store =
        system_->spawn(status_store_behavior, std::make_shared<std::unique_ptr<status_store>>(
                                                  std::make_unique<store_of_a_life>(disk_, p.alive, p.unwritten)));
    scheduler_options options;
    auto own = *settings_;
    own.partitions = static_cast<std::uint32_t>(options_.partitions > 0 ? options_.partitions : 1 + pick(4));
    note("partitions: " + std::to_string(own.partitions));
    options.config = std::make_shared<const settings>(std::move(own));
    const auto epoch = disk_.statuses->begin_epoch();
    options.first_invocation = invocation_id::first_of_epoch(options_.planted == mutation::repeated_epoch ? 1 : epoch);
    if (options_.planted != mutation::forgotten_registry) options.known_workers = disk_.statuses->workers();
    options.store = p.store;
    options.logs = p.logs;
    options.monitor = p.monitor;
    options.secret = secret;
    options.run = clock_of(p.clock_rate);
    p.scheduler = system_->spawn(scheduler_behavior, options);
    p.gateway = system_->spawn(gateway_behavior, std::string{secret}, std::uint64_t{1}, p.scheduler, console_actor{});
}

void world::crash_scheduler() {
    auto& p = scheduler_;
    note("scheduler is killed");
    p.up = p.paused = false;
    *p.alive = false;
    for (auto& c : connections_)
        if (c->open()) cut(*c, false, true);
    // What its actors still do is seen by nobody: their store writes nothing, and their connections are cut.
    for (const auto& actor : {caf::actor_cast<caf::actor>(p.gateway), caf::actor_cast<caf::actor>(p.scheduler),
                              caf::actor_cast<caf::actor>(p.store), caf::actor_cast<caf::actor>(p.monitor),
                              caf::actor_cast<caf::actor>(p.logs)})
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    destroy(p.gateway);
    destroy(p.scheduler);
    destroy(p.store);
    destroy(p.monitor);
    destroy(p.logs);
}

void world::start_worker(std::size_t index) {
    auto& w = workers_[index];
    note("worker " + std::to_string(index) + " starts");
    w.up = true;
    w.reaped_ms = worker_process::never;
    if (w.instance == 0 || options_.planted != mutation::instance_not_new) w.instance = ++instances_;
    launchers_.push_back(std::make_unique<simulated_launcher>(processes_, index));
    w.launcher = launchers_.back().get();
    w.logs = system_->spawn(log_store_behavior,
                            std::make_shared<log_store_options>(log_store_options{make_memory_log_store(), {}}),
                            monitor_actor{});
    auto connect_later = [this, index, instance = w.instance](caf::event_based_actor*, int) -> caf::behavior {
        return {[=, this](const gateway_wanted&) {
            if (workers_[index].instance == instance) workers_[index].wants_gateway = true;
        }};
    };
    w.connector = system_->spawn(connect_later, 0);
    worker_options options;
    options.who.info = {shard_name{"w" + std::to_string(index)}, "host", {}};
    options.who.instance = w.instance;
    options.data_dir = "/data";
    options.logs = w.logs;
    options.launcher = w.launcher;
    options.first_session = random_() >> 1;
    options.connector = caf::actor_cast<caf::strong_actor_ptr>(w.connector);
    options.on_end = [this, index, instance = w.instance](const std::string& reason, bool) {
        note("worker " + std::to_string(index) + ": " + reason);
        if (workers_[index].up && workers_[index].instance == instance) ended_workers_.push_back(index);
    };
    options.run = clock_of(w.clock_rate);
    w.actor = system_->spawn(worker_behavior, options);
}

void world::end_worker(std::size_t index, const char* how) {
    auto& w = workers_[index];
    if (!w.up) return;
    note("worker " + std::to_string(index) + " " + how);
    w.up = w.wants_gateway = w.paused = false;
    w.unheard.clear();
    w.launcher->stop();
    for (auto& c : connections_)
        if (c->open() && c->worker() == index) cut(*c, true, false);
    for (const auto& actor : {caf::actor_cast<caf::actor>(w.actor), w.connector, caf::actor_cast<caf::actor>(w.logs)})
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    destroy(w.actor);
    destroy(w.connector);
    destroy(w.logs);
    unacknowledged_.erase(index);
    const bool survive = options_.planted == mutation::survivors_of_a_crash;
    for (auto& [id, process] : processes_.running) {
        if (process.worker != index || process.orphan) continue;
        process.orphan = true;
        const auto reaped_ms = now_ms_ + static_cast<std::int64_t>(pick(reaping_ms));
        process.ends_ms =
            survive ? now_ms_ + 3 * settings_->liveness.lost_after_ms : std::min(process.ends_ms, reaped_ms);
    }
}

void world::resume(std::size_t index) {
    auto& w = workers_[index];
    note("worker " + std::to_string(index) + " goes on");
    w.paused = false;
    w.launcher->resume();
    for (auto& [events, outcome] : std::exchange(w.unheard, {})) events.on_end(outcome);
}

// As CAF does, a worker that already has a connection is given the same again.
void world::connect(std::size_t index) {
    auto& w = workers_[index];
    w.wants_gateway = false;
    const auto gateway = caf::actor_cast<caf::strong_actor_ptr>(scheduler_.gateway);
    connection* mine = nullptr;
    for (auto& c : connections_)
        if (c->open() && c->worker() == index) mine = c.get();
    if (mine == nullptr) {
        note("worker " + std::to_string(index) + " connects");
        connections_.push_back(std::make_unique<connection>(*system_, index));
        mine = connections_.back().get();
    }
    caf::anon_send(w.actor, gateway_found{mine->stand_in(side::worker, gateway), secret});
}

}  // namespace bistro::simulation
