// Whether a job may use a node: every node on the way to it is enabled and passes the filter of its level.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
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
    /// There is a way to the instance on which every node passes. O(levels); where nodes have several parents, a look
    /// at each node above, once for all that are asked for.
    [[nodiscard]] bool passes(node_index node) const;

private:
    const forest& nodes_;
    std::vector<std::optional<filter>> by_level_;  // down to the job's
    // Of nodes above others, where some have several parents: what passes() found.
    mutable boost::unordered_flat_map<std::uint32_t, bool> known_;
};

}  // namespace bistro
