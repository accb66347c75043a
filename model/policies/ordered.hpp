// What four of the policies share: the first candidate in some order. Not a policy itself.
#pragma once

#include <algorithm>

#include "model/policies/policy.hpp"

namespace bistro {

/// Serves the candidate for which `key` is smallest. A key must tell any two candidates apart, or their order in the
/// engine would decide; `last_served` and `job` at its end do.
template <class Key>
class ordered_policy final : public policy {
public:
    explicit ordered_policy(Key key) : key_{key} {}

    std::size_t choose(std::span<const candidate> candidates, random_source&) const override {
        auto best = std::min_element(candidates.begin(), candidates.end(),
                                     [&](const candidate& a, const candidate& b) { return key_(a) < key_(b); });
        return static_cast<std::size_t>(best - candidates.begin());
    }

private:
    Key key_;
};

template <class Key>
std::unique_ptr<policy> make_ordered(Key key) {
    return std::make_unique<ordered_policy<Key>>(key);
}

}  // namespace bistro
