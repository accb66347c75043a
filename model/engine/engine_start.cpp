// Decisions: which job, which task, which worker.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"

namespace bistro {

// -- which job --------------------------------------------------------------------------------------------------------

double engine::dominant_share(const job_entry& job) const {
    double share = 0;
    const auto look = [&](const slots& used, const slots& capacity) {
        for (std::size_t r = 0; r < used.size(); ++r)
            if (capacity[r] > 0)
                share = std::max(share, static_cast<double>(used[r]) / static_cast<double>(capacity[r]));
    };
    for (std::size_t l = 0; l < limits_.size(); ++l) look(job.used[l], capacity_[l]);
    look(job.used.back(), workers_.total());
    return share;
}

preference engine::wish_of(job_index index) const {
    const auto& job = entry(index);
    const double share = options_.policy == policy_kind::fair ? dominant_share(job) : 0.0;
    return policy_->prefer({index, job.spec.priority, job.unfinished, share, job.last_served});
}

void engine::update_queue(job_index index) {
    auto& job = entry(index);
    if (job.job_class == none) return;
    auto& queue = classes_[job.job_class]->queue;
    if (job.tree.searchable() || !job.offers.empty()) {
        queue.set(job.place, wish_of(index));
    } else {
        queue.clear(job.place);
    }
}

// Whatever a job asks for, it does not fit there.
bool engine::full_for_all(node_index place) const {
    const auto level = forest_->level_of(place).value;
    const auto& limits = limits_[level];
    const auto* used =
        used_[level].data() + (place.value - forest_->first_of(level_index{level}).value) * limits.size();
    for (std::size_t r = 0; r < limits.size(); ++r)
        if (least_demand_[level][r] > 0 && limits[r] - used[r] < least_demand_[level][r]) return true;
    return false;
}

// A job that waits at a place, and has room there, takes its next task below it without a search from the root.
bool engine::starts_directly(const job_entry& job, node_index place) const {
    if (job.wants_host() || classes_[job.job_class]->blocked || forest_->has_replicas() || job.tree.searchable() ||
        job.tree.closed(place))
        return false;
    for (auto parents = forest_->parents(place); !parents.empty(); parents = forest_->parents(parents[0]))
        if (!has_room(job, parents[0]) || job.tree.parked(parents[0]) || job.tree.closed(parents[0])) return false;
    return true;
}

// Of those who wait at a place and would fit there now, the first by the policy, or by chance. Who fits but needs a
// search is set free to be found by it.
job_index engine::first_at_place(node_index place, waiting_jobs& waiting) {
    auto& jobs = waiting.jobs;
    const auto set_free = [&](std::size_t i) {
        const auto index = jobs[i];
        jobs[i] = jobs.back();
        jobs.pop_back();
        entry(index).tree.unpark(*forest_, place);
        update_queue(index);
    };
    if (policy_->by_chance()) {
        fitting_.clear();
        double sum = 0;
        for (std::size_t i = 0; i < jobs.size();) {
            if (!has_room(entry(jobs[i]), place)) {
                ++i;
            } else if (starts_directly(entry(jobs[i]), place)) {
                fitting_.emplace_back(wish_of(jobs[i]).value, jobs[i]);
                sum += fitting_.back().first;
                ++i;
            } else {
                set_free(i);
            }
        }
        if (fitting_.empty()) return {};
        auto point = unit_interval(random_) * sum;
        for (const auto& [weight, job] : fitting_) {
            if (point < weight) return job;
            point -= weight;
        }
        return fitting_[static_cast<std::size_t>(random_() % fitting_.size())].second;
    }
    for (;;) {
        job_queue::entry best;
        std::size_t position = 0;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (!has_room(entry(jobs[i]), place)) continue;
            if (const job_queue::entry e{wish_of(jobs[i]), jobs[i]}; !best.job.valid() || e < best) {
                best = e;
                position = i;
            }
        }
        if (!best.job.valid() || starts_directly(entry(best.job), place)) return best.job;
        set_free(position);
    }
}

void engine::offer(node_index place) {
    const auto found = waiting_at_.find(place.value);
    if (found == waiting_at_.end()) return;
    auto& waiting = found->second;
    waiting.offered_to = full_for_all(place) ? job_index{} : first_at_place(place, waiting);
    if (waiting.offered_to.valid()) {
        auto& job = entry(waiting.offered_to);
        job.offers.push_back(place);
        classes_[job.job_class]->offered.push_back(place);
        if (job.offers.size() == 1) update_queue(waiting.offered_to);
    } else if (waiting.jobs.empty()) {
        waiting_at_.erase(found);
        waited_at_.reset(place.value);
    }
}

