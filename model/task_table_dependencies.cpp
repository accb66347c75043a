// What is known of the jobs that a job waits for.
#include <algorithm>
#include <utility>

#include "model/task_table.hpp"

namespace bistro {

void task_table::dependency_replaced(const job_id& job, const std::vector<node_index>& done, bool all_done,
                                     time_ms now) {
    if (auto gate = gates_.find(job); gate != gates_.end()) gate->second = all_done;
    if (auto found = dependencies_.find(job); found != dependencies_.end()) {
        found->second = {bit_set{slots_.size()}, true, false};
        for (auto node : done)
            if (level_ && forest_->level_of(node) == *level_)
                found->second.done.set(node.value - forest_->first_of(*level_).value);
    }
    rebuild(now);
}

bool task_table::dependency_changed(const job_id& job, const std::vector<node_index>& done,
                                    const std::vector<node_index>& undone, bool all_done, time_ms now) {
    const auto found = dependencies_.find(job);
    const bool depends = found != dependencies_.end() && level_;
    if (depends && found->second.known) {
        for (auto node : done) set_dependency(found->second, node, true);
        for (auto node : undone) set_dependency(found->second, node, false);
    }
    if (auto gate = gates_.find(job); gate != gates_.end() && gate->second != all_done) {
        gate->second = all_done;
        rebuild(now);
    }
    return !depends || found->second.known || std::exchange(found->second.asked, true);
}

void task_table::dependency_reported_late(const job_id& job, std::uint64_t version, bool replaced,
                                          std::vector<node_index> done, std::vector<node_index> undone, time_ms now) {
    const auto found = dependencies_.find(job);
    if (found == dependencies_.end() || !level_) return;
    found->second.asked = false;  // this may have been the answer
    if (!found->second.known) return;
    const auto changes = history_.since(version);
    if (replaced || !changes ||
        std::any_of(changes->begin(), changes->end(), [](const auto& change) { return !change->altered.empty(); })) {
        found->second = {};
        return rebuild(now);
    }
    for (const auto& change : *changes) {
        renumber(done, *change);
        renumber(undone, *change);
    }
    for (auto node : done) set_dependency(found->second, node, true);
    for (auto node : undone) set_dependency(found->second, node, false);
}

}  // namespace bistro
