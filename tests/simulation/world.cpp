#include "tests/simulation/world.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ostream>

#include "config/settings.hpp"
#include "io/error.hpp"

namespace bistro::simulation {

namespace {

constexpr const char* config_text = R"(
[scheduler]
backoff = [1, 2, "repeat"]
random_seed = 7
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "h{i}"
start = 1
end = 3
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{parent}:{i}"
start = 1
end = 3
[resources.instance]
all = { limit = 5, default = 1 }
[resources.host]
slots = { limit = 2, default = 1 }
[resources.worker]
cpu = { limit = 2, default = 1 }
[workers]
heartbeat_ms = 1000
unhealthy_after_ms = 3000
lost_after_ms = 10000
kill_ms = 5000
[jobs.first]
owner = "x"
command = ["work"]
kill_wait_s = 2
[jobs.second]
owner = "x"
command = ["work"]
depends_on = ["first"]
kill_wait_s = 2
)";
constexpr std::size_t limit_of_instance = 5;
constexpr std::size_t limit_of_host = 2;
constexpr std::size_t limit_of_worker = 2;
constexpr std::size_t tasks_in_all = 18;
constexpr std::size_t most_attempts = 100'000;  // at one task
constexpr const char* secret = "secret of the cluster";

// The store of one life of the scheduler: writes nothing after it, and fails while the disk is full.
class store_of_a_life final : public status_store {
public:
    store_of_a_life(disk& d, std::shared_ptr<bool> alive, std::shared_ptr<status_batch> unwritten)
        : disk_{d}, alive_{std::move(alive)}, unwritten_{std::move(unwritten)} {}
    std::uint64_t begin_epoch() override { return disk_.statuses->begin_epoch(); }
    void commit(const status_batch& batch) override {
        if (!*alive_) return;
        if (disk_.full) throw io_error{"the disk is full"};
        if (!unwritten_) return disk_.statuses->commit(batch);
        disk_.statuses->commit(*unwritten_);
        *unwritten_ = batch;
    }
    void for_each_status(const job_id& j, const std::function<void(const node_id&, task_status)>& f) override {
        disk_.statuses->for_each_status(j, f);
    }
    std::vector<job_id> jobs() override { return disk_.statuses->jobs(); }
    std::vector<attempt> attempts(const job_id& j, const node_id& n, std::size_t limit) override {
        return disk_.statuses->attempts(j, n, limit);
    }
    std::vector<worker_instance> workers() override { return disk_.statuses->workers(); }
    void clear() override { disk_.statuses->clear(); }

private:
    disk& disk_;
    std::shared_ptr<bool> alive_;
    std::shared_ptr<status_batch> unwritten_;
};

std::string name_of(const caf::message& content) {
    auto text = caf::to_string(content);
    constexpr std::size_t longest = 1000;
    if (text.size() > longest) text.resize(longest);
    return text;
}

}  // namespace

std::string_view to_string(mutation m) {
    static constexpr std::array<std::string_view, 14> names{
        "none",
        "ack_before_commit",
        "forgotten_registry",
        "repeated_epoch",
        "late_worker_deadline",
        "fast_scheduler_clock",
        "unreported_tasks",
        "unreported_results",
        "early_acknowledgement",
        "survivors_of_a_crash",
        "deaf_to_signals",
        "lost_acknowledgements",
        "no_dead_mans_switch",
        "instance_not_new",
    };
    return names.at(static_cast<std::size_t>(m));
}

