// How a job stands below each child of a node: what a map of the forest shows.
#pragma once

#include <cstdint>
#include <string>
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

/// How many nodes of a level are done, and so on: failed where some task below is, else running, else waiting, and done
/// where all tasks below are. Nodes without tasks are none of the numbers.
struct level_share {
    std::string level;
    node_share nodes;
    bool operator==(const level_share&) const = default;
};

/// Of the levels from the instance to that of the tasks. O(nodes of those levels).
std::vector<level_share> shares_by_level(const task_table& table);

/// Of the children of `below`, in the forest's order; of a node with several parents below its first. Empty where the
/// table has no forest, or no such node. O(tasks of the job).
std::vector<node_share> shares_below(const task_table& table, node_index below);

}  // namespace bistro
