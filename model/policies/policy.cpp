#include "model/policies/policy.hpp"

#include <algorithm>
#include <array>

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

std::size_t choose(const policy& rule, std::span<const candidate> candidates, random_source& random) {
    if (!rule.by_chance()) {
        const auto first = std::min_element(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
            return std::pair{rule.prefer(a), a.job} < std::pair{rule.prefer(b), b.job};
        });
        return static_cast<std::size_t>(first - candidates.begin());
    }
    double sum = 0;
    for (const auto& c : candidates) sum += rule.prefer(c).value;
    if (sum <= 0) return random() % candidates.size();
    double point = unit_interval(random) * sum;
    for (std::size_t i = 0; i + 1 < candidates.size(); ++i) {
        point -= rule.prefer(candidates[i]).value;
        if (point < 0) return i;
    }
    return candidates.size() - 1;
}

}  // namespace bistro
