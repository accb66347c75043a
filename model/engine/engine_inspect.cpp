// What the engine says of itself: why something waits, what is in use, and whether its invariants hold.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

std::string resource_sentence(const blocker& b, const std::string& place) {
    std::string text = place + " has " + std::to_string(std::max<std::int64_t>(b.free, 0)) + " of " +
                       std::to_string(b.limit) + " " + b.resource + " free, and the task needs " +
                       std::to_string(b.demand);
    if (b.forever()) text += "; it can never start: lower the job's demand or raise the limit";
    return text;
}

}  // namespace

std::string to_string(const blocker& b) {
    switch (b.what) {
        case blocker::kind::none: return "nothing keeps it from starting";
        case blocker::kind::scheduler_disabled: return "the scheduler is disabled or paused";
        case blocker::kind::no_such_task: return "there is no such task";
        case blocker::kind::node_closed:
            return "node " + quote(b.place) + " is disabled or excluded by one of the job's filters";
        case blocker::kind::node_resource: return resource_sentence(b, "node " + quote(b.place));
        case blocker::kind::no_worker:
            return b.place.empty() ? "no worker is connected that takes tasks"
                                   : "no worker on host " + quote(b.place) + " is connected that takes tasks";
        case blocker::kind::worker_resource: return resource_sentence(b, "worker " + quote(b.place));
    }
    return {};
}

blocker engine::explain_worker(const job_entry& job, std::span<const node_index> path) const {
    const auto host = host_wanted(job, path);
    const auto& defs = resources_.of(worker_level);
    blocker closest{blocker::kind::no_worker, host, {}, 0, 0, 0};
    for (auto worker : workers_.all()) {
        const auto& info = workers_.info(worker);
        if (!workers_.accepting(worker) || (!host.empty() && info.host != host)) continue;
        const auto limits = workers_.limits(worker);
        const auto used = workers_.used(worker);
        blocker b;
        for (std::size_t r = 0; r < defs.size() && !b.forever(); ++r)
            if (const auto free = limits[r] - used[r]; job.worker_demand[r] > 0 && free < job.worker_demand[r])
                b = {blocker::kind::worker_resource,
                     info.shard.value,
                     defs[r].name,
                     job.worker_demand[r],
                     free,
                     limits[r]};
        if (b.what == blocker::kind::none) return b;
        if (closest.what == blocker::kind::no_worker || closest.forever()) closest = b;
    }
    return closest;
}

// `path` leads from the task's node up to some ancestor; it is extended by each parent in turn.
blocker engine::explain_path(const job_entry& job, std::vector<node_index>& path) const {
    const auto node = path.back();
    const auto level = forest_->level_of(node).value;
    const auto name = std::string{forest_->name(node)};
    if (job.tree.closed(node)) return {blocker::kind::node_closed, name, {}, 0, 0, 0};
    const auto used_here = used(node);
    const auto& defs = resources_.of(forest_->levels()[level]);
    for (std::size_t r = 0; r < defs.size(); ++r) {
        const auto demand = job.demand[level][r];
        const auto free = defs[r].limit - used_here[r];
        if (demand > 0 && free < demand)
            return {blocker::kind::node_resource, name, defs[r].name, demand, free, defs[r].limit};
    }
    if (forest_->parents(node).empty()) return explain_worker(job, path);
    blocker first;
    for (auto parent : forest_->parents(node)) {
        path.push_back(parent);
        auto b = explain_path(job, path);
        path.pop_back();
        if (b.what == blocker::kind::none) return b;
        if (first.what == blocker::kind::none || first.forever()) first = b;
    }
    return first;
}

blocker engine::why_waiting(job_index index, node_index task) const {
    const auto& job = entry(index);
    if (!options_.enabled) return {blocker::kind::scheduler_disabled, {}, {}, 0, 0, 0};
    if (!job.level || task.value >= forest_->size() || forest_->level_of(task) != *job.level)
        return {blocker::kind::no_such_task, {}, {}, 0, 0, 0};
    std::vector<node_index> path{task};
    return explain_path(job, path);
}

