// The rank of each node in the order of names. Ranks have gaps, so that a node that comes finds room between two others
// and all that stay keep theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/forest.hpp"

namespace bistro {

class name_ranks {
public:
    name_ranks() = default;
    explicit name_ranks(const forest& nodes) { build(nodes); }

    /// By node.
    [[nodiscard]] const std::shared_ptr<const std::vector<std::uint32_t>>& ranks() const { return ranks_; }
    /// The same for a forest that came of the one before by a change. Costs a copy of both, and a search for each node
    /// that came. False where there was no room for one of them, and all have other ranks now.
    bool follow(const forest& nodes, const forest_change& change);

private:
    void build(const forest& nodes);
    [[nodiscard]] std::uint64_t close_together() const;

    std::uint64_t gap_ = 0;              // between the ranks of two, as they were built
    std::vector<std::uint32_t> sorted_;  // nodes by name
    std::shared_ptr<const std::vector<std::uint32_t>> ranks_;
};

}  // namespace bistro
