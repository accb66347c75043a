#include <tuple>

#include "model/policies/ordered.hpp"

namespace bistro {

std::unique_ptr<policy> make_round_robin() {
    return make_ordered([](const candidate& c) { return std::tuple{c.last_served, c.job}; });
}

}  // namespace bistro
