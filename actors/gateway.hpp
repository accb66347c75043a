// The one published actor of a scheduler process. It knows the cluster's secret, refuses whoever does not, and hands
// everything else on.
#pragma once

#include <cstdint>
#include <string>

#include "actors/protocol/interfaces.hpp"
#include "model/refusal_log.hpp"

namespace bistro {

/// In words for people, of the other one's version and the own.
std::string version_mismatch(std::uint32_t theirs, std::uint32_t own);

struct gateway_state {
    refusal_log refusals;

    static inline const char* name = "gateway";
};

/// `cluster` is what this scheduler's workers are members of.
gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self, std::string secret,
                                              std::uint64_t cluster, scheduler_actor scheduler, console_actor console);

}  // namespace bistro
