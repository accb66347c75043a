#include "model/engine/engine.hpp"

#include <algorithm>
#include <array>
#include <limits>
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

engine::engine(engine_options options, invocation_id first, partition part)
    : options_{options},
      part_{part},
      next_invocation_{first.value},
      policy_{make_policy(options.policy)},
      random_{options.seed},
      forest_{build_forest({}, {}).nodes} {
    classes_.push_back(std::make_unique<demand_class>());
    demands_.emplace_back().users = 1;  // empty_demand
    demands_by_name_[{}] = empty_demand;
    while (partition_of(invocation_id{next_invocation_}, part_.count) != part_.number) ++next_invocation_;
    workers_.set_selector(options.selector);
    workers_.set_leased(!part_.is_whole());
    waiting_at_ = waiting_table{forest_->size()};
    rebuild_limits();
    recount();
}

engine::~engine() = default;
engine::engine(engine&&) noexcept = default;
engine& engine::operator=(engine&&) noexcept = default;

// -- tables change ----------------------------------------------------------------------------------------------------

void engine::set_options(const engine_options& options) {
    const bool new_order = options.order != options_.order || options.seed != options_.seed;
    const bool new_policy = options.policy != options_.policy;
    if (new_policy) policy_ = make_policy(options.policy);
    workers_.set_selector(options.selector);
    options_ = options;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i] || jobs_[i]->erased) continue;
        if (new_order) rebuild_job(job_index{i}, true);
        renew_glance(job_index{i});
        if (new_order || new_policy) update_queue(job_index{i});
    }
}

void engine::set_forest(forest_ptr nodes) {
    if (const auto* change = nodes->change_from(*forest_)) return follow(std::move(nodes), *change);
    const auto before = std::exchange(forest_, std::move(nodes));
    by_task_.clear();
    for (auto& h : holdings_)
        if (h.invocation.valid()) find_nodes(h, names_of(h, *before));
    by_name_.reset();
    forget_who_waits();
    rebuild_limits();
    for (std::size_t i = 0; i < jobs_.size(); ++i)
        if (jobs_[i]) rebuild_job(job_index{i}, false);
    recount();
}

void engine::set_resources(resource_table table) {
    resources_ = std::move(table);
    if (!part_.is_whole()) limits_.front().clear();  // what was leased was of the limits before
    workers_.set_resources(resources_);
    rebuild_limits();
    forget_all_hosts();
    for (std::size_t i = 0; i < jobs_.size(); ++i)
        if (jobs_[i] && !jobs_[i]->erased) renew_job(job_index{i});
    waiting_at_.for_each([&](node_index place, waiting_jobs waiting) { note_change(place, waiting); });
    recount();
}

// All jobs are about to be rebuilt, and parked nowhere then.
void engine::forget_who_waits() {
    waiting_at_ = waiting_table{forest_->size()};
    waiting_for_host_.clear();
    for (auto& job : jobs_)
        if (job) job->host_waits = 0;
    changed_places_.clear();
}

void engine::rebuild_limits() {
    const auto leased = limits_.empty() ? slots{} : limits_.front();
    limits_.clear();
    capacity_.clear();
    for (std::size_t l = 0; l < forest_->levels().size(); ++l) {
        auto& limits = limits_.emplace_back();
        auto& capacity = capacity_.emplace_back();
        for (const auto& def : resources_.of(forest_->levels()[l])) {
            limits.push_back(def.limit);
            capacity.push_back(def.limit * static_cast<std::int64_t>(forest_->size_of(level_index{l})));
        }
    }
    if (!part_.is_whole()) {
        auto& limits = limits_.front();
        if (leased.size() == limits.size()) {
            limits = leased;
        } else {
            std::fill(limits.begin(), limits.end(), 0);
        }
        note_instance_lease();
    }
    for (auto& demand : demands_)
        if (demand.users > 0) resolve(demand);
}