blocker engine::why_waiting(job_index index) const {
    const auto& job = entry(index);
    for (std::uint32_t i = 0; job.level && i < forest_->size_of(*job.level); ++i)
        if (const node_index node{forest_->first_of(*job.level).value + i}; job.tree.contains(node))
            return why_waiting(index, node);
    return {};
}

std::span<const std::int64_t> engine::used(node_index node) const {
    const auto level = forest_->level_of(node);
    const auto width = limits_[level.value].size();
    return std::span{used_[level.value]}.subspan((node.value - forest_->first_of(level).value) * width, width);
}

std::vector<engine::utilisation> engine::utilisations() const {
    std::vector<utilisation> result;
    for (std::uint32_t l = 0; l < limits_.size(); ++l) {
        const auto& defs = resources_.of(forest_->levels()[l]);
        for (std::size_t r = 0; r < defs.size(); ++r) {
            std::int64_t sum = 0;
            for (std::size_t i = r; i < used_[l].size(); i += defs.size()) sum += used_[l][i];
            result.push_back({forest_->levels()[l], defs[r].name, sum,
                              defs[r].limit * static_cast<std::int64_t>(forest_->size_of(level_index{l}))});
        }
    }
    const auto capacity = workers_.total();
    for (std::size_t r = 0; r < capacity.size(); ++r) {
        std::int64_t sum = 0;
        for (auto worker : workers_.all()) sum += workers_.used(worker)[r];
        result.push_back({worker_level, resources_.of(worker_level)[r].name, sum, capacity[r]});
    }
    return result;
}

const held_task* engine::held(invocation_id invocation) const {
    auto found = held_.find(invocation);
    return found == held_.end() ? nullptr : &found->second.task;
}

std::vector<invocation_id> engine::held_by(worker_index worker) const {
    std::vector<invocation_id> result;
    for (const auto& [invocation, h] : held_)
        if (h.task.worker == worker) result.push_back(invocation);
    return result;
}

std::vector<std::pair<std::string, amounts>> engine::demands_of(invocation_id invocation) const {
    std::vector<std::pair<std::string, amounts>> result;
    auto found = held_.find(invocation);
    if (found == held_.end()) return result;
    const auto& h = found->second;
    auto named = [](const std::vector<resource_def>& defs, const std::vector<std::int64_t>& demand) {
        amounts taken;
        for (std::size_t r = 0; r < demand.size(); ++r)
            if (demand[r] != 0) taken[defs[r].name] = demand[r];
        return taken;
    };
    for (std::size_t i = 0; i < h.nodes.size(); ++i)
        result.emplace_back(
            forest_->name(h.nodes[i]),
            named(resources_.of(forest_->levels()[forest_->level_of(h.nodes[i]).value]), h.node_demand[i]));
    if (workers_.contains(h.task.worker))
        result.emplace_back(workers_.info(h.task.worker).shard.value,
                            named(resources_.of(worker_level), h.worker_demand));
    return result;
}

std::optional<invocation_id> engine::running(const job_id& job, const std::string& node) const {
    auto found = running_.find(task_key(job, node));
    if (found == running_.end()) return std::nullopt;
    return found->second;
}

std::string engine::sanity_check() const {
    std::vector<std::vector<std::int64_t>> expected;
    for (const auto& level : used_) expected.emplace_back(level.size(), 0);
    for (const auto& [invocation, h] : held_)
        for (std::size_t i = 0; i < h.nodes.size(); ++i) {
            const auto level = forest_->level_of(h.nodes[i]);
            const auto width = limits_[level.value].size();
            for (std::size_t r = 0; r < width; ++r)
                expected[level.value][(h.nodes[i].value - forest_->first_of(level).value) * width + r] +=
                    h.node_demand[i][r];
        }
    if (expected != used_) return "slots in use are not the sum of what the running tasks hold";
    if (running_.size() != held_.size()) return "a task runs twice";
    for (const auto& job : jobs_) {
        if (!job || !job->level) continue;
        if (!job->tree.sane(*forest_)) return "the pending tree of job " + job->spec.name.value + " is inconsistent";
    }
    return {};
}

}  // namespace bistro
