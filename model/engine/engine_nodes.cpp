// A forest that came of the one before by a change: all that refers to nodes follows them, and what they hold and who
// waits for them stays as it is.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"
#include "model/node_ranges.hpp"
#include "model/path_filter.hpp"

namespace bistro {

void engine::follow(forest_ptr nodes, const forest_change& change) {
    const auto moving = release_what_moves(change);
    std::vector<std::vector<std::string>> paths;
    for (const auto index : moving) paths.push_back(names_of(holdings_[index], *forest_));
    const auto before = std::exchange(forest_, std::move(nodes));
    move_holdings(change);
    move_used(*before, change);
    move_who_waits(change);
    rebuild_limits();
    for (std::size_t i = 0; i < moving.size(); ++i) {
        find_nodes(holdings_[moving[i]], std::move(paths[i]));
        account(holdings_[moving[i]], +1);
        note_task(holdings_[moving[i]]);
    }
    if (options_.order != node_order::lexicographic) by_name_.reset();
    const bool same_order = !by_name_ || by_name_->follow(*forest_, change);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i] || !jobs_[i]->level) continue;
        auto& job = *jobs_[i];
        pending_count_ -= job.tree.size();
        job.tree.follow(*before, *forest_, change, rank_of(job), same_order,
                        closed_nodes(job, before->has_replicas() ? &change : nullptr));
        if (!job.spec.filters.empty()) drop_what_is_excluded(job, change);
        pending_count_ += job.tree.size();
        update_queue(job_index{i});
    }
}

// Which tasks pass their filters is known where they are offered; but a replica may pass along one path and not along
// another, so where there are some the paths count, too. After a change, nodes that were kept are as they were.
std::shared_ptr<const bit_set> engine::closed_nodes(const job_entry& job, const forest_change* change) const {
    std::shared_ptr<const bit_set> disabled;
    if (!forest_->disabled().empty()) disabled = {forest_, &forest_->disabled()};
    if (!forest_->has_replicas() || job.spec.filters.empty() || !job.spec.errors.empty()) return disabled;
    std::optional<path_filter> filter;  // to make one takes a while
    const auto size = forest_->first_of(*job.level).value + static_cast<std::uint32_t>(forest_->size_of(*job.level));
    const auto& known = job.tree.closed_nodes();
    bit_set closed{forest_->size()};
    const auto look = [&](std::uint32_t i) {
        if (!filter) filter.emplace(job.spec, *forest_, *job.level);
        filter->passes_itself(node_index{i}) ? closed.reset(i) : closed.set(i);
    };
    std::uint32_t next = 0;
    if (change) {
        if (known) closed = moved(*known, change->kept, closed.size());
        for (const auto& run : change->kept.runs()) {
            for (; next < std::min(run.to, size); ++next) look(next);
            next = run.to + run.count;
        }
        for (const auto node : change->altered)
            if (node.value < size) look(node.value);
    }
    for (; next < size; ++next) look(next);
    return std::make_shared<const bit_set>(std::move(closed));
}

// The job will say so, too; but nothing may start until then.
void engine::drop_what_is_excluded(job_entry& job, const forest_change& change) {
    if (change.altered.empty()) return;
    const path_filter filter{job.spec, *forest_, *job.level};
    for_each_below(*forest_, change.altered, *job.level, [&](node_index task) {
        if (job.tree.contains(task) && !filter.passes(task)) job.tree.erase(*forest_, task);
    });
}

void engine::keep_passing(job_index index, std::vector<node_index>& tasks) const {
    const auto& job = entry(index);
    if (!job.level || job.spec.filters.empty()) return;
    const path_filter filter{job.spec, *forest_, *job.level};
    std::erase_if(tasks, [&](node_index task) {
        return task.value >= forest_->size() || forest_->level_of(task) != *job.level || !filter.passes(task);
    });
}

// What runs where something has gone or moved, or where something was missing, will have to find its nodes by name.
std::vector<std::uint32_t> engine::release_what_moves(const forest_change& change) {
    std::vector<std::uint32_t> moving;
    for (std::uint32_t index = 0; index < holdings_.size(); ++index) {
        auto& h = holdings_[index];
        if (!h.invocation.valid()) continue;
        const bool stays = !h.is_astray && std::all_of(h.nodes.begin(), h.nodes.end(), [&](node_index node) {
            return change.kept(node.value) != index_shift::none;
        });
        if (stays) continue;
        account(h, -1);
        forget_task(h);
        moving.push_back(index);
    }
    return moving;
}

void engine::move_holdings(const forest_change& change) {
    by_task_.clear();
    for (auto& h : holdings_) {
        for (auto& node : h.nodes) node.value = change.kept(node.value);
        if (h.is_known_by_task) by_task_.insert(h.job, h.nodes.front(), index_of(h), task_of());
    }
}

void engine::move_used(const forest& before, const forest_change& change) {
    for (std::uint32_t l = 0; l < used_.size(); ++l) {
        const auto first = before.first_of(level_index{l}).value;
        const auto end = first + static_cast<std::uint32_t>(before.size_of(level_index{l}));
        used_[l] = used_[l].follow(change.kept.within(first, end, forest_->first_of(level_index{l}).value),
                                   forest_->size_of(level_index{l}), limits_[l].size());
    }
}

void engine::move_who_waits(const forest_change& change) {
    // Not valid where it is gone.
    const auto here = [&](node_index node) { return node_index{change.kept(node.value)}; };
    const auto move_all = [&](std::vector<node_index>& nodes) {
        for (auto& node : nodes) node = here(node);
        std::erase_if(nodes, [](node_index node) { return !node.valid(); });
    };
    waiting_at_.follow(change.kept, forest_->size());
    move_all(changed_places_);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i]) continue;
        move_all(jobs_[i]->offers);
        note_offers(job_index{i});
    }
    for (auto& [host, waiters] : waiting_for_host_) {
        for (auto& waiter : waiters) waiter.node = here(waiter.node);
        std::erase_if(waiters, [&](const auto& waiter) {
            if (!waiter.node.valid()) --entry(waiter.job).host_waits;
            return !waiter.node.valid();
        });
    }
    std::erase_if(waiting_for_host_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace bistro
