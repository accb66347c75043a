#include "model/policies/policy.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace bistro {

namespace {
constexpr std::array<std::string_view, 5> names{"round_robin", "randomized_priority", "ranked_priority", "long_tail",
                                                "fair"};
}

std::string_view to_string(policy_kind kind) { return names.at(static_cast<std::size_t>(kind)); }

std::optional<policy_kind> parse_policy_kind(std::string_view text) {
    if (text == "roundrobin") return policy_kind::round_robin;
    auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<policy_kind>(found - names.begin());
}

std::unique_ptr<policy> make_policy(policy_kind kind) {
    switch (kind) {
        case policy_kind::round_robin: return make_round_robin();
        case policy_kind::randomized_priority: return make_randomized_priority();
        case policy_kind::ranked_priority: return make_ranked_priority();
        case policy_kind::long_tail: return make_long_tail();
        case policy_kind::fair: return make_fair();
    }
    return make_round_robin();
}

double unit_interval(random_source& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

std::size_t draw(std::span<const double> weights, random_source& random) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (sum <= 0) return random() % weights.size();
    double point = unit_interval(random) * sum;
    std::size_t last = 0;  // with a weight; the sums are not exact
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] <= 0) continue;
        last = i;
        if (point < weights[i]) break;
        point -= weights[i];
    }
    return last;
}

}  // namespace bistro
