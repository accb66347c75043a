// The one published actor of a scheduler process. It knows the cluster's secret, refuses whoever does not, and hands
// everything else on.
#pragma once

#include <caf/actor_clock.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "actors/protocol/interfaces.hpp"

namespace bistro {

struct gateway_state {
    caf::actor_clock::time_point next_warning{};  ///< refusals before it are only counted
    std::uint64_t unmentioned = 0;

    static inline const char* name = "gateway";
};

/// Of refusals, the log hears at most one in this time.
inline constexpr std::chrono::seconds refusal_log_interval{10};

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self, std::string secret,
                                              scheduler_actor scheduler);

}  // namespace bistro
