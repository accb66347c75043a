#include "model/engine/engine.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "model/engine/engine_job.hpp"
#include "model/hash.hpp"

namespace bistro {

namespace {
constexpr std::array<std::string_view, 3> order_names{"random", "original", "lexicographic"};
}  // namespace

std::string_view to_string(node_order order) { return order_names.at(static_cast<std::size_t>(order)); }

std::optional<node_order> parse_node_order(std::string_view text) {
    auto found = std::find(order_names.begin(), order_names.end(), text);
    if (found == order_names.end()) return std::nullopt;
    return static_cast<node_order>(found - order_names.begin());
}

engine::engine(engine_options options, invocation_id first)
    : options_{options},
      next_invocation_{first.value},
      policy_{make_policy(options.policy)},
      random_{options.seed},
      forest_{build_forest({}, {}).nodes} {
    rebuild_limits();
    recount();
}

engine::~engine() = default;
engine::engine(engine&&) noexcept = default;
engine& engine::operator=(engine&&) noexcept = default;

// -- tables change ----------------------------------------------------------------------------------------------------

void engine::set_options(const engine_options& options) {
    const bool new_order = options.order != options_.order || options.seed != options_.seed;
    if (options.policy != options_.policy) policy_ = make_policy(options.policy);
    options_ = options;
    if (!new_order) return;
    for (auto& job : jobs_)
        if (job) rebuild_job(*job, true);
}

void engine::set_forest(forest_ptr nodes) {
    forest_ = std::move(nodes);
    lexicographic_ = nullptr;
    waiting_at_.clear();
    waiting_for_worker_.clear();
    rebuild_limits();
    for (auto& job : jobs_)
        if (job) rebuild_job(*job, false);
    recount();
}

void engine::set_resources(resource_table table) {
    resources_ = std::move(table);
    workers_.set_resources(resources_);
    rebuild_limits();
    for (auto& job : jobs_)
        if (job) rebuild_job(*job, true);
    recount();
}

void engine::rebuild_limits() {
    limits_.clear();
    for (const auto& level : forest_->levels()) {
        auto& limits = limits_.emplace_back();
        for (const auto& def : resources_.of(level)) limits.push_back(def.limit);
    }
}

std::vector<bool> engine::closed_nodes(const job_entry& job) const {
    std::vector<bool> closed;
    auto close = [&](std::uint32_t node) {
        if (closed.empty()) closed.assign(forest_->size(), false);
        closed[node] = true;
    };
    const auto end = forest_->first_of(*job.level).value + forest_->size_of(*job.level);
    for (std::uint32_t i = 0; i < end; ++i)
        if (!forest_->enabled(node_index{i})) close(i);
    // Which tasks pass their filters is known where they are offered; but a replica may pass along one path and not
    // along another, so there the paths count too.
    if (!forest_->has_replicas() || !job.spec.errors.empty()) return closed;
    for (const auto& [level, spec] : job.spec.filters) {
        const auto index = forest_->find_level(level);
        if (!index || index->value > job.level->value) continue;
        const filter passing{spec, job.spec.name.value};
        const auto first = forest_->first_of(*index).value;
        for (std::uint32_t i = first; i < first + forest_->size_of(*index); ++i)
            if (!passing.passes(forest_->name(node_index{i}), forest_->tags(node_index{i}))) close(i);
    }
    return closed;
}

pending_tree::rank_function engine::rank_of(const job_entry& job) {
    switch (options_.order) {
        case node_order::original: return [](std::uint32_t position) { return position; };
        case node_order::lexicographic: {
            if (!lexicographic_) {
                std::vector<std::uint32_t> sorted(forest_->size());
                std::iota(sorted.begin(), sorted.end(), 0U);
                std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
                    return forest_->name(node_index{a}) < forest_->name(node_index{b});
                });
                auto ranks = std::make_shared<std::vector<std::uint32_t>>(sorted.size());
                for (std::uint32_t i = 0; i < sorted.size(); ++i) (*ranks)[sorted[i]] = i;
                lexicographic_ = std::move(ranks);
            }
            return [ranks = lexicographic_, first = forest_->first_of(*job.level).value](std::uint32_t position) {
                return (*ranks)[first + position];
            };
        }
        case node_order::random: break;
    }
    return [salt = mix64(options_.seed) ^ fnv1a(job.spec.name.value)](std::uint32_t position) {
        const auto rank = static_cast<std::uint32_t>(mix64(salt ^ position) >> 32);
        return std::min(rank, pending_tree::nothing - 1);
    };
}

