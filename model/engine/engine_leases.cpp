// What an engine that has one of several partitions may use, lacks, and holds of the others.
#include <algorithm>
#include <set>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"

namespace bistro {

void engine::lease_instance(std::span<const std::int64_t> limits) {
    if (part_.is_whole() || limits.size() != limits_.front().size()) return;
    limits_.front().assign(limits.begin(), limits.end());
    note_instance_lease();
    wake(forest::instance());
}

void engine::lease_worker(worker_index worker, std::span<const std::int64_t> limits) {
    if (part_.is_whole() || !workers_.contains(worker)) return;
    workers_.lease(worker, limits);
    worker_has_room(worker);
}

void engine::skip_invocations(invocation_id to) {
    if (next_invocation_ >= to.value) return;
    const auto steps = (to.value - next_invocation_ + part_.count - 1) / part_.count;
    next_invocation_ += steps * part_.count;
}

void engine::note_instance_lease() {
    const auto& defs = resources_.of(instance_level);
    instance_is_leased_ = true;
    for (std::size_t r = 0; r < defs.size(); ++r)
        instance_is_leased_ = instance_is_leased_ && limits_.front()[r] == defs[r].limit;
}

bool engine::lacks_leases() const {
    if (part_.is_whole() || !options_.enabled) return false;
    if (!instance_is_leased_ && waiting_at_.contains(forest::instance())) return true;
    if (!workers_.lacks_leases()) return false;
    return !waiting_for_host_.empty() ||
           std::any_of(classes_.begin(), classes_.end(), [](const auto& c) { return c->blocked && c->jobs > 0; });
}

// Of replicas, whose tasks are below several, at most.
std::size_t engine::pending_below(const job_entry& job, node_index node) const {
    if (node == forest::instance() || forest_->has_replicas()) return job.tree.size();
    // The nodes below, level by level, are neighbours.
    auto begin = node.value;
    auto end = begin + 1;
    for (auto level = forest_->level_of(node).value; level < job.level->value && begin < end; ++level) {
        begin = forest_->own_begin(node_index{begin});
        end = forest_->own_begin(node_index{end});
    }
    return begin < end ? job.tree.count_pending(node_index{begin}, end - begin) : 0;
}

// What may wait for the instance or for a worker.
std::map<engine::claim_key, slot_claim> engine::possible_claims() const {
    std::map<claim_key, slot_claim> found;
    for (const auto& [host, waiters] : waiting_for_host_)
        for (const auto& waiter : waiters) {
            const auto& job = entry(waiter.job);
            const auto tasks = pending_below(job, waiter.node);
            if (tasks == 0 || never_enough(job)) continue;
            auto& claim = found[{job.demand, host, false}];
            claim.served = claim.tasks == 0 ? waiter.since : std::min(claim.served, waiter.since);
            claim.tasks += tasks;
        }
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        const auto& job = jobs_[i];
        if (!job || job->erased || !job->level || job->tree.size() == 0) continue;
        const bool no_worker = !job->wants_host() && classes_[job->job_class]->blocked;
        // Who is parked there for a host has been counted: else that it has no lease would look like a start.
        const bool at_instance =
            waiting_at_.waits(forest::instance(), job_index{i}) && !has_room(*job, forest::instance());
        if ((!no_worker && !at_instance) || never_enough(*job)) continue;
        // Which host it will want, it does not know before it has found a task.
        const bool no_host_yet = !job->spec.host_placement && job->spec.level_for_host_placement;
        auto& claim = found[{job->demand, job->spec.host_placement.value_or(""), no_host_yet}];
        claim.served = std::max(claim.served, job->last_served);
        claim.tasks += job->tree.size();
    }
    return found;
}

// As it is leased, or as if all of it were.
bool engine::instance_has_room(std::span<const std::int64_t> demand, bool leased) const {
    const auto in_use = used(forest::instance());
    for (std::size_t r = 0; r < in_use.size(); ++r)
        if (demand[r] > 0 && (leased ? limits_.front()[r] : limit_of(0, r)) - in_use[r] < demand[r]) return false;
    return true;
}

std::vector<slot_claim> engine::claims(std::size_t most, std::size_t most_with_host) const {
    if (part_.is_whole() || !options_.enabled) return {};
    // Jobs may differ in what they ask of nodes alone.
    std::map<std::tuple<std::string, slots, slots>, slot_claim> by_slots;
    for (auto& possible : possible_claims()) {
        const auto& [number, host, no_host_yet] = possible.first;
        auto& claim = possible.second;
        const auto& demand = demands_[number];
        claim.instance = demand.by_level.front();
        claim.worker = no_host_yet ? slots(demand.worker.size()) : demand.worker;
        claim.host = host;
        const auto room = [&](bool leased) {
            return instance_has_room(claim.instance, leased) && workers_.any_fits(claim.worker, claim.host, leased);
        };
        if (!room(false) || room(true)) continue;
        const auto [same, is_new] = by_slots.try_emplace({claim.host, claim.instance, claim.worker}, claim);
        if (is_new) continue;
        same->second.tasks += claim.tasks;
        same->second.served = std::min(same->second.served, claim.served);
    }
    std::vector<slot_claim> result;
    for (auto& [key, claim] : by_slots) result.push_back(std::move(claim));
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
        return std::pair{!a.host.empty(), a.served} < std::pair{!b.host.empty(), b.served};
    });
    const auto with_host =
        std::partition_point(result.begin(), result.end(), [](const auto& c) { return c.host.empty(); });
    const auto others = static_cast<std::size_t>(with_host - result.begin());
    if (result.size() - others > most_with_host) result.resize(others + most_with_host);
    if (others > most)
        result.erase(result.begin() + static_cast<std::ptrdiff_t>(most),
                     result.begin() + static_cast<std::ptrdiff_t>(others));
    return result;
}

void engine::add_elsewhere(const holding& h, std::vector<task_elsewhere>& found) const {
    if (!h.worker.valid()) return;  // not its own
    std::set<std::uint32_t> others;
    for (const auto node : h.nodes)
        if (const auto p = partition_of(*forest_, node, part_.count); node != forest::instance() && p != part_.number)
            others.insert(p);
    for (const auto other : others) {
        task_elsewhere t{other, h.invocation, {entry(h.job).spec.name, names_of(h, *forest_), {}}, {}};
        for (const auto& [level, taken] : demands_[h.demand].by_name)
            if (level != instance_level && level != worker_level) t.demands.nodes.emplace_back(level, taken);
        found.push_back(std::move(t));
    }
}

std::vector<task_elsewhere> engine::held_elsewhere() const {
    std::vector<task_elsewhere> found;
    if (part_.is_whole()) return found;
    for_each_holding([&](const holding& h) { add_elsewhere(h, found); });
    return found;
}

std::vector<task_elsewhere> engine::held_elsewhere(invocation_id invocation) const {
    std::vector<task_elsewhere> found;
    if (const auto held = by_invocation_.find(invocation.value); held != invocation_index::none && !part_.is_whole())
        add_elsewhere(holdings_[held], found);
    return found;
}

}  // namespace bistro