world::world(const options& o, std::ostream* trace) : options_{o}, random_{o.seed}, trace_{trace} {
    system_.emplace(config_);
    auto loaded = parse_config(config_text, "/simulation.toml");
    if (!loaded.config) throw std::logic_error{to_string(loaded.errors.front())};
    settings_ = std::make_shared<const settings>(std::move(*loaded.config));
    const auto rate = [this] {
        return 1 + std::uniform_real_distribution<double>{-options_.clock_skew, options_.clock_skew}(random_);
    };
    scheduler_.clock_rate = rate();
    if (options_.planted == mutation::fast_scheduler_clock) scheduler_.clock_rate = 1.6;
    workers_.resize(options_.workers);
    for (auto& worker : workers_) worker.clock_rate = rate();
    processes_.on_launch = [this](process_id id, task_process& process) {
        constexpr std::int64_t usual_ms = 3000;
        constexpr std::int64_t long_ms = 15'000;
        process.ends_ms = now_ms_ + static_cast<std::int64_t>(pick(chance(0.1) ? long_ms : usual_ms));
        process.outcome.exit_code = chance(options_.error_rate) ? 1 : 0;
        note("launch " + to_string(invocation_id{id}) + " " + process.job.value + " " + process.node.value +
             " on worker " + std::to_string(process.worker));
        if (ended_.contains(id) || processes_.running.contains(id)) return fail("an invocation id was used twice");
        check_processes(process);
    };
    processes_.on_signal = [this](task_process& process, int signal) {
        if (options_.planted == mutation::deaf_to_signals) return;
        if (signal == SIGKILL) {
            process.ends_ms = std::min<std::int64_t>(process.ends_ms, now_ms_ + static_cast<std::int64_t>(pick(50)));
            process.outcome.signal = SIGKILL;
        } else if (chance(0.6)) {
            process.ends_ms = std::min<std::int64_t>(process.ends_ms, now_ms_ + static_cast<std::int64_t>(pick(1500)));
            process.outcome.signal = signal;
        }
    };
    processes_.on_keep_alive = [this](std::size_t worker, std::chrono::milliseconds time) {
        auto& w = workers_[worker];
        w.reaped_ms = now_ms_ + static_cast<std::int64_t>(static_cast<double>(time.count()) / w.clock_rate);
    };
}

world::~world() {
    if (scheduler_.up) crash_scheduler();
    for (std::size_t i = 0; i < workers_.size(); ++i)
        if (workers_[i].up) end_worker(i, "torn down");
    for (int i = 0; i < 100; ++i) {
        while (coordinator().try_run_once()) {
        }
        coordinator().clock().advance_time(std::chrono::seconds{60});
        coordinator().clock().trigger_expired_timeouts();
        if (!coordinator().has_job()) break;
    }
    coordinator().clock().cancel_all();
    connections_.clear();
    system_->await_actors_before_shutdown(false);
}

caf::scheduler::test_coordinator& world::coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

runtime world::clock_of(double rate) {
    constexpr std::int64_t start_ms = 1'000'000;
    return {[this, rate] { return start_ms + static_cast<std::int64_t>(static_cast<double>(now_ms_) * rate); }};
}

void world::note(const std::string& event) {
    for (unsigned char c : event) fingerprint_ = (fingerprint_ ^ c) * 1099511628211ULL;
    if (trace_ != nullptr) *trace_ << step_ << " " << now_ms_ << " ms: " << event << "\n";
}

void world::fail(const std::string& what) {
    note("FAILED: " + what);
    if (failure_.empty()) failure_ = what + " (step " + std::to_string(step_) + ", " + std::to_string(now_ms_) + " ms)";
}

// -- the run ----------------------------------------------------------------------------------------------------------

std::string world::run() {
    start_scheduler();
    for (std::size_t i = 0; i < workers_.size(); ++i) start_worker(i);
    while (step_ < options_.steps && failure_.empty()) step(true);
    const auto faults_ended_ms = now_ms_;
    while (failure_.empty()) {
        repair_all();
        for (int i = 0; i < 100 && failure_.empty(); ++i) step(false);
        if (all_done() && processes_.running.empty()) break;
        if (now_ms_ - faults_ended_ms > recovery_ms) fail("faults are long over, but " + what_is_left());
    }
    return failure_;
}

void world::step(bool with_faults) {
    ++step_;
    if (with_faults) inject_fault();
    for (auto index : std::exchange(ended_workers_, {})) end_worker(index, "ends");
    if (run_an_actor()) return;
    if (end_a_process()) return;
    if (!chance(options_.pass_time_early) && (cross_a_connection() || notice_a_break())) return;
    pass_time(static_cast<std::int64_t>(1 + pick(static_cast<std::size_t>(options_.longest_pause_ms))));
    if (step_ % 64 == 0) check_queues();
}

