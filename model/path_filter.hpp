// Whether a job may use a node: every node on the way to it is enabled and passes the filter of its level.
#pragma once

#include <optional>
#include <vector>

#include "model/filters.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"

namespace bistro {

/// For one job and forest. Made once for many nodes: regular expressions are compiled then.
class path_filter {
public:
    /// `level`: that of the job's tasks. A job with errors has no filters.
    path_filter(const job_spec& job, const forest& nodes, level_index level);

    /// By the node alone.
    [[nodiscard]] bool passes_itself(node_index node) const;
    /// Where no node has two parents.
    [[nodiscard]] bool passes(node_index node) const;

private:
    const forest& nodes_;
    std::vector<std::optional<filter>> by_level_;  // down to the job's
};

/// The nodes of a level that are at or below one, as the first and one past the last; where no node has two parents.
/// For a level further out there is none.
std::pair<std::uint32_t, std::uint32_t> range_below(const forest& nodes, node_index node, level_index level);
/// Calls `visit` with each of those, of all the places; with one that is below two of them, twice.
template <class F>
void for_each_below(const forest& nodes, const std::vector<node_index>& places, level_index level, F&& visit) {
    for (const auto place : places) {
        const auto [begin, end] = range_below(nodes, place, level);
        for (auto i = begin; i < end; ++i) visit(node_index{i});
    }
}

}  // namespace bistro