void engine::offer_changed_places() {
    for (std::size_t i = 0; i < changed_places_.size(); ++i) {
        const auto place = changed_places_[i];
        auto& waiting = waiting_at_.at(place.value);
        waiting.changed = false;
        if (waiting.offered_to.valid()) std::erase(entry(waiting.offered_to).offers, place);
        const auto before = std::exchange(waiting.offered_to, job_index{});
        offer(place);
        if (before.valid()) update_queue(before);
    }
    changed_places_.clear();
}

// No worker has room for its jobs. What was offered to them may be of use to others.
void engine::block(demand_class& c) {
    c.blocked = true;
    for (auto place : std::exchange(c.offered, {})) {
        const auto waiting = waiting_at_.find(place.value);
        if (waiting == waiting_at_.end() || !waiting->second.offered_to.valid()) continue;
        if (classes_[entry(waiting->second.offered_to).job_class].get() == &c) wake(place);
    }
}

std::optional<job_index> engine::choose_job() {
    offer_changed_places();
    if (!policy_->by_chance()) {
        const job_queue::entry* first = nullptr;
        for (const auto& c : classes_)
            if (!c->blocked && !c->queue.empty() && (first == nullptr || c->queue.first() < *first))
                first = &c->queue.first();
        return first == nullptr ? std::nullopt : std::optional{first->job};
    }
    double weight = 0;
    std::size_t count = 0;
    for (const auto& c : classes_)
        if (!c->blocked) {
            weight += c->queue.weight();
            count += c->queue.count();
        }
    if (count == 0) return std::nullopt;
    const bool by_weight = weight > 0;
    auto point = by_weight ? unit_interval(random_) * weight : 0.0;
    auto position = by_weight ? 0 : static_cast<std::size_t>(random_() % count);
    std::optional<job_index> last;  // the sums are not exact
    for (const auto& c : classes_) {
        const auto& queue = c->queue;
        if (c->blocked || queue.empty() || (by_weight && queue.weight() <= 0)) continue;
        if (!by_weight && position < queue.count()) return queue.at(queue.at_position(position)).job;
        if (by_weight) last = queue.at(queue.at_weight(point)).job;
        if (by_weight && point < queue.weight()) break;
        point -= queue.weight();
        position -= by_weight ? 0 : queue.count();
    }
    return last;
}

// -- which task -------------------------------------------------------------------------------------------------------

bool engine::has_room(const job_entry& job, node_index node) const {
    const auto level = forest_->level_of(node).value;
    const auto& limits = limits_[level];
    const auto& demand = job.asks[level];
    const auto* used = used_[level].data() + (node.value - forest_->first_of(level_index{level}).value) * limits.size();
    for (std::size_t r = 0; r < limits.size(); ++r)
        if (demand[r] > 0 && limits[r] - used[r] < demand[r]) return false;
    return true;
}

void engine::park(job_index index, node_index node) {
    entry(index).tree.park(*forest_, node);
    waiting_at_[node.value].jobs.push_back(index);
    waited_at_.set(node.value);
}

void engine::unpark(job_index index, node_index node) {
    entry(index).tree.unpark(*forest_, node);
    if (auto waiting = waiting_at_.find(node.value); waiting != waiting_at_.end()) {
        auto& jobs = waiting->second.jobs;
        if (auto at = std::find(jobs.begin(), jobs.end(), index); at != jobs.end()) {
            *at = jobs.back();
            jobs.pop_back();
        }
    }
}

std::optional<start_decision> engine::search(job_index index) {
    auto& job = entry(index);
    node_path path;
    while (job.tree.searchable()) {
        path.assign(1, forest::instance());
        while (has_room(job, path.back()) && forest_->level_of(path.back()) != *job.level)
            path.push_back(job.tree.next_child(*forest_, path.back()));
        if (!has_room(job, path.back())) {
            park(index, path.back());
            continue;
        }
        const auto worker = worker_for(index, path);
        if (!worker) {
            if (!job.wants_host()) return std::nullopt;  // its class is blocked
            continue;
        }
        std::reverse(path.begin(), path.end());
        return start_decision{invocation_id{next_invocation_++}, index, path.front(), path, *worker};
    }
    return std::nullopt;
}

