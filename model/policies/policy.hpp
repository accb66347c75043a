// Which job starts a task next. A policy sees only the jobs that could start one, and says nothing of nodes or slots.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string_view>

#include "model/ids.hpp"

namespace bistro {

/// A job that has a task to offer, as policies see it.
struct candidate {
    job_index job;
    double priority = 1.0;
    std::uint64_t unfinished = 0;   ///< tasks that are neither done nor failed
    double dominant_share = 0.0;    ///< its largest share of any resource now in use, 0..1 or more
    std::uint64_t last_served = 0;  ///< counts up with every start of any job; 0: never
};

using random_source = std::mt19937_64;

/// What a policy makes of a candidate. It depends on nothing but the candidate, so that it can be kept until that
/// changes.
struct preference {
    double value = 0;        ///< the smallest is served first; or the weight, where chance decides
    std::uint64_t then = 0;  ///< among equals the smallest, and then the smallest job index

    bool operator==(const preference&) const = default;
    bool operator<(const preference& other) const {
        return value != other.value ? value < other.value : then < other.then;
    }
};

/// One of the five rules.
class policy {
public:
    policy() = default;
    policy(const policy&) = delete;
    policy& operator=(const policy&) = delete;
    virtual ~policy() = default;

    [[nodiscard]] virtual preference prefer(const candidate& c) const = 0;
    /// True where a job is drawn in proportion to its weight, and uniformly where all weights are 0.
    [[nodiscard]] virtual bool by_chance() const { return false; }
};

/// Uniform in [0, 1). Made by hand: the standard distributions give other numbers in other libraries.
double unit_interval(random_source& random);

/// A position within `weights`, which are never empty, in proportion to them, or uniformly where all are 0.
std::size_t draw(std::span<const double> weights, random_source& random);

enum class policy_kind : std::uint8_t { round_robin, randomized_priority, ranked_priority, long_tail, fair };

std::string_view to_string(policy_kind kind);
/// Also accepts "roundrobin", the seed system's spelling.
std::optional<policy_kind> parse_policy_kind(std::string_view text);

std::unique_ptr<policy> make_policy(policy_kind kind);

std::unique_ptr<policy> make_round_robin();          ///< the job that was served longest ago
std::unique_ptr<policy> make_randomized_priority();  ///< by chance, in proportion to priority
std::unique_ptr<policy> make_ranked_priority();      ///< the highest priority; round robin among equals
std::unique_ptr<policy> make_long_tail();            ///< the fewest unfinished tasks
std::unique_ptr<policy> make_fair();                 ///< the smallest dominant share for its priority

}  // namespace bistro