// Counts what is in use anew, from what runs.
void engine::recount() {
    used_.clear();
    std::vector<slots> nothing;
    for (std::uint32_t l = 0; l < limits_.size(); ++l) {
        used_.emplace_back(forest_->size_of(level_index{l}) * limits_[l].size());
        nothing.emplace_back(limits_[l].size(), 0);
    }
    nothing.emplace_back(resources_.of(worker_level).size(), 0);
    for (auto& job : jobs_)
        if (job) job->used = nothing;
    workers_.take_nothing();
    for (auto& h : holdings_) {
        if (!h.invocation.valid()) continue;
        account(h, +1);
    }
    note_least_demand();
    for (auto& c : classes_) c->blocked = false;
    for (std::size_t i = 0; i < jobs_.size(); ++i)
        if (jobs_[i] && !jobs_[i]->erased) update_queue(job_index{i});
}

node_rank engine::rank_of(const job_entry& job) {
    switch (options_.order) {
        case node_order::original: return node_rank::as_declared();
        case node_order::lexicographic: {
            if (!by_name_) by_name_.emplace(*forest_);
            return node_rank{by_name_->ranks()};
        }
        case node_order::random: break;
    }
    return node_rank{mix64(options_.seed) ^ fnv1a(job.spec.name.value)};
}

// -- what jobs ask for ------------------------------------------------------------------------------------------------

void engine::resolve(demand_set& demand) const {
    const auto slots_at = [&](const std::string& level) {
        slots result;
        const auto at_level = demand.by_name.find(level);
        for (const auto& def : resources_.of(level)) {
            const bool asks = at_level != demand.by_name.end() && at_level->second.contains(def.name);
            result.push_back(asks ? at_level->second.at(def.name) : 0);
        }
        return result;
    };
    demand.by_level.clear();
    for (const auto& level : forest_->levels()) demand.by_level.push_back(slots_at(level));
    demand.worker = slots_at(worker_level);
}

void engine::unuse(std::uint32_t demand) {
    if (demand == none || --demands_[demand].users > 0) return;
    demands_by_name_.erase(demands_[demand].by_name);
    demands_[demand] = {};
    unused_demands_.push_back(demand);
}

// Running tasks keep the demand under which they started.
void engine::renew_demand(job_entry& job) {
    demand_set fresh;
    const auto ask = [&](const std::string& level) {
        const auto demand = demand_at(resources_, level, job.spec.resources);
        for (std::size_t i = 0; i < demand.size(); ++i)
            if (demand[i] != 0) fresh.by_name[level][resources_.of(level)[i].name] = demand[i];
    };
    if (job.level)
        for (std::uint32_t l = 0; l <= job.level->value; ++l) ask(forest_->levels()[l]);
    ask(worker_level);
    const auto demand = add_demand(std::move(fresh));
    ++demands_[demand].users;
    unuse(std::exchange(job.demand, demand));
    job.asks = demands_[job.demand].by_level.data();
}

// A new one has no users yet.
std::uint32_t engine::add_demand(demand_set fresh) {
    const auto [known, is_new] = demands_by_name_.try_emplace(fresh.by_name, none);
    if (!is_new) return known->second;
    resolve(fresh);
    if (unused_demands_.empty()) {
        known->second = static_cast<std::uint32_t>(demands_.size());
        demands_.push_back(std::move(fresh));
    } else {
        known->second = unused_demands_.back();
        unused_demands_.pop_back();
        demands_[known->second] = std::move(fresh);
    }
    return known->second;
}

void engine::note_least_demand() {
    least_demand_.clear();
    for (const auto& limits : limits_)
        least_demand_.emplace_back(limits.size(), std::numeric_limits<std::int64_t>::max());
    for (const auto& job : jobs_) {
        if (!job || job->erased || !job->level) continue;
        for (std::size_t l = 0; l <= job->level->value; ++l)
            for (std::size_t r = 0; r < limits_[l].size(); ++r)
                least_demand_[l][r] = std::min(least_demand_[l][r], job->asks[l][r]);
    }
}

void engine::leave_class(job_entry& job) {
    if (job.job_class == none) return;
    auto& c = *classes_[job.job_class];
    if (std::exchange(job.in_with_offers, false)) std::erase(c.with_offers, c.queue.at(job.place));
    c.queue.remove(job.place);
    --c.jobs;
    job.job_class = none;
}

