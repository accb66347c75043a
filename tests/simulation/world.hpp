// A whole cluster in one thread: a scheduler with its store, and workers, each a process of its own that may crash,
// joined by connections that may break. One seed decides all that happens; after each step the promises are checked.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actors/gateway.hpp"
#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "actors/worker.hpp"
#include "config/settings.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/options.hpp"
#include "tests/simulation/processes.hpp"
#include "tests/support/actor_fixture.hpp"

namespace bistro::simulation {

// What the config says when faults are over, and never less than it says before.
inline constexpr std::size_t limit_of_instance = 5;
inline constexpr std::size_t limit_of_host = 2;
// What one of its variants says.
inline constexpr std::size_t tight_limit_of_instance = 3;
inline constexpr std::size_t tight_limit_of_host = 1;
inline constexpr std::size_t tight_variant = 1;
/// What was decided under an older config has begun by then, or never will: no worker hears nothing for so long and
/// still starts tasks.
inline constexpr std::int64_t config_takes_ms = 20'000;
inline constexpr std::size_t limit_of_worker = 2;
inline constexpr std::size_t nodes = 9;
/// The job that shows that all slots can be used.
inline constexpr const char* last_job = "last";

/// What is kept when a scheduler's process dies: the disk.
struct disk {
    std::shared_ptr<status_store> statuses = make_memory_status_store();
    bool full = false;
    bool slow = false;
};

struct scheduler_process {
    bool up = false;
    bool paused = false;
    double clock_rate = 1;
    std::shared_ptr<bool> alive;              ///< of this life; its store writes nothing after its end
    std::shared_ptr<status_batch> unwritten;  ///< of the mutation ack_before_commit
    monitor_actor monitor;
    log_store_actor logs;
    status_store_actor store;
    scheduler_actor scheduler;
    gateway_actor gateway;
};

struct worker_process {
    bool up = false;
    double clock_rate = 1;
    std::uint64_t instance = 0;
    simulated_launcher* launcher = nullptr;
    log_store_actor logs;
    worker_actor actor;
    caf::actor connector;
    bool wants_gateway = false;
    bool paused = false;
    std::int64_t reaped_ms = never;  ///< its reaper kills what runs, unless it is told otherwise before
    std::vector<std::pair<process_events, process_outcome>> unheard;  ///< ends while it was paused

    static constexpr std::int64_t never = std::int64_t{1} << 60;
};

class world {
public:
    /// Events go to `trace`, one a line, where it is given.
    explicit world(const options& o, std::ostream* trace = nullptr);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// Runs to the end. Empty: all promises held; else the first that did not, and when.
    std::string run();
    [[nodiscard]] std::uint64_t steps() const { return step_; }
    /// Of all events, so that two runs can be compared.
    [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

private:
    // What happens.
    void step(bool with_faults);
    void inject_fault();
    bool run_an_actor();
    bool cross_a_connection();
    bool notice_a_break();
    bool end_a_process();
    void pass_time(std::int64_t milliseconds);
    void repair_all();
    void change_config(std::size_t variant);
    void use_all_slots();
    void cut(connection& c, bool scheduler_lives, bool worker_lives);

    // Processes.
    void start_scheduler();
    void crash_scheduler();
    void start_worker(std::size_t index);
    void end_worker(std::size_t index, const char* how);
    void connect(std::size_t index);
    void resume(std::size_t index);
    void reap_overdue();
    /// Its process is stopped, or waits for the disk.
    [[nodiscard]] bool belongs_to_scheduler(const caf::scheduled_actor& actor) const;
    [[nodiscard]] bool is_held_up(const caf::resumable& job) const;
    runtime clock_of(double rate);

    // Mistakes on purpose, at the seams.
    bool tamper(connection& c, side to, envelope& message);

    // Promises.
    void check_processes(const task_process& added);
    void expect_acknowledgement(const connection& c, const finished_task& finished);
    void check_acknowledgement(std::size_t worker, const acknowledge_results& m);
    void check_queues();
    [[nodiscard]] bool is_done(const job_id& job, const node_id& node) const;
    [[nodiscard]] bool all_done(const std::vector<std::string>& jobs) const;
    [[nodiscard]] std::string what_is_left() const;
    void fail(const std::string& what);

    [[nodiscard]] bool chance(double probability) {
        return std::uniform_real_distribution<double>{0, 1}(random_) < probability;
    }
    [[nodiscard]] std::size_t pick(std::size_t count) {
        return std::uniform_int_distribution<std::size_t>{0, count - 1}(random_);
    }
    void note(const std::string& event);
    caf::scheduler::test_coordinator& coordinator();

    options options_;
    std::mt19937_64 random_;
    std::ostream* trace_;
    std::uint64_t step_ = 0;
    std::int64_t now_ms_ = 0;
    std::uint64_t fingerprint_ = 14695981039346656037ULL;
    std::string failure_;

    test::test_config config_;
    std::optional<caf::actor_system> system_;
    std::vector<std::shared_ptr<const settings>> variants_;  ///< of the config
    std::shared_ptr<const settings> settings_;               ///< the one in force
    std::int64_t configured_ms_ = -config_takes_ms;          ///< when it came into force
    disk disk_;
    scheduler_process scheduler_;
    std::vector<worker_process> workers_;
    std::vector<std::unique_ptr<simulated_launcher>> launchers_;  ///< also of the dead, whose actors may not know yet
    std::vector<std::unique_ptr<connection>> connections_;
    process_table processes_;
    std::map<process_id, task_process> ended_;  ///< without events; what became of each invocation
    std::set<std::pair<job_id, node_id>> acknowledged_done_;
    std::set<invocation_id> acknowledged_;
    std::map<std::size_t, std::set<invocation_id>> unacknowledged_;  ///< results that were sent, by worker
    std::set<std::uint64_t> greeted_;                                ///< instances that have said hello
    std::map<std::size_t, std::uint64_t> sessions_;                  ///< of each worker, by the last hello that came
    std::uint64_t instances_ = 0;
    std::vector<std::size_t> ended_workers_;  ///< by themselves; their processes are about to end
};

}  // namespace bistro::simulation