void engine::rebuild_job(job_entry& job, bool keep_pending) {
    std::vector<node_index> pending;
    if (keep_pending && job.level)
        for (std::uint32_t i = 0; i < forest_->size_of(*job.level); ++i)
            if (const node_index node{forest_->first_of(*job.level).value + i}; job.tree.contains(node))
                pending.push_back(node);
    job.level = forest_->find_level(job.spec.level);
    job.tree = job.level ? pending_tree{*forest_, *job.level, rank_of(job), closed_nodes(job)} : pending_tree{};
    for (auto node : pending) job.tree.insert(*forest_, node);

    job.demand.clear();
    auto names = std::make_shared<demand_by_level>();
    auto ask = [&](const std::string& level) {
        auto demand = demand_at(resources_, level, job.spec.resources);
        for (std::size_t i = 0; i < demand.size(); ++i)
            if (demand[i] != 0) (*names)[level][resources_.of(level)[i].name] = demand[i];
        return demand;
    };
    if (job.level)
        for (std::uint32_t l = 0; l <= job.level->value; ++l) job.demand.push_back(ask(forest_->levels()[l]));
    job.worker_demand = ask(worker_level);
    job.demand_names = std::move(names);
}

// -- what running tasks hold ------------------------------------------------------------------------------------------

void engine::resolve(holding& h) const {
    auto amounts_at = [&](const std::string& level) {
        std::vector<std::int64_t> result;
        auto at_level = h.demand->find(level);
        for (const auto& def : resources_.of(level)) {
            if (at_level == h.demand->end()) {
                result.push_back(0);
            } else {
                auto amount = at_level->second.find(def.name);
                result.push_back(amount == at_level->second.end() ? 0 : amount->second);
            }
        }
        return result;
    };
    h.nodes.clear();
    h.node_demand.clear();
    for (const auto& name : h.task.path)
        if (auto node = forest_->find(name)) {
            h.nodes.push_back(*node);
            h.node_demand.push_back(amounts_at(forest_->levels()[forest_->level_of(*node).value]));
        }
    h.worker_demand = amounts_at(worker_level);
}

void engine::account(const holding& h, std::int64_t sign) {
    auto job = find_job(h.task.job);
    for (std::size_t i = 0; i < h.nodes.size(); ++i) {
        const auto level = forest_->level_of(h.nodes[i]).value;
        const auto width = limits_[level].size();
        const auto base = (h.nodes[i].value - forest_->first_of(level_index{level}).value) * width;
        for (std::size_t r = 0; r < width; ++r) {
            used_[level][base + r] += sign * h.node_demand[i][r];
            if (job) entry(*job).used[level][r] += sign * h.node_demand[i][r];
        }
    }
    for (std::size_t r = 0; job && r < h.worker_demand.size(); ++r)
        entry(*job).used.back()[r] += sign * h.worker_demand[r];
    if (sign > 0) {
        workers_.take(h.task.worker, h.worker_demand);
    } else {
        workers_.give_back(h.task.worker, h.worker_demand);
    }
}

void engine::recount() {
    used_.clear();
    std::vector<std::vector<std::int64_t>> nothing;
    for (std::uint32_t l = 0; l < limits_.size(); ++l) {
        used_.emplace_back(forest_->size_of(level_index{l}) * limits_[l].size(), 0);
        nothing.emplace_back(limits_[l].size(), 0);
    }
    nothing.emplace_back(resources_.of(worker_level).size(), 0);
    for (auto& job : jobs_)
        if (job) job->used = nothing;
    workers_.set_resources(resources_);
    for (auto& [invocation, h] : held_) {
        resolve(h);
        account(h, +1);
    }
}

// -- jobs and pending tasks -------------------------------------------------------------------------------------------

job_index engine::put_job(const job_spec& spec) {
    auto [found, is_new] = jobs_by_name_.try_emplace(spec.name, job_index{jobs_.size()});
    if (is_new) {
        jobs_.push_back(std::make_unique<job_entry>());
        auto& job = *jobs_.back();
        job.spec = spec;
        rebuild_job(job, false);
        recount();
        return found->second;
    }
    auto& job = entry(found->second);
    const bool same_nodes = job.spec.level == spec.level && job.spec.filters == spec.filters;
    job.spec = spec;
    rebuild_job(job, same_nodes);
    return found->second;
}

