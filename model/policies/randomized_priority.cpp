#include <numeric>

#include "model/policies/policy.hpp"

namespace bistro {

namespace {

class randomized_priority final : public policy {
public:
    std::size_t choose(std::span<const candidate> candidates, random_source& random) const override {
        const double sum = std::accumulate(candidates.begin(), candidates.end(), 0.0,
                                           [](double s, const candidate& c) { return s + weight(c); });
        if (sum <= 0) return random() % candidates.size();
        // Scaled by hand: the standard distributions give other numbers in other libraries.
        double point = static_cast<double>(random() >> 11) * 0x1.0p-53 * sum;
        for (std::size_t i = 0; i + 1 < candidates.size(); ++i) {
            point -= weight(candidates[i]);
            if (point < 0) return i;
        }
        return candidates.size() - 1;
    }

private:
    static double weight(const candidate& c) { return c.priority > 0 ? c.priority : 0.0; }
};

}  // namespace

std::unique_ptr<policy> make_randomized_priority() { return std::make_unique<randomized_priority>(); }

}  // namespace bistro
