// Nodes of one level as runs of neighbours: where no node has several parents, all below one are one such run.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "model/forest.hpp"

namespace bistro {

/// The first of them, and one past the last.
using node_range = std::pair<std::uint32_t, std::uint32_t>;

/// The same nodes in ascending order; each once.
std::vector<node_range> joined(std::vector<node_range> ranges);
/// The children of nodes of one level, in no order; one of several parents may come several times.
std::vector<node_range> children_of(const forest& nodes, const std::vector<node_range>& parents);
/// The nodes of a level that are at or below any of these places, ascending; each once. For places further in there
/// are none.
std::vector<node_range> nodes_below(const forest& nodes, std::vector<node_index> places, level_index level);

/// Calls `visit` with each of those.
template <class F>
void for_each_below(const forest& nodes, const std::vector<node_index>& places, level_index level, F&& visit) {
    for (const auto& [begin, end] : nodes_below(nodes, places, level))
        for (auto i = begin; i < end; ++i) visit(node_index{i});
}

}  // namespace bistro
