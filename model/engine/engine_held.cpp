// What running tasks hold.
#include <algorithm>
#include <array>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"
#include "model/fetch_line.hpp"

namespace bistro {

std::vector<std::string> engine::names_of(const holding& h, const forest& nodes) const {
    if (h.has_names) return names_.at(index_of(h));
    std::vector<std::string> names;
    names.reserve(h.nodes.size());
    for (auto node : h.nodes) names.emplace_back(nodes.name(node));
    return names;
}

// Names are kept only where the forest does not have them all.
void engine::find_nodes(holding& h, std::vector<std::string> names) {
    h.nodes.clear();
    for (const auto& name : names)
        if (auto node = forest_->find(name)) h.nodes.push_back(*node);
    bool is_path = h.nodes.size() == names.size() && h.nodes.back() == forest::instance();
    for (std::size_t i = 0; is_path && i + 1 < h.nodes.size(); ++i) {
        const auto parents = forest_->parents(h.nodes[i]);
        is_path = std::find(parents.begin(), parents.end(), h.nodes[i + 1]) != parents.end();
    }
    set_astray(h, !is_path);
    set_names(h, h.nodes.size() == names.size() ? std::vector<std::string>{} : std::move(names));
}

void engine::set_names(holding& h, std::vector<std::string> names) {
    if (std::exchange(h.has_names, !names.empty())) names_.erase(index_of(h));
    if (h.has_names) names_.emplace(index_of(h), std::move(names));
}

void engine::set_astray(holding& h, bool is_astray) {
    astray_ += static_cast<std::size_t>(is_astray);
    astray_ -= static_cast<std::size_t>(std::exchange(h.is_astray, is_astray));
}

void engine::account(const holding& h, std::int64_t sign) {
    auto& job = entry(h.job);
    const auto& demand = demands_[h.demand];
    for (auto node : h.nodes) {
        const auto level = forest_->level_of(node);
        const auto& asked = demand.by_level[level.value];
        const auto first = first_slot_of(node, level);
        for (std::size_t r = 0; r < asked.size(); ++r) {
            used_[level.value].add(first + r, sign * asked[r]);
            job.used[level.value][r] += sign * asked[r];
        }
    }
    for (std::size_t r = 0; r < demand.worker.size(); ++r) job.used.back()[r] += sign * demand.worker[r];
    if (sign > 0) {
        workers_.take(h.worker, demand.worker);
    } else {
        workers_.give_back(h.worker, demand.worker);
    }
}

// Its first node is that of the task, not one further out since the forest lacks that.
bool engine::has_task(const holding& h) const {
    return !h.nodes.empty() && (!h.has_names || forest_->name(h.nodes.front()) == names_.at(index_of(h)).front());
}

// Known by the task are those of jobs that are still on that level.
void engine::note_task(holding& h) {
    const auto& level = entry(h.job).level;
    h.is_known_by_task = level && has_task(h) && forest_->level_of(h.nodes.front()) == *level;
    if (h.is_known_by_task) by_task_.insert(h.job, h.nodes.front(), index_of(h), task_of());
}

void engine::forget_task(holding& h) {
    if (h.is_known_by_task) by_task_.erase(h.job, h.nodes.front(), index_of(h));
}

void engine::ask_for_tasks() {
    if (by_task_.ask(holdings_.size())) return;
    for (auto& h : holdings_)
        if (h.invocation.valid()) note_task(h);
}

const engine::holding* engine::find_holding(job_index job, node_index task) const {
    const auto found = by_task_.find(job, task, task_of());
    return found == task_index::none ? nullptr : &holdings_[found];
}

engine::holding& engine::hold(invocation_id invocation, job_index job, worker_index worker, std::uint32_t demand) {
    auto index = static_cast<std::uint32_t>(holdings_.size());
    if (unused_holdings_.empty()) {
        holdings_.emplace_back();
        place_at_worker_.emplace_back();
    } else {
        index = unused_holdings_.back();
        unused_holdings_.pop_back();
    }
    by_invocation_.insert(invocation.value, index);
    auto& h = holdings_[index];
    h.invocation = invocation;
    h.job = job;
    h.worker = worker;
    h.demand = demand;
    if (worker.valid()) {
        if (worker.value >= held_by_worker_.size()) held_by_worker_.resize(worker.value + std::size_t{1});
        place_at_worker_[index] = static_cast<std::uint32_t>(held_by_worker_[worker.value].size());
        held_by_worker_[worker.value].push_back(index);
    }
    ++demands_[demand].users;
    ++demands_[demand].held;
    ++entry(job).held;
    return h;
}

std::uint32_t engine::demand_of_adopted(const job_entry& job, const std::optional<job_demands>& started_with) {
    if (!started_with) return job.erased ? empty_demand : job.demand;
    demand_set theirs;
    for (const auto& [level, taken] : started_with->nodes)
        if (!taken.empty()) theirs.by_name[level] = taken;
    if (!started_with->worker.empty()) theirs.by_name[worker_level] = started_with->worker;
    if (!job.erased && demands_[job.demand].by_name == theirs.by_name) return job.demand;
    return add_demand(std::move(theirs));
}

void engine::adopt(invocation_id invocation, const held_task& task, const std::optional<job_demands>& started_with) {
    if (holds(invocation) || task.path.empty()) return;
    auto known = jobs_by_name_.find(task.job);
    if (known == jobs_by_name_.end()) {
        job_spec gone;
        gone.name = task.job;
        known = jobs_by_name_.try_emplace(task.job, add_entry(gone)).first;
        entry(known->second).erased = true;
    }
    const auto job = known->second;
    auto& h = hold(invocation, job, task.worker, demand_of_adopted(entry(job), started_with));
    find_nodes(h, task.path);
    account(h, +1);
    if (by_task_.in_use()) note_task(h);
    if (has_task(h) && !entry(job).erased) remove_pending(job, std::span{h.nodes.data(), 1});
    skip_invocations(invocation_id{invocation.value + 1});
}

bool engine::finish(invocation_id invocation) {
    const auto index = by_invocation_.erase(invocation.value);
    if (index == invocation_index::none) return false;
    finish_holding(index);
    return true;
}

std::size_t engine::finish(std::span<const invocation_id> invocations) {
    constexpr std::size_t block = 32;  // what so many touch fits the nearest caches
    std::array<std::uint32_t, block> indexes;
    std::size_t known = 0;
    while (!invocations.empty()) {
        std::size_t count = 0;
        const auto some = invocations.first(std::min(block, invocations.size()));
        for (const auto invocation : some) by_invocation_.fetch(invocation.value);
        for (const auto invocation : some) {
            const auto index = by_invocation_.erase(invocation.value);
            if (index == invocation_index::none) continue;
            indexes[count++] = index;
            fetch_line(&holdings_[index]);
            fetch_line(&place_at_worker_[index]);
        }
        const auto found = std::span{indexes}.first(count);
        for (const auto index : found) {
            const auto& h = holdings_[index];
            if (by_task_.in_use() && h.is_known_by_task) {
                by_task_.fetch(h.job, h.nodes.front());
                by_task_.fetch(index);
            }
            if (h.worker.valid()) fetch_line(&held_by_worker_[h.worker.value][place_at_worker_[index]]);
            for (const auto node : h.nodes) {
                const auto level = forest_->level_of(node);
                used_[level.value].fetch(first_slot_of(node, level));
                if (!waiting_at_.contains(node)) continue;
                waiting_at_.fetch(node);
                forest_->fetch(node);
            }
        }
        for (const auto index : found) finish_holding(index);
        known += count;
        invocations = invocations.subspan(some.size());
    }
    return known;
}

// It is no longer in by_invocation_.
void engine::finish_holding(std::uint32_t index) {
    auto& h = holdings_[index];
    account(h, -1);
    if (by_task_.in_use()) forget_task(h);
    if (h.worker.valid()) {
        auto& others = held_by_worker_[h.worker.value];
        const auto place = place_at_worker_[index];
        place_at_worker_[others.back()] = place;
        others[place] = others.back();
        others.pop_back();
    }
    --demands_[h.demand].held;
    unuse(h.demand);
    --entry(h.job).held;
    if (workers_.contains(h.worker)) worker_has_room(h.worker);
    for (auto node : h.nodes) wake(node);
    if (options_.policy == policy_kind::fair && !entry(h.job).erased) update_queue(h.job);
    drop_if_unused(h.job);
    set_astray(h, false);
    h.nodes.clear();
    set_names(h, {});
    h.invocation = {};
    unused_holdings_.push_back(index);
}

std::optional<held_task> engine::held(invocation_id invocation) const {
    const auto index = by_invocation_.find(invocation.value);
    if (index == invocation_index::none) return std::nullopt;
    const auto& h = holdings_[index];
    return held_task{entry(h.job).spec.name, names_of(h, *forest_), h.worker};
}

std::vector<invocation_id> engine::held_by(worker_index worker) const {
    std::vector<invocation_id> result;
    if (worker.value >= held_by_worker_.size()) return result;
    for (const auto index : held_by_worker_[worker.value]) result.push_back(holdings_[index].invocation);
    return result;
}

std::vector<std::pair<invocation_id, held_task>> engine::held_of(job_index job) const {
    std::vector<std::pair<invocation_id, held_task>> result;
    if (entry(job).held == 0) return result;
    for_each_holding([&](const holding& h) {
        if (h.job == job) result.emplace_back(h.invocation, *held(h.invocation));
    });
    return result;
}

job_demands engine::demands_of(job_index job) const {
    const auto named = [](const std::vector<resource_def>& defs, const slots& demand) {
        amounts taken;
        for (std::size_t r = 0; r < demand.size(); ++r)
            if (demand[r] != 0) taken[defs[r].name] = demand[r];
        return taken;
    };
    job_demands result;
    const auto& e = entry(job);
    const auto& demand = demands_[e.demand];
    if (e.level)
        for (std::uint32_t l = 0; l <= e.level->value; ++l)
            result.nodes.emplace_back(forest_->levels()[l],
                                      named(resources_.of(forest_->levels()[l]), demand.by_level[l]));
    result.worker = named(resources_.of(worker_level), demand.worker);
    return result;
}

}  // namespace bistro