void engine::join_class(job_index index) {
    auto& job = entry(index);
    leave_class(job);
    std::size_t number = 0;
    if (!job.wants_host()) {
        const auto& demand = demands_[job.demand].worker;
        std::optional<std::size_t> free;
        for (number = 1; number < classes_.size(); ++number) {
            if (classes_[number]->jobs > 0 && classes_[number]->demand == demand) break;
            if (classes_[number]->jobs == 0 && !free) free = number;
        }
        if (number == classes_.size()) {
            if (free)
                number = *free;
            else
                classes_.push_back(std::make_unique<demand_class>());
            classes_[number]->demand = demand;
            classes_[number]->blocked = false;
        }
    }
    auto& c = *classes_[number];
    ++c.jobs;
    job.job_class = static_cast<std::uint32_t>(number);
    job.place = c.queue.add(index);
}

// -- jobs and pending tasks -------------------------------------------------------------------------------------------

void engine::rebuild_job(job_index index, bool keep_pending) {
    auto& job = entry(index);
    std::vector<node_index> pending;
    if (keep_pending) job.tree.for_each_pending([&](node_index node) { pending.push_back(node); });
    job.tree.for_each_parked([&](node_index node) {
        if (auto waiting = waiting_at_.find(node)) {
            waiting.remove(index);
            if (waiting.empty()) note_change(node, waiting);  // nobody waits there any more
        }
    });
    withdraw_offers(index);
    forget_hosts(index);
    pending_count_ -= job.tree.size();
    const auto level_before = job.level;
    job.level = job.erased ? std::nullopt : forest_->find_level(job.spec.level);
    job.tree =
        job.level ? pending_tree{*forest_, *job.level, rank_of(job), closed_nodes(job, nullptr)} : pending_tree{};
    if (job.level) job.tree.insert(*forest_, pending);
    pending_count_ += job.tree.size();
    // By their tasks are known those of jobs that are still on that level.
    if (job.held > 0 && job.level != level_before) by_task_.clear();
    if (job.erased) return;
    renew_demand(job);
    renew_glance(index);
    join_class(index);
}

// It may ask for something else, on the same nodes: what is pending stays, and what it waits for may be there now.
void engine::renew_job(job_index index) {
    withdraw_offers(index);
    renew_demand(entry(index));
    renew_glance(index);
    join_class(index);
    if (entry(index).level && entry(index).tree.parked(forest::instance())) ++refusals_;
}

void engine::withdraw_offers(job_index index) {
    for (auto place : std::exchange(entry(index).offers, {})) withdraw_offer(place, index);
    note_offers(index);
}

// It waits for none any more.
void engine::forget_hosts(job_index index) {
    auto& job = entry(index);
    if (std::exchange(job.host_waits, 0) == 0) return;
    for (auto& [host, waiters] : waiting_for_host_)
        std::erase_if(waiters, [&](const auto& waiter) {
            if (waiter.job == index) job.tree.unpark(*forest_, waiter.node);
            return waiter.job == index;
        });
    std::erase_if(waiting_for_host_, [](const auto& waiting) { return waiting.second.empty(); });
}

void engine::forget_all_hosts() {
    for (const auto& [host, waiters] : std::exchange(waiting_for_host_, {}))
        for (const auto& waiter : waiters) {
            entry(waiter.job).tree.unpark(*forest_, waiter.node);
            entry(waiter.job).host_waits = 0;
        }
}

job_index engine::add_entry(const job_spec& spec) {
    const auto unused = std::find(jobs_.begin(), jobs_.end(), nullptr);
    const job_index index{static_cast<std::size_t>(unused - jobs_.begin())};
    if (unused == jobs_.end()) jobs_.emplace_back();
    glances_.resize(jobs_.size());
    jobs_[index.value] = std::make_unique<job_entry>();
    auto& job = entry(index);
    job.spec = spec;
    for (const auto& limits : limits_) job.used.emplace_back(limits.size(), 0);
    job.used.emplace_back(resources_.of(worker_level).size(), 0);
    return index;
}

