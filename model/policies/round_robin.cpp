#include "model/policies/policy.hpp"

namespace bistro {

namespace {

class round_robin final : public policy {
public:
    preference prefer(const candidate& c) const override { return {0, c.last_served}; }
};

}  // namespace

std::unique_ptr<policy> make_round_robin() { return std::make_unique<round_robin>(); }

}  // namespace bistro
