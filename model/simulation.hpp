// Runs jobs in virtual time through the same task tables and the same engine as the live system.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/engine/engine.hpp"
#include "model/event.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"
#include "model/task_table.hpp"

namespace bistro {

enum class duration_distribution : std::uint8_t { constant, uniform, exponential };

std::string_view to_string(duration_distribution distribution);
std::optional<duration_distribution> parse_duration_distribution(std::string_view text);

/// How long simulated tasks take. Seconds.
struct simulated_duration {
    duration_distribution distribution = duration_distribution::uniform;
    double low_s = 0.0;
    double high_s = 2.0;
    double mean_s = 1.0;  ///< of constant and exponential

    bool operator==(const simulated_duration&) const = default;
};

struct simulation_options {
    simulated_duration duration;
    double error_rate = 0.0;                 ///< share of attempts that end in an error
    std::map<std::string, amounts> workers;  ///< by shard name; none: one worker with the level's limits
    std::uint64_t seed = 1;
    /// After so many, or 1,000 times the tasks and 10,000, it stops, unfinished: some may never end.
    std::uint64_t max_attempts = 100'000'000;

    bool operator==(const simulation_options&) const = default;
};

/// What came of a simulation. Times are virtual.
struct simulation_report {
    struct usage {
        std::string level;
        std::string resource;
        std::int64_t capacity = 0;
        double utilisation = 0.0;  ///< slots in use, averaged over the makespan, by capacity
    };
    struct job_end {
        job_id job;
        time_ms ended_ms = 0;  ///< of its last attempt
        task_counts counts;
        std::string waiting;  ///< why tasks are left over; empty where none are
    };
    time_ms makespan_ms = 0;
    bool unfinished = false;  ///< stopped after the most attempts, with tasks that would have gone on
    std::uint64_t attempts = 0;
    std::uint64_t errors = 0;
    std::vector<usage> usages;
    std::vector<job_end> jobs;

    /// True where every task of every job is done.
    [[nodiscard]] bool all_done() const;
};

/// Runs until nothing more can happen. `on_event` hears every event in order.
simulation_report simulate(const engine_options& options, const resource_table& resources, const forest_ptr& nodes,
                           const std::vector<job_spec>& jobs, const simulation_options& simulation,
                           const std::function<void(const event&)>& on_event);

}  // namespace bistro