job_index engine::put_job(const job_spec& spec) {
    auto [found, is_new] = jobs_by_name_.try_emplace(spec.name);
    if (is_new) found->second = add_entry(spec);
    auto& job = entry(found->second);
    const bool same_nodes = !is_new && !job.erased && job.spec.level == spec.level &&
                            job.spec.filters == spec.filters && job.spec.errors == spec.errors;
    job.spec = spec;
    job.erased = false;
    if (same_nodes) {
        forget_hosts(found->second);
        renew_job(found->second);
        job.tree.for_each_parked([&](node_index node) { wake(node); });
    } else {
        rebuild_job(found->second, false);
    }
    note_least_demand();
    update_queue(found->second);
    return found->second;
}

void engine::erase_job(const job_id& name) {
    auto found = jobs_by_name_.find(name);
    if (found == jobs_by_name_.end() || entry(found->second).erased) return;
    auto& job = entry(found->second);
    job.erased = true;
    rebuild_job(found->second, false);
    leave_class(job);
    unuse(std::exchange(job.demand, none));
    drop_if_unused(found->second);
}

void engine::drop_if_unused(job_index index) {
    if (!entry(index).erased || entry(index).held > 0) return;
    jobs_by_name_.erase(entry(index).spec.name);
    jobs_[index.value].reset();
}

std::optional<job_index> engine::find_job(const job_id& job) const {
    auto found = jobs_by_name_.find(job);
    if (found == jobs_by_name_.end() || entry(found->second).erased) return std::nullopt;
    return found->second;
}

const job_id& engine::job_name(job_index job) const { return entry(job).spec.name; }

void engine::set_unfinished(job_index job, std::uint64_t count) {
    entry(job).unfinished = count;
    renew_glance(job);
    if (options_.policy == policy_kind::long_tail) update_queue(job);
}

void engine::add_pending(job_index index, std::span<const node_index> tasks) {
    auto& job = entry(index);
    if (!job.level) return;
    if (job.held > 0 && !tasks.empty()) ask_for_tasks();
    const auto startable = [&](node_index task) {
        return task.value < forest_->size() && forest_->level_of(task) == *job.level &&
               (job.held == 0 || !find_holding(index, task));
    };
    pending_count_ -= job.tree.size();
    if (std::all_of(tasks.begin(), tasks.end(), startable)) {
        job.tree.insert(*forest_, tasks);
    } else {
        std::vector<node_index> some;
        std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(some), startable);
        job.tree.insert(*forest_, some);
    }
    pending_count_ += job.tree.size();
    update_queue(index);
}

void engine::remove_pending(job_index index, std::span<const node_index> tasks) {
    auto& job = entry(index);
    if (!job.level) return;
    pending_count_ -= job.tree.size();
    for (auto task : tasks) job.tree.erase(*forest_, task);
    pending_count_ += job.tree.size();
    update_queue(index);
}

void engine::clear_pending(job_index index) {
    rebuild_job(index, false);
    update_queue(index);
}

// -- workers ----------------------------------------------------------------------------------------------------------

void engine::put_worker(worker_index worker, worker_info info) {
    const bool is_new = !workers_.contains(worker);
    workers_.put(worker, std::move(info));
    // It may come with tasks, of which was heard before.
    if (is_new && worker.value < held_by_worker_.size())
        for (const auto index : held_by_worker_[worker.value])
            workers_.take(worker, demands_[holdings_[index].demand].worker);
    worker_has_room(worker);
}

void engine::set_accepting(worker_index worker, bool accepting) {
    workers_.set_accepting(worker, accepting);
    if (accepting && workers_.contains(worker)) worker_has_room(worker);
}

std::vector<std::pair<invocation_id, held_task>> engine::erase_worker(worker_index worker) {
    std::vector<std::pair<invocation_id, held_task>> lost;
    for (auto invocation : held_by(worker)) lost.emplace_back(invocation, *held(invocation));
    for (const auto& [invocation, task] : lost) finish(invocation);
    workers_.erase(worker);
    return lost;
}

}  // namespace bistro