void world::inject_fault() {
    const auto& o = options_;
    std::vector<connection*> open;
    for (auto& c : connections_)
        if (c->open()) open.push_back(c.get());
    if (!open.empty()) {
        auto& c = *open[pick(open.size())];
        const auto to = chance(0.5) ? side::scheduler : side::worker;
        if (chance(o.break_connection)) {
            note("connection of worker " + std::to_string(c.worker()) + " breaks");
            cut(c);
        } else if (chance(o.stall_direction)) {
            note("connection of worker " + std::to_string(c.worker()) + " stalls one way");
            c.stall(to, true);
        } else if (chance(o.resume_direction)) {
            c.stall(to, false);
        }
    }
    if (chance(o.crash_scheduler) && scheduler_.up) crash_scheduler();
    const auto index = pick(workers_.size());
    auto& worker = workers_[index];
    if (worker.up && chance(o.crash_worker)) end_worker(index, "is killed");
    if (worker.up && chance(o.stop_worker)) {
        note("worker " + std::to_string(index) + " is told to stop");
        caf::anon_send(worker.actor, stop_worker{});
    }
    if (worker.up && !worker.paused && chance(o.pause_worker)) {
        note("worker " + std::to_string(index) + " is paused");
        worker.paused = true;
        worker.launcher->pause();
    }
    if (worker.paused && chance(o.resume_worker)) resume(index);
    if (chance(o.fill_disk)) disk_.full = true;
    if (chance(o.empty_disk)) disk_.full = false;
    if (!scheduler_.up && chance(o.start_process)) start_scheduler();
    if (!worker.up && chance(o.start_process)) start_worker(index);
}

void world::repair_all() {
    disk_.full = false;
    for (auto& c : connections_) {
        c->stall(side::scheduler, false);
        c->stall(side::worker, false);
    }
    if (!scheduler_.up) start_scheduler();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (workers_[i].paused) resume(i);
        if (!workers_[i].up) start_worker(i);
    }
}

bool world::is_paused(const caf::resumable& job) const {
    const auto* actor = dynamic_cast<const caf::scheduled_actor*>(&job);
    return actor != nullptr && std::any_of(workers_.begin(), workers_.end(), [&](const worker_process& w) {
               return w.paused && w.actor && w.actor->id() == actor->id();
           });
}

bool world::run_an_actor() {
    auto& jobs = coordinator().jobs;
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < jobs.size(); ++i)
        if (!is_paused(*jobs[i])) ready.push_back(i);
    if (ready.empty()) return false;
    std::swap(jobs.front(), jobs[ready[pick(ready.size())]]);
    if (trace_ != nullptr)
        if (const auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs.front()))
            note(std::string{"run "} + actor->name() + " " + std::to_string(actor->id()));
    coordinator().run_once();
    return true;
}

bool world::cross_a_connection() {
    std::vector<std::pair<connection*, side>> ready;
    for (auto& c : connections_)
        for (const auto to : {side::scheduler, side::worker})
            if (!c->under_way(to).empty() && !c->stalled(to)) ready.emplace_back(c.get(), to);
    for (std::size_t i = 0; i < workers_.size(); ++i)
        if (workers_[i].up && !workers_[i].paused && workers_[i].wants_gateway && scheduler_.up && chance(0.2)) {
            connect(i);
            return true;
        }
    if (ready.empty()) return false;
    const auto [c, to] = ready[pick(ready.size())];
    auto message = c->take(to);
    note((to == side::scheduler ? "from worker " : "to worker ") + std::to_string(c->worker()) + ": " +
         name_of(message.content));
    if (!tamper(*c, to, message)) return true;
    c->deliver(to, std::move(message));
    return true;
}

