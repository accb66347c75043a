// A forest that came of the one before by a change: all that refers to nodes follows them, and what they hold and who
// waits for them stays as it is.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"

namespace bistro {

void engine::follow(const forest& before, const forest_change& change) {
    move_holdings(before, change);
    move_who_waits(change);
    rebuild_limits();
    const bool same_order = options_.order != node_order::lexicographic;
    lexicographic_ = nullptr;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i] || !jobs_[i]->level) continue;
        auto& job = *jobs_[i];
        pending_count_ -= job.tree.size();
        job.tree.follow(before, *forest_, change, rank_of(job), same_order, closed_nodes(job));
        pending_count_ += job.tree.size();
    }
    recount();
}

// Those whose path is not as it was find their nodes by name.
void engine::move_holdings(const forest& before, const forest_change& change) {
    for (const auto& [invocation, index] : by_invocation_) {
        auto& h = holdings_[index];
        node_path nodes;
        for (const auto node : h.nodes)
            if (const auto here = change.kept(node.value); here != index_shift::none) nodes.emplace_back(here);
        if (nodes.size() == h.nodes.size() && !h.is_astray)
            h.nodes = std::move(nodes);
        else
            find_nodes(h, names_of(h, before));
    }
    for (auto& job : jobs_)
        if (job) job->running.clear();
}

void engine::move_who_waits(const forest_change& change) {
    const auto here = [&](node_index node) {
        const auto to = change.kept(node.value);
        return to == index_shift::none ? node_index{} : node_index{to};
    };
    const auto move_all = [&](std::vector<node_index>& nodes) {
        for (auto& node : nodes) node = here(node);
        std::erase_if(nodes, [](node_index node) { return !node.valid(); });
    };
    auto waiting_before = std::exchange(waiting_at_, {});
    waiting_at_.reserve(waiting_before.size());
    waited_at_ = bit_set{forest_->size()};
    for (auto& [node, waiting] : waiting_before)
        if (const auto to = here(node_index{node}); to.valid()) {
            waiting_at_.emplace(to.value, std::move(waiting));
            waited_at_.set(to.value);
        }
    move_all(changed_places_);
    for (auto& job : jobs_)
        if (job) move_all(job->offers);
    for (auto& [host, waiters] : waiting_for_host_) {
        for (auto& waiter : waiters) waiter.node = here(waiter.node);
        std::erase_if(waiters, [](const auto& waiter) { return !waiter.node.valid(); });
    }
    std::erase_if(waiting_for_host_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace bistro
