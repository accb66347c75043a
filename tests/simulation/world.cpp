#include "tests/simulation/world.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ostream>

#include "tests/support/config_text.hpp"

namespace bistro::simulation {

namespace {

std::string config_text(std::size_t all, std::size_t on_host, const std::string& timeouts,
                        const std::string& nodes = test::two_levels(3, 3)) {
    return "[scheduler]\nbackoff = [1, 2, \"repeat\"]\nrandom_seed = 7\n" + nodes + timeouts +
           "[resources.instance]\nall = { limit = " + std::to_string(all) +
           ", default = 1 }\n[resources.host]\nslots = { limit = " + std::to_string(on_host) +
           ", default = 1 }\n[resources.worker]\ncpu = { limit = 2, default = 1 }\n";
}

std::string job_text(const std::string& name, const std::string& more = {}) {
    return "[jobs." + name + "]\nowner = \"x\"\ncommand = [\"work\"]\nkill_wait_s = 2\n" + more;
}

// Of the usual nodes, one moves to another host, one is gone, and a host is disabled.
constexpr const char* other_nodes =
    "[nodes]\nlevels = [\"host\", \"db\"]\n[[nodes.sources]]\nsource = \"manual\"\n[nodes.sources.nodes]\n"
    "h1 = { children = [\"h1:1\", \"h1:2\"] }\nh2 = { children = [\"h2:1\", \"h2:2\", \"h1:3\"] }\n"
    "h3 = { disabled = true, children = [\"h3:1\", \"h3:2\", \"h3:3\"] }\n";

// The first is what the promises are checked against, and in force when faults are over; the last has one job more.
std::vector<std::string> config_texts() {
    const auto first = job_text("first");
    const auto second = job_text("second", "depends_on = [\"first\"]\n");
    const auto usual = config_text(limit_of_instance, limit_of_host, test::short_timeouts);
    const auto tight = config_text(
        tight_limit_of_instance, tight_limit_of_host,
        "[workers]\nheartbeat_ms = 700\nunhealthy_after_ms = 2000\nlost_after_ms = 13000\nkill_ms = 4000\n");
    const auto elsewhere = config_text(limit_of_instance, limit_of_host, test::short_timeouts, other_nodes);
    return {usual + first + second, tight + first + second, usual + first, elsewhere + first + second,
            usual + first + second + job_text(last_job)};
}

std::string text_of(const caf::message& content) {
    auto text = caf::to_string(content);
    constexpr std::size_t longest = 1000;
    if (text.size() > longest) text.resize(longest);
    return text;
}

}  // namespace

std::string_view to_string(mutation m) {
    static constexpr std::array<std::string_view, 16> names{
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
        "slots_lost_on_return",
        "no_fencing",
    };
    return names.at(static_cast<std::size_t>(m));
}

world::world(const options& o, std::ostream* trace) : options_{o}, random_{o.seed}, trace_{trace} {
    system_.emplace(config_);
    for (const auto& text : config_texts()) {
        auto loaded = parse_config(text, "/simulation.toml");
        if (!loaded.config) throw std::logic_error{to_string(loaded.errors.front())};
        variants_.push_back(std::make_shared<const settings>(std::move(*loaded.config)));
    }
    settings_ = variants_.front();
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
        if (process.job.value == last_job) {
            process.ends_ms = now_ms_ + last_task_ms;
            process.outcome.exit_code = 0;
        }
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
        const bool settled = now_ms_ - faults_ended_ms > settling_ms;
        if (settled && all_done({"first", "second"}) && processes_.running.empty()) break;
        if (now_ms_ - faults_ended_ms > recovery_ms) fail("faults are long over, but " + what_is_left());
    }
    if (failure_.empty()) use_all_slots();
    return failure_;
}