bool world::notice_a_break() {
    for (auto& c : connections_)
        for (const auto by : {side::scheduler, side::worker})
            if (c->unnoticed(by) && chance(0.3)) {
                c->notice(by);
                return true;
            }
    std::erase_if(connections_, [](const auto& c) {
        return !c->open() && !c->unnoticed(side::scheduler) && !c->unnoticed(side::worker);
    });
    return false;
}

bool world::end_a_process() {
    std::vector<process_id> due;
    for (const auto& [id, process] : processes_.running)
        if (process.ends_ms <= now_ms_) due.push_back(id);
    if (due.empty()) return false;
    const auto id = due[pick(due.size())];
    auto process = std::move(processes_.running.at(id));
    processes_.running.erase(id);
    note("end " + to_string(invocation_id{id}));
    auto& worker = workers_[process.worker];
    if (!process.orphan && worker.paused)
        worker.unheard.emplace_back(std::move(process.events), process.outcome);
    else if (!process.orphan)
        process.events.on_end(process.outcome);
    process.events = {};
    ended_.emplace(id, std::move(process));
    return true;
}

void world::pass_time(std::int64_t milliseconds) {
    now_ms_ += milliseconds;
    coordinator().clock().advance_time(std::chrono::milliseconds{milliseconds});
    coordinator().clock().trigger_expired_timeouts();
    reap_overdue();
}

// What the reaper of each worker does on its own.
void world::reap_overdue() {
    constexpr std::size_t scan_ms = 100;
    if (options_.planted == mutation::no_dead_mans_switch) return;
    for (auto& [id, process] : processes_.running) {
        if (process.orphan || workers_[process.worker].reaped_ms > now_ms_) continue;
        process.ends_ms = std::min<std::int64_t>(process.ends_ms, now_ms_ + static_cast<std::int64_t>(pick(scan_ms)));
        process.outcome.signal = SIGKILL;
    }
}

// -- processes --------------------------------------------------------------------------------------------------------

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
    options.config = settings_;
    const auto epoch = disk_.statuses->begin_epoch();
    options.first_invocation = invocation_id::first_of_epoch(options_.planted == mutation::repeated_epoch ? 1 : epoch);
    if (options_.planted != mutation::forgotten_registry) options.known_workers = disk_.statuses->workers();
    options.store = p.store;
    options.logs = p.logs;
    options.monitor = p.monitor;
    options.secret = secret;
    options.run = clock_of(p.clock_rate);
    p.scheduler = system_->spawn(scheduler_behavior, options);
    p.gateway = system_->spawn(gateway_behavior, std::string{secret}, p.scheduler);
}

