#include <tuple>

#include "model/policies/ordered.hpp"

namespace bistro {

// Dominant resource fairness (Ghodsi et al., NSDI 2011), weighted: whoever holds the smallest part of what it holds
// most of, for its priority, is served first. A job without priority comes last.
std::unique_ptr<policy> make_fair() {
    return make_ordered([](const candidate& c) {
        const double weighted = c.priority > 0 ? c.dominant_share / c.priority : 0.0;
        return std::tuple{c.priority <= 0, weighted, c.last_served, c.job};
    });
}

}  // namespace bistro