// When all is well again, another job must be able to use all that there is.
void world::use_all_slots() {
    change_config(variants_.size() - 1);
    const auto began_ms = now_ms_;
    std::size_t most = 0;
    while (failure_.empty() && !all_done({last_job})) {
        step(false);
        most = std::max(most, processes_.running.size());
        if (now_ms_ - began_ms > recovery_ms) fail("faults are long over, but a new job does not end");
    }
    if (most < limit_of_instance)
        fail("slots are lost: a new job had at most " + std::to_string(most) + " of " +
             std::to_string(limit_of_instance) + " at once");
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
            cut(c, true, true);
        } else if (chance(o.stall_direction)) {
            note("connection of worker " + std::to_string(c.worker()) + " stalls one way");
            c.stall(to, true);
        } else if (chance(o.resume_direction)) {
            c.stall(to, false);
        }
    }
    if (chance(o.crash_scheduler) && scheduler_.up) crash_scheduler();
    if (scheduler_.up && !scheduler_.paused && chance(o.pause_scheduler)) {
        note("scheduler is paused");
        scheduler_.paused = true;
    }
    if (scheduler_.paused && chance(o.resume_scheduler)) {
        note("scheduler goes on");
        scheduler_.paused = false;
    }
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
    if (chance(o.slow_disk)) disk_.slow = true;
    if (chance(o.quick_disk)) disk_.slow = false;
    if (chance(o.change_config)) change_config(pick(variants_.size() - 1));
    if (!scheduler_.up && chance(o.start_process)) start_scheduler();
    if (!worker.up && chance(o.start_process)) start_worker(index);
}

// What has reached the machine of a process that lives is still read there, before it learns of the break.
void world::cut(connection& c, bool scheduler_lives, bool worker_lives) {
    const auto prefix = [&](side to, bool lives) { return lives ? pick(c.under_way(to).size() + 1) : 0; };
    c.cut(side::scheduler, prefix(side::scheduler, scheduler_lives));
    c.cut(side::worker, prefix(side::worker, worker_lives));
}

void world::repair_all() {
    disk_.full = disk_.slow = scheduler_.paused = false;
    change_config(0);
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

void world::change_config(std::size_t variant) {
    if (settings_ == variants_[variant]) return;
    note("config " + std::to_string(variant));
    settings_ = variants_[variant];
    configured_ms_ = now_ms_;
    if (scheduler_.up) caf::anon_send(scheduler_.scheduler, config_changed{settings_});
}

bool world::belongs_to_scheduler(const caf::scheduled_actor& actor) const {
    constexpr std::array<std::string_view, 8> names{"scheduler",   "resource_pool", "job",          "nodes",
                                                    "node_source", "gateway",       "status_store", "monitor"};
    return std::find(names.begin(), names.end(), actor.name()) != names.end() ||
           (scheduler_.logs && scheduler_.logs->id() == actor.id());
}

bool world::is_held_up(const caf::resumable& job) const {
    const auto* actor = dynamic_cast<const caf::scheduled_actor*>(&job);
    if (actor == nullptr) return false;
    if (scheduler_.paused && belongs_to_scheduler(*actor)) return true;
    if (disk_.slow && scheduler_.store && scheduler_.store->id() == actor->id()) return true;
    return std::any_of(workers_.begin(), workers_.end(),
                       [&](const worker_process& w) { return w.paused && w.actor && w.actor->id() == actor->id(); });
}

bool world::run_an_actor() {
    auto& jobs = coordinator().jobs;
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < jobs.size(); ++i)
        if (!is_held_up(*jobs[i])) ready.push_back(i);
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
        if (workers_[i].up && !workers_[i].paused && workers_[i].wants_gateway && scheduler_.up && !scheduler_.paused &&
            chance(0.2)) {
            connect(i);
            return true;
        }
    if (ready.empty()) return false;
    const auto [c, to] = ready[pick(ready.size())];
    auto message = c->take(to);
    note((to == side::scheduler ? "from worker " : "to worker ") + std::to_string(c->worker()) + ": " +
         text_of(message.content));
    if (!tamper(*c, to, message)) return true;
    c->deliver(to, std::move(message));
    return true;
}

bool world::notice_a_break() {
    for (auto& c : connections_)
        for (const auto by : {side::scheduler, side::worker})
            if (c->unnoticed(by) && c->under_way(by).empty() && chance(0.3)) {
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
    if (options_.planted == mutation::no_dead_mans_switch || options_.planted == mutation::deaf_to_signals) return;
    for (auto& [id, process] : processes_.running) {
        if (process.orphan || workers_[process.worker].reaped_ms > now_ms_) continue;
        process.ends_ms = std::min<std::int64_t>(process.ends_ms, now_ms_ + static_cast<std::int64_t>(pick(scan_ms)));
        process.outcome.signal = SIGKILL;
    }
}

}  // namespace bistro::simulation