void world::crash_scheduler() {
    auto& p = scheduler_;
    note("scheduler is killed");
    p.up = false;
    *p.alive = false;
    for (auto& c : connections_)
        if (c->open()) cut(*c);
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
    options.on_end = [this, index, instance = w.instance](const std::string& reason) {
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
        if (c->open() && c->worker() == index) cut(*c);
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

void world::cut(connection& c) { c.cut(); }

// -- mistakes on purpose ----------------------------------------------------------------------------------------------

bool world::tamper(connection& c, side to, envelope& message) {
    const auto planted = options_.planted;
    auto& content = message.content;
    if (content.match_elements<hello>()) {
        auto m = content.get_as<hello>(0);
        m.worker = c.stand_in(to, m.worker);
        if (planted == mutation::unreported_tasks) m.running.clear();
        if (planted == mutation::unreported_results) m.unacknowledged.clear();
        for (const auto& finished : m.unacknowledged) expect_acknowledgement(c.worker(), finished);
        content = caf::make_message(std::move(m));
    } else if (content.match_elements<welcome>()) {
        auto m = content.get_as<welcome>(0);
        m.scheduler = c.stand_in(to, m.scheduler);
        m.pool = c.stand_in(to, m.pool);
        if (planted == mutation::late_worker_deadline) m.timeouts.lost_after_ms *= 3;
        content = caf::make_message(std::move(m));
    } else if (content.match_elements<tasks_finished>()) {
        acknowledge_results early;
        for (const auto& finished : content.get_as<tasks_finished>(0).ends) {
            expect_acknowledgement(c.worker(), finished);
            early.invocations.push_back(finished.end.invocation);
        }
        if (planted == mutation::early_acknowledgement && !early.invocations.empty()) {
            check_acknowledgement(c.worker(), early);
            caf::anon_send(workers_[c.worker()].actor, std::move(early));
        }
    } else if (content.match_elements<acknowledge_results>()) {
        if (planted == mutation::lost_acknowledgements) return false;
        check_acknowledgement(c.worker(), content.get_as<acknowledge_results>(0));
    }
    return true;
}

// -- promises ---------------------------------------------------------------------------------------------------------

void world::check_processes(const task_process& added) {
    std::size_t in_all = 1;
    std::size_t on_host = 1;
    std::size_t on_worker = 1;
    for (const auto& [id, p] : processes_.running) {
        if (p.job == added.job && p.node == added.node)
            fail("two live invocations of " + added.job.value + " on " + added.node.value);
        ++in_all;
        on_host += p.host == added.host;
        on_worker += p.worker == added.worker;
    }
    if (in_all > limit_of_instance) fail("more tasks than the instance has slots");
    if (on_host > limit_of_host) fail("more tasks on " + added.host + " than it has slots");
    if (on_worker > limit_of_worker)
        fail("more tasks on worker " + std::to_string(added.worker) + " than it has slots");
    if (acknowledged_done_.contains({added.job, added.node}))
        fail(added.job.value + " on " + added.node.value + " runs again, though its end was acknowledged as done");
}

void world::expect_acknowledgement(std::size_t worker, const finished_task& finished) {
    // A refused order is kept by nobody; and what is acknowledged may still be under way a second time.
    if (finished.end.result != attempt_result::never_started && !acknowledged_.contains(finished.end.invocation))
        unacknowledged_[worker].insert(finished.end.invocation);
}

void world::check_acknowledgement(std::size_t worker, const acknowledge_results& m) {
    for (const auto invocation : m.invocations) {
        unacknowledged_[worker].erase(invocation);
        acknowledged_.insert(invocation);
        const auto found = ended_.find(invocation.value);
        if (found == ended_.end()) continue;  // never started
        const auto& [job, node] = std::tie(found->second.job, found->second.node);
        const auto attempts = disk_.statuses->attempts(job, node, most_attempts);
        // An end that comes after another attempt has begun says nothing any more.
        if (std::any_of(attempts.begin(), attempts.end(),
                        [&](const attempt& a) { return a.start.invocation > invocation; }))
            continue;
        const auto kept = std::find_if(attempts.begin(), attempts.end(),
                                       [&](const attempt& a) { return a.start.invocation == invocation && a.ended; });
        if (kept == attempts.end())
            return fail("the result of " + to_string(invocation) + " is acknowledged, but not durable");
        if (kept->end.result == attempt_result::done) acknowledged_done_.emplace(job, node);
    }
}

void world::check_queues() {
    for (const auto& c : connections_)
        for (const auto to : {side::scheduler, side::worker})
            if (c->under_way(to).size() > longest_queue) fail("a connection's queue grows without bound");
}

std::string world::what_is_left() const {
    std::string result;
    for (const auto* job : {"first", "second"})
        disk_.statuses->for_each_status(job_id{job}, [&](const node_id& node, const task_status& status) {
            if (status.state != task_state::done)
                result += std::string{job} + " " + node.value + " is " + std::string{to_string(status.state)} + ", ";
        });
    for (const auto& [worker, results] : unacknowledged_)
        for (const auto invocation : results)
            result += "worker " + std::to_string(worker) + " still has " + to_string(invocation) + ", ";
    return result + "or some tasks never started";
}

bool world::all_done() const {
    std::size_t done = 0;
    for (const auto* job : {"first", "second"})
        disk_.statuses->for_each_status(
            job_id{job}, [&](const node_id&, const task_status& status) { done += status.state == task_state::done; });
    return done == tasks_in_all && std::all_of(unacknowledged_.begin(), unacknowledged_.end(),
                                               [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace bistro::simulation
