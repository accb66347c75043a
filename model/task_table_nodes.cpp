// A forest that came of the one before by a change: the tasks of nodes that stay are as they were, and those of the
// others leave or come.
#include <algorithm>
#include <utility>

#include "model/node_ranges.hpp"
#include "model/task_table.hpp"

namespace bistro {

// False where the whole has to be derived anew: where other jobs were all done, which is void until they report.
bool task_table::follow(const forest_ptr& nodes, time_ms now) {
    const auto* change = forest_ ? nodes->change_from(*forest_) : nullptr;
    const bool untold = changes_.replaced || changes_.moved || !changes_.ready.empty() || !changes_.withdrawn.empty() ||
                        !changes_.done.empty() || !changes_.undone.empty();
    const bool waits_again = std::any_of(gates_.begin(), gates_.end(), [](const auto& gate) { return gate.second; });
    if (!change || !level_ || waits_again || untold) return false;
    const auto first = forest_->first_of(*level_).value;
    const auto kept =
        change->kept.within(first, first + static_cast<position>(slots_.size()), nodes->first_of(*level_).value);
    position next = 0;
    for (const auto& run : kept.runs()) {
        while (next < run.from) leave(next++);
        next = run.from + run.count;
    }
    while (next < slots_.size()) leave(next++);
    forest_ = nodes;
    changes_.moved = true;
    slots_ = moved(slots_, kept, forest_->size_of(*level_));
    if (!dependencies_.empty())
        unmet_ = moved(unmet_, kept, slots_.size(), 1, static_cast<std::uint16_t>(dependencies_.size()));
    for (auto& [job, dependency] : dependencies_)
        if (dependency.known) dependency.done = moved(dependency.done, kept, slots_.size());
    auto details_before = std::exchange(details_, {});
    details_.reserve(details_before.size());  // they come in the order of another table, where a small one clusters
    timers_ = {};
    for (auto& [p, d] : details_before) {
        const auto here = kept(p);
        if (slots_[here].waiting) timers_.emplace(d.retry_at_ms, here);
        details_.emplace(here, std::move(d));
    }
    move_live_tasks(kept);
    const path_filter filter{spec_, *forest_, *level_};
    kept.for_each_new(static_cast<position>(slots_.size()), [&](position p) { come(p, filter, now); });
    renew_excluded(*change, filter);
    doubt(*change);
    for (const auto& [invocation, live] : live_) note_orphan(invocation_id{invocation}, live.at, now);
    return true;
}

// Its status is kept under its name, for the case that the node comes back.
void task_table::leave(position p) {
    const auto count = count_of(p);
    --(counts_.*count);
    if (count != &task_counts::excluded) --counts_.total;
    if (auto status = status_at(p); status != task_status{}) absent_[name_at(p).value] = std::move(status);
    details_.erase(p);
}

void task_table::come(position p, const path_filter& filter, time_ms now) {
    auto& s = slots_[p];
    if (const auto found = absent_.find(forest_->name(node_at(p))); found != absent_.end()) {
        auto status = std::move(found->second);
        absent_.erase(found);
        s.state = static_cast<std::uint8_t>(status.state) & 7U;
        s.waiting = status.retry_at_ms > now ? 1 : 0;
        if (s.waiting) timers_.emplace(status.retry_at_ms, p);
        if (status.state != task_state::done || !status.data_json.empty())
            details_[p] = {status.backoff_step, status.retry_at_ms, status.invocation, status.synthetic,
                           std::move(status.data_json)};
    }
    s.excluded = filter.passes(node_at(p)) ? 0 : 1;
    const auto count = count_of(p);
    ++(counts_.*count);
    if (count != &task_counts::excluded) ++counts_.total;
    if (count == &task_counts::done) changes_.done.push_back(node_at(p));
    refresh(p);
}

// Those whose slot is gone have no home, and some that had none find one.
void task_table::move_live_tasks(const index_shift& kept) {
    for (auto& [invocation, live] : live_) {
        if (live.at != none) {
            live.at = kept(live.at);
            if (live.at != none) continue;
            count_homeless(live, true);
        }
        const auto p = position_of(live.task.node.value);
        if (p == none) continue;
        count_homeless(live, false);
        live.at = p;
        slots_[p].live = 1;
        slots_[p].ending = live.ending ? 1 : 0;
    }
}

// Of tasks on nodes that are enabled or disabled now, or have other tags, and of those below such nodes.
void task_table::renew_excluded(const forest_change& change, const path_filter& filter) {
    const auto first = forest_->first_of(*level_).value;
    for_each_below(*forest_, change.altered, *level_,
                   [&](node_index node) { set_excluded(node.value - first, !filter.passes(node)); });
}

// Whether other jobs are done there still, they have to say again; as this one has to those that depend on it.
void task_table::doubt(const forest_change& change) {
    const auto first = forest_->first_of(*level_).value;
    for_each_below(*forest_, change.altered, *level_, [&](node_index node) {
        for (auto& [job, dependency] : dependencies_)
            if (dependency.known) set_dependency(dependency, node, false);
        if (count_of(node.value - first) == &task_counts::done) changes_.done.push_back(node);
    });
}

}  // namespace bistro
