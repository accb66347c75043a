#include "model/policies/policy.hpp"

namespace bistro {

namespace {

class ranked_priority final : public policy {
public:
    preference prefer(const candidate& c) const override { return {-c.priority, c.last_served}; }
};

}  // namespace

std::unique_ptr<policy> make_ranked_priority() { return std::make_unique<ranked_priority>(); }

}  // namespace bistro
