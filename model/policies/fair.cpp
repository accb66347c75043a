#include <limits>

#include "model/policies/policy.hpp"

namespace bistro {

namespace {

// Dominant resource fairness (Ghodsi et al., NSDI 2011), weighted: whoever holds the smallest part of what it holds
// most of, for its priority, is served first. A job without priority comes last.
class fair final : public policy {
public:
    preference prefer(const candidate& c) const override {
        const bool last = c.priority <= 0;
        return {last ? std::numeric_limits<double>::infinity() : c.dominant_share / c.priority, c.last_served};
    }
};

}  // namespace

std::unique_ptr<policy> make_fair() { return std::make_unique<fair>(); }

}  // namespace bistro
