// The one published actor of a scheduler process. It knows the cluster's secret, refuses whoever does not, and hands
// everything else on.
#pragma once

#include <string>

#include "actors/protocol/interfaces.hpp"

namespace bistro {

struct gateway_state {
    static inline const char* name = "gateway";
};

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self, std::string secret,
                                              scheduler_actor scheduler);

}  // namespace bistro
