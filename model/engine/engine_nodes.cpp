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
    }
    if (options_.order != node_order::lexicographic) by_name_.reset();
    const bool same_order = !by_name_ || by_name_->follow(*forest_, change);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i] || !jobs_[i]->level) continue;
        auto& job = *jobs_[i];
        pending_count_ -= job.tree.size();
        job.tree.follow(*before, *forest_, change, rank_of(job), same_order, closed_nodes(job, &change));
        if (!job.spec.filters.empty()) drop_what_is_excluded(job, change);
        pending_count_ += job.tree.size();
        update_queue(job_index{i});
    }
}

// Of those with several parents down to a level: all, or after a change those that are new. What is above others was
// above them before, since a node that is kept has the same parents.
bit_set engine::nodes_above_replicas(level_index level, const forest_change* change) const {
    bit_set above{forest_->first_of(level).value};
    std::vector<node_index> next;
    const auto add_parents = [&](node_index node) {
        for (const auto parent : forest_->parents(node))
            if (above.set(parent.value)) next.push_back(parent);
    };
    const auto end = static_cast<std::uint32_t>(forest_->first_of(level).value + forest_->size_of(level));
    const auto kept = change ? change->kept : index_shift{};
    kept.for_each_new(end, [&](std::uint32_t i) {
        if (!forest_->has_several_parents(node_index{i})) return;
        add_parents(node_index{i});
        while (!next.empty()) {
            const auto at = next.back();
            next.pop_back();
            add_parents(at);
        }
    });
    return above;
}

// Which tasks pass their filters is known where they are offered; but a replica may pass along one way and not along
// another, so whether the nodes above it pass counts, too. Without a change, nothing is known of the forest yet.
std::shared_ptr<const bit_set> engine::closed_nodes(const job_entry& job, const forest_change* change) const {
    std::shared_ptr<const bit_set> disabled;
    if (!forest_->disabled().empty()) disabled = {forest_, &forest_->disabled()};
    if (!forest_->has_replicas() || job.spec.filters.empty() || !job.spec.errors.empty()) return disabled;
    std::optional<path_filter> filter;  // to make one takes a while
    const auto passes = [&](node_index node) {
        if (!filter) filter.emplace(job.spec, *forest_, *job.level);
        return filter->passes_itself(node);
    };
    const auto size = static_cast<std::uint32_t>(forest_->size());
    const auto& known = job.tree.closed_nodes();
    auto closed = change && known ? moved(*known, change->kept, size) : bit_set{size};
    const auto note = [&](node_index node, bool passes) { passes ? closed.reset(node.value) : closed.set(node.value); };
    const auto kept = change ? change->kept : index_shift{};
    kept.for_each_new(size, [&](std::uint32_t i) { note(node_index{i}, forest_->enabled(node_index{i})); });
    const auto end = forest_->first_of(*job.level);
    if (change)
        for (const auto node : change->altered) note(node, node < end ? passes(node) : forest_->enabled(node));
    nodes_above_replicas(*job.level, change).for_each([&](std::size_t i) {
        note(node_index{i}, passes(node_index{i}));
    });
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
        moving.push_back(index);
    }
    return moving;
}

void engine::move_holdings(const forest_change& change) {
    by_task_.clear();
    for (auto& h : holdings_)
        for (auto& node : h.nodes) node.value = change.kept(node.value);
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