// Takes what was offered last, if the job still is the one to take it. Then the place is offered to the next.
std::optional<start_decision> engine::take_offer(job_index index) {
    auto& job = entry(index);
    const auto place = job.offers.back();
    job.offers.pop_back();
    auto& waiting = waiting_at_.at(place.value);
    waiting.offered_to = {};
    wake(place);
    if (full_for_all(place)) return std::nullopt;
    const bool its_turn = policy_->by_chance()
                              ? job.tree.parked(place) && has_room(job, place) && starts_directly(job, place)
                              : first_at_place(place, waiting) == index;
    return its_turn ? start_below(index, place) : std::nullopt;
}

// As search(), below a node where the job is parked, and which has room like all above it.
std::optional<start_decision> engine::start_below(job_index index, node_index place) {
    auto& job = entry(index);
    node_path above{place};
    for (auto parents = forest_->parents(place); !parents.empty(); parents = forest_->parents(parents[0]))
        above.push_back(parents[0]);
    std::reverse(above.begin(), above.end());
    while (job.tree.leads_on(*forest_, place)) {
        auto path = above;
        while (forest_->level_of(path.back()) != *job.level) {
            const auto child = job.tree.next_child(*forest_, path.back());
            path.push_back(child);
            if (!has_room(job, child)) break;
        }
        if (path.back() != place && !has_room(job, path.back())) {
            park(index, path.back());
            continue;
        }
        const auto worker = worker_for(index, path);
        if (!worker) return std::nullopt;  // its class is blocked
        std::reverse(path.begin(), path.end());
        return start_decision{invocation_id{next_invocation_++}, index, path.front(), path, *worker};
    }
    unpark(index, place);
    return std::nullopt;
}

// -- which worker -----------------------------------------------------------------------------------------------------

std::string engine::host_wanted(const job_entry& job, std::span<const node_index> path) const {
    if (job.spec.host_placement) return *job.spec.host_placement;
    if (!job.spec.level_for_host_placement) return {};
    for (auto node : path)
        if (forest_->levels()[forest_->level_of(node).value] == *job.spec.level_for_host_placement)
            return std::string{forest_->name(node)};
    return {};
}

// Where there is none, the job does not ask again before some worker has room.
std::optional<worker_index> engine::worker_for(job_index index, std::span<const node_index> from_root) {
    auto& job = entry(index);
    const auto& demand = demands_[job.demand].worker;
    if (!job.wants_host()) {
        const auto worker = workers_.choose(demand, {});
        if (!worker) block(*classes_[job.job_class]);
        return worker;
    }
    const auto host = host_wanted(job, from_root);
    const auto worker = workers_.choose(demand, host);
    if (!worker) park_for_host(index, from_root, host);
    return worker;
}

// Nothing below the node that asks for this host can start, and where any host will do, nothing of the job.
void engine::park_for_host(job_index index, std::span<const node_index> from_root, const std::string& host) {
    auto& job = entry(index);
    auto node = forest::instance();
    if (!job.spec.host_placement && job.spec.level_for_host_placement)
        for (auto n : from_root)
            if (forest_->name(n) == host) node = n;
    job.tree.park(*forest_, node);
    waiting_for_host_[host].emplace_back(index, node);
}

void engine::worker_has_room(worker_index worker) {
    for (auto& c : classes_)
        if (c->blocked && workers_.fits(worker, c->demand)) c->blocked = false;
    if (waiting_for_host_.empty()) return;
    for (const auto& host : {std::string{}, workers_.info(worker).host}) {
        auto found = waiting_for_host_.find(host);
        if (found == waiting_for_host_.end()) continue;
        const auto waiters = std::move(found->second);
        waiting_for_host_.erase(found);
        for (auto [index, node] : waiters) {
            entry(index).tree.unpark(*forest_, node);
            update_queue(index);
        }
    }
}

// -- starting ---------------------------------------------------------------------------------------------------------

void engine::wake(node_index node) {
    if (!waited_at_[node.value]) return;
    if (!std::exchange(waiting_at_.at(node.value).changed, true)) changed_places_.push_back(node);
}

std::vector<start_decision> engine::start(std::size_t limit) {
    std::vector<start_decision> result;
    while (options_.enabled && result.size() < limit) {
        const auto chosen = choose_job();
        if (!chosen) break;
        const auto index = *chosen;
        auto& job = entry(index);
        auto decision = job.offers.empty() ? search(index) : take_offer(index);
        if (decision) {
            job.last_served = ++served_;
            job.tree.erase(*forest_, decision->node);
            --pending_count_;
            auto& h = hold(decision->invocation, index, decision->worker, job.demand);
            h.nodes = decision->path;
            account(h, +1);
            mark_running(h, true);
            result.push_back(std::move(*decision));
        }
        update_queue(index);
    }
    return result;
}

}  // namespace bistro
