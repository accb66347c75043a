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
    if (job.tree.searchable()) {
        queue.set(job.place, wish_of(index));
    } else {
        queue.clear(job.place);
    }
}

// Finds who waits at a woken place, would fit there now, and can take its next task below it without a search. Who fits
// but needs the search is set free to be found by it.
void engine::look_at_place(node_index place, std::vector<std::pair<preference, choice>>& found) {
    const auto waiting = waiting_at_.find(place.value);
    if (waiting == waiting_at_.end()) return;
    auto& jobs = waiting->second.jobs;
    for (std::size_t i = 0; i < jobs.size();) {
        const auto index = jobs[i];
        auto& job = entry(index);
        if (!has_room(job, place)) {
            ++i;
            continue;
        }
        bool directly = !job.wants_host() && !classes_[job.job_class]->blocked && !forest_->has_replicas() &&
                        !job.tree.searchable();
        for (auto parents = forest_->parents(place); directly && !parents.empty();
             parents = forest_->parents(parents[0]))
            directly = has_room(job, parents[0]) && !job.tree.parked(parents[0]) && !job.tree.closed(parents[0]);
        if (directly && !job.tree.closed(place)) {
            found.emplace_back(wish_of(index), choice{index, place});
            ++i;
            continue;
        }
        jobs[i] = jobs.back();
        jobs.pop_back();
        job.tree.unpark(*forest_, place);
        update_queue(index);
    }
}

std::optional<engine::choice> engine::choose_job() {
    found_.clear();
    for (std::size_t i = 0; i < woken_.size();) {
        const auto place = woken_[i];
        const auto before = found_.size();
        look_at_place(place, found_);
        if (found_.size() > before) {
            ++i;
            continue;
        }
        if (auto waiting = waiting_at_.find(place.value); waiting != waiting_at_.end()) {
            waiting->second.woken = false;
            if (waiting->second.jobs.empty()) {
                waiting_at_.erase(waiting);
                waited_at_.reset(place.value);
            }
        }
        woken_[i] = woken_.back();
        woken_.pop_back();
    }
    if (!policy_->by_chance()) {
        std::optional<std::pair<preference, choice>> best;
        const auto better = [&](const preference& wish, job_index job) {
            return !best || std::pair{wish, job} < std::pair{best->first, best->second.job};
        };
        for (const auto& c : classes_)
            if (!c->blocked && !c->queue.empty())
                if (const auto& first = c->queue.first(); better(first.wish, first.job))
                    best = {first.wish, choice{first.job, std::nullopt}};
        for (const auto& [wish, c] : found_)
            if (better(wish, c.job)) best = {wish, c};
        return best ? std::optional{best->second} : std::nullopt;
    }
    double weight = 0;
    std::size_t count = found_.size();
    for (const auto& [wish, c] : found_) weight += wish.value;
    for (const auto& c : classes_)
        if (!c->blocked) {
            weight += c->queue.weight();
            count += c->queue.count();
        }
    if (count == 0) return std::nullopt;
    if (weight <= 0) {
        auto position = static_cast<std::size_t>(random_() % count);
        if (position < found_.size()) return found_[position].second;
        position -= found_.size();
        for (const auto& c : classes_) {
            if (c->blocked) continue;
            if (position < c->queue.count()) return choice{c->queue.at_position(position), std::nullopt};
            position -= c->queue.count();
        }
    }
    auto point = unit_interval(random_) * weight;
    std::optional<choice> last;
    for (const auto& [wish, c] : found_) {
        if (wish.value > 0) last = c;
        if (point < wish.value) return c;
        point -= wish.value;
    }
    for (const auto& c : classes_) {
        if (c->blocked || c->queue.empty()) continue;
        if (c->queue.weight() > 0) last = choice{c->queue.at_weight(point), std::nullopt};
        if (point < c->queue.weight()) return last;
        point -= c->queue.weight();
    }
    return last;  // the sums are not exact
}

// -- which task -------------------------------------------------------------------------------------------------------

bool engine::has_room(const job_entry& job, node_index node) const {
    const auto level = forest_->level_of(node).value;
    const auto& limits = limits_[level];
    const auto& demand = demands_[job.demand].by_level[level];
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
        if (!worker) classes_[job.job_class]->blocked = true;
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
    auto found = waiting_at_.find(node.value);
    if (found == waiting_at_.end() || std::exchange(found->second.woken, true)) return;
    woken_.push_back(node);
}

std::vector<start_decision> engine::start(std::size_t limit) {
    std::vector<start_decision> result;
    while (options_.enabled && result.size() < limit) {
        const auto chosen = choose_job();
        if (!chosen) break;
        const auto index = chosen->job;
        auto decision = chosen->place ? start_below(index, *chosen->place) : search(index);
        auto& job = entry(index);
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
