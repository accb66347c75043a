// Partitions: the forest is divided into parts of whole subtrees, each with an engine (and a pool) of its own. What all
// of them use, the slots of the instance and of the workers, is leased to them (see slot_broker).
#pragma once

#include <cstdint>

#include "model/forest.hpp"
#include "model/ids.hpp"

namespace bistro {

/// One of the parts.
struct partition {
    std::uint32_t number = 0;
    std::uint32_t count = 1;

    [[nodiscard]] bool is_whole() const { return count == 1; }
    bool operator==(const partition&) const = default;
};

/// More bring nothing: each has the names and the tables of the whole forest.
inline constexpr std::uint32_t max_partitions = 64;

/// Where the tasks of a node are decided: by the name of the outermost node above it, so that another forest rarely
/// moves one. Where a node has two parents, the subtrees that it joins are one. The instance's own are in the first.
inline std::uint32_t partition_of(const forest& nodes, node_index node, std::uint32_t count) {
    return count == 1 ? 0 : static_cast<std::uint32_t>(nodes.subtree_key(node) % count);
}

/// Some nodes that a change kept are in other partitions than before, since nodes with several parents join other
/// subtrees. O(outermost nodes), and nothing where there are no such nodes.
bool moves_partitions(const forest& before, const forest& after, const forest_change& change, std::uint32_t count);

/// Who gave an id, and hears of its end. Of an id of an earlier life, when there may have been more or fewer, somebody.
inline std::uint32_t partition_of(invocation_id id, std::uint32_t count) {
    return static_cast<std::uint32_t>(id.value % count);
}

}  // namespace bistro
