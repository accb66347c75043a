#include <tuple>

#include "model/policies/ordered.hpp"

namespace bistro {

std::unique_ptr<policy> make_ranked_priority() {
    return make_ordered([](const candidate& c) { return std::tuple{-c.priority, c.last_served, c.job}; });
}

}  // namespace bistro