void engine::erase_job(const job_id& job) {
    auto found = jobs_by_name_.find(job);
    if (found == jobs_by_name_.end()) return;
    jobs_[found->second.value].reset();
    jobs_by_name_.erase(found);
}

std::optional<job_index> engine::find_job(const job_id& job) const {
    auto found = jobs_by_name_.find(job);
    if (found == jobs_by_name_.end()) return std::nullopt;
    return found->second;
}

const job_id& engine::job_name(job_index job) const { return entry(job).spec.name; }

void engine::set_unfinished(job_index job, std::uint64_t count) { entry(job).unfinished = count; }

void engine::add_pending(job_index index, std::span<const node_index> tasks) {
    auto& job = entry(index);
    for (auto task : tasks)
        if (job.level && forest_->level_of(task) == *job.level &&
            (held_.empty() || !running_.contains(task_key(job.spec.name, forest_->name(task)))))
            job.tree.insert(*forest_, task);
}

void engine::remove_pending(job_index index, std::span<const node_index> tasks) {
    auto& job = entry(index);
    for (auto task : tasks)
        if (job.level) job.tree.erase(*forest_, task);
}

void engine::clear_pending(job_index index) { rebuild_job(entry(index), false); }

std::size_t engine::pending_count() const {
    std::size_t sum = 0;
    for (const auto& job : jobs_) sum += job ? job->tree.size() : 0;
    return sum;
}

// -- workers ----------------------------------------------------------------------------------------------------------

void engine::put_worker(worker_index worker, worker_info info) {
    const auto host = info.host;
    workers_.put(worker, std::move(info));
    wake_waiters_for_worker(host);
}

void engine::set_accepting(worker_index worker, bool accepting) {
    workers_.set_accepting(worker, accepting);
    if (accepting && workers_.contains(worker)) wake_waiters_for_worker(workers_.info(worker).host);
}

std::vector<std::pair<invocation_id, held_task>> engine::erase_worker(worker_index worker) {
    std::vector<std::pair<invocation_id, held_task>> lost;
    for (const auto& [invocation, h] : held_)
        if (h.task.worker == worker) lost.emplace_back(invocation, h.task);
    for (const auto& [invocation, task] : lost) finish(invocation);
    workers_.erase(worker);
    return lost;
}

// -- decisions --------------------------------------------------------------------------------------------------------

double engine::dominant_share(const job_entry& job) const {
    double share = 0;
    auto look = [&](std::int64_t used, std::int64_t capacity) {
        if (capacity > 0) share = std::max(share, static_cast<double>(used) / static_cast<double>(capacity));
    };
    for (std::uint32_t l = 0; l < limits_.size(); ++l)
        for (std::size_t r = 0; r < limits_[l].size(); ++r)
            look(job.used[l][r], limits_[l][r] * static_cast<std::int64_t>(forest_->size_of(level_index{l})));
    const auto capacity = workers_.total();
    for (std::size_t r = 0; r < capacity.size(); ++r) look(job.used.back()[r], capacity[r]);
    return share;
}

std::vector<candidate> engine::candidates() const {
    std::vector<candidate> result;
    for (std::uint32_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i] || !jobs_[i]->tree.searchable()) continue;
        const auto& job = *jobs_[i];
        const double share = options_.policy == policy_kind::fair ? dominant_share(job) : 0.0;
        result.push_back({job_index{i}, job.spec.priority, job.unfinished, share, job.last_served});
    }
    return result;
}

bool engine::has_room(const job_entry& job, node_index node) const {
    const auto level = forest_->level_of(node).value;
    const auto& limits = limits_[level];
    const auto base = (node.value - forest_->first_of(level_index{level}).value) * limits.size();
    for (std::size_t r = 0; r < limits.size(); ++r)
        if (job.demand[level][r] > 0 && limits[r] - used_[level][base + r] < job.demand[level][r]) return false;
    return true;
}

std::string engine::host_wanted(const job_entry& job, std::span<const node_index> path) const {
    if (job.spec.host_placement) return *job.spec.host_placement;
    if (!job.spec.level_for_host_placement) return {};
    for (auto node : path)
        if (forest_->levels()[forest_->level_of(node).value] == *job.spec.level_for_host_placement)
            return std::string{forest_->name(node)};
    return {};
}

