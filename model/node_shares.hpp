// How a job stands below each child of a node: what a map of the forest shows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/forest.hpp"
#include "model/task_table.hpp"

namespace bistro {

/// Tasks below a node. Those that a filter or a disabled node leaves out are in none of the numbers.
struct node_share {
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    std::uint64_t running = 0;
    std::uint64_t failed = 0;
    std::uint64_t waiting = 0;  ///< ready, in backoff, or blocked

    node_share& operator+=(const node_share& other) {
        total += other.total;
        done += other.done;
        running += other.running;
        failed += other.failed;
        waiting += other.waiting;
        return *this;
    }
    bool operator==(const node_share&) const = default;
};

/// Of the children of `below`, in the forest's order; of a node with several parents below its first. Empty where the
/// table has no forest, or no such node. O(tasks of the job).
std::vector<node_share> shares_below(const task_table& table, node_index below);

}  // namespace bistro
