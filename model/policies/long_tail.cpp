#include <tuple>

#include "model/policies/ordered.hpp"

namespace bistro {

std::unique_ptr<policy> make_long_tail() {
    return make_ordered([](const candidate& c) { return std::tuple{c.unfinished, c.last_served, c.job}; });
}

}  // namespace bistro
