// The one published actor of a scheduler process. It knows the cluster's secret, refuses whoever does not, and hands
// everything else on.
#pragma once

#include <caf/actor_clock.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "actors/protocol/interfaces.hpp"

namespace bistro {

/// In words for people, of the other one's version and the own.
std::string version_mismatch(std::uint32_t theirs, std::uint32_t own);

struct gateway_state {
    struct refused {
        caf::actor_clock::time_point next_warning{};  ///< refusals before it are only counted
        std::uint64_t unmentioned = 0;
    };
    std::map<std::string, refused> refused_peers;

    static inline const char* name = "gateway";
};

/// Of the refusals of a peer, the log hears at most one in this time.
inline constexpr std::chrono::seconds refusal_log_interval{10};
/// Beyond so many, all others count as one.
inline constexpr std::size_t max_refused_peers = 100;

/// `cluster` is what this scheduler's workers are members of.
gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self, std::string secret,
                                              std::uint64_t cluster, scheduler_actor scheduler);

}  // namespace bistro
