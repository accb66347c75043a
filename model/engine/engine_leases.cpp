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
    if (!instance_is_leased_ && waited_at_[forest::instance().value]) return true;
    if (!workers_.lacks_leases()) return false;
    return !waiting_for_host_.empty() ||
           std::any_of(classes_.begin(), classes_.end(), [](const auto& c) { return c->blocked && c->jobs > 0; });
}

// Jobs that may have something that waits for the instance or for a worker, and the host that it wants.
std::vector<std::pair<job_index, std::string>> engine::waiting_for_slots() const {
    std::set<std::pair<job_index, std::string>> found;
    for (const auto& [host, waiters] : waiting_for_host_)
        for (const auto& [job, node] : waiters) found.emplace(job, host);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        const auto& job = jobs_[i];
        if (!job || job->erased || !job->level || job->tree.size() == 0) continue;
        const bool no_worker = !job->wants_host() && classes_[job->job_class]->blocked;
        const bool at_instance = job->tree.parked(forest::instance());
        if (no_worker || at_instance) found.emplace(job_index{i}, job->spec.host_placement.value_or(""));
    }
    return {found.begin(), found.end()};
}

// As it is leased, or as if all of it were.
bool engine::instance_has_room(std::span<const std::int64_t> demand, bool leased) const {
    const auto in_use = used(forest::instance());
    for (std::size_t r = 0; r < in_use.size(); ++r)
        if (demand[r] > 0 && (leased ? limits_.front()[r] : limit_of(0, r)) - in_use[r] < demand[r]) return false;
    return true;
}

std::vector<slot_claim> engine::claims(std::size_t most) const {
    if (part_.is_whole() || !options_.enabled) return {};
    std::map<std::pair<std::uint32_t, std::string>, slot_claim> by_demand;
    for (const auto& [index, host] : waiting_for_slots()) {
        const auto& job = entry(index);
        if (!job.level || job.tree.size() == 0 || never_enough(job)) continue;
        auto& claim = by_demand[{job.demand, host}];
        claim.tasks += job.tree.size();
        claim.served = std::max(claim.served, job.last_served);
    }
    std::vector<slot_claim> result;
    for (auto& [key, claim] : by_demand) {
        const auto& demand = demands_[key.first];
        claim.instance = demand.by_level.front();
        claim.worker = demand.worker;
        claim.host = key.second;
        const auto room = [&](bool leased) {
            return instance_has_room(claim.instance, leased) && workers_.any_fits(claim.worker, claim.host, leased);
        };
        if (room(false) && !room(true)) result.push_back(std::move(claim));
    }
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.served < b.served; });
    if (result.size() > most) result.resize(most);
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
    for (const auto& [invocation, index] : by_invocation_) add_elsewhere(holdings_[index], found);
    return found;
}

std::vector<task_elsewhere> engine::held_elsewhere(invocation_id invocation) const {
    std::vector<task_elsewhere> found;
    if (const auto held = by_invocation_.find(invocation.value); held != by_invocation_.end() && !part_.is_whole())
        add_elsewhere(holdings_[held->second], found);
    return found;
}

}  // namespace bistro
