#include "model/policies/policy.hpp"

namespace bistro {

namespace {

class randomized_priority final : public policy {
public:
    preference prefer(const candidate& c) const override { return {c.priority > 0 ? c.priority : 0.0, 0}; }
    bool by_chance() const override { return true; }
};

}  // namespace

std::unique_ptr<policy> make_randomized_priority() { return std::make_unique<randomized_priority>(); }

}  // namespace bistro
