// What the errors that actors answer with mean, wherever the one who asked is.
#pragma once

#include <caf/sec.hpp>

namespace bistro {

/// Who asked does not belong to the cluster, or may not ask that; with the reason.
inline constexpr caf::sec refusal = caf::sec::runtime_error;
/// What was asked about is not there.
inline constexpr caf::sec not_there = caf::sec::invalid_argument;
/// The question can't be understood.
inline constexpr caf::sec not_understood = caf::sec::unsupported_sys_key;  // CAF has no use for it here
/// It can't be done in this process.
inline constexpr caf::sec not_possible = caf::sec::feature_disabled;

}  // namespace bistro
