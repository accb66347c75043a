// What a simulation may do to the system, and how likely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bistro::simulation {

/// A known mistake, planted outside the code under test, at its seams. The simulation must find each of them.
enum class mutation : std::uint8_t {
    none,
    ack_before_commit,      ///< the store says "recorded" and loses what it was told last when its process dies
    forgotten_registry,     ///< a restarted scheduler does not know which workers may still run tasks
    repeated_epoch,         ///< a restarted scheduler hands out invocation ids a second time
    late_worker_deadline,   ///< a worker believes that it has longer than its scheduler gives it
    fast_scheduler_clock,   ///< clock rates differ by more than the liveness function allows for
    unreported_tasks,       ///< a worker's hello leaves out what it runs
    unreported_results,     ///< a worker's hello leaves out results that are not acknowledged
    early_acknowledgement,  ///< results are acknowledged when they arrive
    survivors_of_a_crash,   ///< tasks outlive their killed worker for longer than it takes to be lost
    deaf_to_signals,        ///< tasks can't be killed
    lost_acknowledgements,  ///< acknowledgements never arrive
    no_dead_mans_switch,    ///< tasks of a stopped worker live on
    instance_not_new,       ///< a restarted worker says that it is the one from before
    slots_lost_on_return,   ///< a worker that says hello again has a slot less
    no_fencing,             ///< orders and results of an earlier session count as of the latest
};
inline constexpr mutation last_mutation = mutation::no_fencing;

std::string_view to_string(mutation m);

/// Probabilities are of each step. A step delivers one message, ends one process, or lets time pass.
struct options {
    std::uint64_t seed = 1;
    mutation planted = mutation::none;

    // The world.
    std::size_t workers = 3;
    std::size_t partitions = 0;          ///< of the forest; 0: another number for each life of the scheduler
    std::size_t steps = 3000;            ///< with faults; then they stop, and all tasks must end
    std::int64_t longest_pause_ms = 80;  ///< that a step lets pass
    double error_rate = 0.1;             ///< of tasks
    double clock_skew = 0.004;           ///< each clock's rate, up or down; two differ by at most twice this

    // Faults.
    double break_connection = 0.003;
    double stall_direction = 0.004;  ///< one way of a connection carries nothing
    double resume_direction = 0.005;
    double crash_worker = 0.0015;
    double stop_worker = 0.0007;   ///< as by SIGTERM
    double pause_worker = 0.001;   ///< as by SIGSTOP: its tasks run on
    double resume_worker = 0.004;  ///< as by SIGCONT
    double crash_scheduler = 0.0015;
    double pause_scheduler = 0.0007;  ///< as by SIGSTOP
    double resume_scheduler = 0.006;
    double fill_disk = 0.001;
    double empty_disk = 0.02;
    double slow_disk = 0.001;       ///< the store does nothing
    double quick_disk = 0.01;       ///< it goes on
    double change_config = 0.002;   ///< limits, timeouts, nodes, and whether there is a second job
    double start_process = 0.02;    ///< one that is down
    double pass_time_early = 0.05;  ///< though messages could be delivered between processes
};

/// Tasks of a killed worker die within this time (the launcher's reaper kills them).
inline constexpr std::int64_t reaping_ms = 500;
/// Faults are over: all tasks end within this time, which is many times what is lost by the longest silence.
inline constexpr std::int64_t recovery_ms = 600'000;
/// After this time every worker has learned what became of it, and is a member, or its successor is.
inline constexpr std::int64_t settling_ms = 30'000;
/// Tasks of the job that shows, when faults are over, that all slots can be used take this long.
inline constexpr std::int64_t last_task_ms = 3'000;
/// More messages than this in one queue, of a connection or an actor: it grows without bound.
inline constexpr std::size_t longest_queue = 500;

}  // namespace bistro::simulation
