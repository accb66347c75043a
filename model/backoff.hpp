// How long a task waits after an error. Pure data and two rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bistro {

/// Delays in seconds, strictly increasing and positive, then what follows the last of them.
struct backoff_policy {
    enum class ending { repeat, fail };

    std::vector<std::int64_t> delays_s;
    ending then = ending::fail;

    /// The delay after the error number `step` (0 is the first), or nothing: the task has failed for good.
    [[nodiscard]] std::optional<std::int64_t> delay_s(std::size_t step) const;

    /// The delay of `incomplete_backoff` at `step`, which never fails: the step's own delay, else the last one, else
    /// 60 s (the policy `["fail"]` has no delay of its own).
    [[nodiscard]] std::int64_t incomplete_delay_s(std::size_t step) const;

    /// Why this policy is not valid, or an empty string.
    [[nodiscard]] std::string problem() const;

    bool operator==(const backoff_policy&) const = default;
};

}  // namespace bistro