// No worker with room for the task at the end of `path` (from the root down): nothing below the node that asks for
// this host can start, and where any host will do, nothing of the job.
void engine::park_for_worker(job_index index, std::span<const node_index> path, const std::string& host) {
    auto& job = entry(index);
    auto node = forest::instance();
    if (!job.spec.host_placement && job.spec.level_for_host_placement)
        for (auto n : path)
            if (forest_->name(n) == host) node = n;
    job.tree.park(*forest_, node);
    waiting_for_worker_[host].emplace_back(index, node);
}

std::optional<start_decision> engine::search(job_index index) {
    auto& job = entry(index);
    std::vector<node_index> path;
    while (job.tree.searchable()) {
        path.assign(1, forest::instance());
        while (has_room(job, path.back()) && forest_->level_of(path.back()) != *job.level)
            path.push_back(job.tree.next_child(*forest_, path.back()));
        if (!has_room(job, path.back())) {
            job.tree.park(*forest_, path.back());
            waiting_at_[path.back().value].push_back(index);
            continue;
        }
        const auto host = host_wanted(job, path);
        const auto worker = workers_.choose(options_.selector, job.worker_demand, host);
        if (!worker) {
            park_for_worker(index, path, host);
            continue;
        }
        std::reverse(path.begin(), path.end());
        return start_decision{invocation_id{next_invocation_++}, index, path.front(), path, *worker};
    }
    return std::nullopt;
}

std::vector<start_decision> engine::start(std::size_t limit) {
    std::vector<start_decision> result;
    while (options_.enabled && result.size() < limit) {
        const auto jobs = candidates();
        if (jobs.empty()) break;
        auto decision = search(jobs[policy_->choose(jobs, random_)].job);
        if (!decision) continue;
        auto& job = entry(decision->job);
        job.last_served = ++served_;
        job.tree.erase(*forest_, decision->node);
        holding h;
        h.task.job = job.spec.name;
        for (auto node : decision->path) h.task.path.emplace_back(forest_->name(node));
        h.task.worker = decision->worker;
        h.demand = job.demand_names;
        h.nodes = decision->path;
        for (auto node : decision->path) h.node_demand.push_back(job.demand[forest_->level_of(node).value]);
        h.worker_demand = job.worker_demand;
        account(h, +1);
        running_.emplace(task_key(h.task.job, h.task.path.front()), decision->invocation);
        held_.emplace(decision->invocation, std::move(h));
        result.push_back(std::move(*decision));
    }
    return result;
}

void engine::adopt(invocation_id invocation, held_task task) {
    if (held_.contains(invocation) || task.path.empty()) return;
    holding h;
    auto job = find_job(task.job);
    h.demand = job ? entry(*job).demand_names : std::make_shared<const demand_by_level>();
    h.task = std::move(task);
    resolve(h);
    account(h, +1);
    if (job && !h.nodes.empty()) entry(*job).tree.erase(*forest_, h.nodes.front());
    running_.insert_or_assign(task_key(h.task.job, h.task.path.front()), invocation);
    held_.emplace(invocation, std::move(h));
    next_invocation_ = std::max(next_invocation_, invocation.value + 1);
}

std::optional<held_task> engine::finish(invocation_id invocation) {
    auto found = held_.find(invocation);
    if (found == held_.end()) return std::nullopt;
    auto h = std::move(found->second);
    held_.erase(found);
    account(h, -1);
    if (auto entry = running_.find(task_key(h.task.job, h.task.path.front()));
        entry != running_.end() && entry->second == invocation)
        running_.erase(entry);
    for (auto node : h.nodes) wake(node);
    if (workers_.contains(h.task.worker)) wake_waiters_for_worker(workers_.info(h.task.worker).host);
    return std::move(h.task);
}

void engine::wake(node_index node) {
    auto found = waiting_at_.find(node.value);
    if (found == waiting_at_.end()) return;
    auto jobs = std::move(found->second);
    waiting_at_.erase(found);
    for (auto job : jobs)
        if (jobs_[job.value]) entry(job).tree.unpark(*forest_, node);
}

void engine::wake_waiters_for_worker(const std::string& host) {
    for (const auto& key : {std::string{}, host}) {
        auto found = waiting_for_worker_.find(key);
        if (found == waiting_for_worker_.end()) continue;
        auto waiters = std::move(found->second);
        waiting_for_worker_.erase(found);
        for (auto [job, node] : waiters)
            if (jobs_[job.value]) entry(job).tree.unpark(*forest_, node);
    }
}

}  // namespace bistro
