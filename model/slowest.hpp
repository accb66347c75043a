// The tasks of a job that took longest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "model/ids.hpp"
#include "model/task_status.hpp"

namespace bistro {

struct timed_task {
    node_id node;
    time_ms took_ms = 0;  ///< so far, where it runs
    bool operator==(const timed_task&) const = default;
};

/// Keeps the longest few of all that it is told, each task once. O(kept) for one of them, O(1) for any other.
class slowest_tasks {
public:
    static constexpr std::size_t kept = 10;

    void add(const node_id& node, time_ms took_ms) {
        if (longest_.size() == kept && took_ms <= longest_.back().took_ms) return;
        const auto same = std::find_if(longest_.begin(), longest_.end(), [&](const auto& t) { return t.node == node; });
        if (same != longest_.end()) {
            if (took_ms <= same->took_ms) return;
            longest_.erase(same);
        }
        const auto at = std::find_if(longest_.begin(), longest_.end(),
                                     [&](const timed_task& task) { return task.took_ms < took_ms; });
        longest_.insert(at, {node, took_ms});
        if (longest_.size() > kept) longest_.pop_back();
    }

    /// The longest first; of those that took as long, the one that came first.
    [[nodiscard]] const std::vector<timed_task>& longest() const { return longest_; }

private:
    std::vector<timed_task> longest_;
};

}  // namespace bistro
