// What the engine says of itself: why something waits, what is in use, and whether its invariants hold.
#include <algorithm>
#include <set>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

std::string resource_sentence(const blocker& b, const std::string& place) {
    std::string text = place + " has " + std::to_string(std::max<std::int64_t>(b.free, 0)) + " of " +
                       std::to_string(b.limit) + " " + b.resource + " free, and the task needs " +
                       std::to_string(b.demand);
    if (b.elsewhere > 0) text += " (" + std::to_string(b.elsewhere) + " are leased to other partitions)";
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
            if (!b.resource.empty())
                return "no worker " + (b.place.empty() ? "" : "on host " + quote(b.place) + " ") +
                       "that is connected and takes tasks has " + std::to_string(b.demand) + " " + b.resource +
                       ", as the task needs; one that does is away";
            return b.place.empty() ? "no worker is connected that takes tasks"
                                   : "no worker on host " + quote(b.place) + " is connected that takes tasks";
        case blocker::kind::worker_resource: return resource_sentence(b, "worker " + quote(b.place));
    }
    return {};
}

blocker engine::explain_worker(const job_entry& job, std::span<const node_index> path) const {
    const auto host = host_wanted(job, path);
    const auto& defs = resources_.of(worker_level);
    const auto& demand = demands_[job.demand].worker;
    blocker closest{blocker::kind::no_worker, host, {}, 0, 0, 0};
    bool one_is_away = false;  // which is large enough, and does not take tasks now
    for (auto worker : workers_.all()) {
        const auto& info = workers_.info(worker);
        if (!host.empty() && info.host != host) continue;
        const auto limits = workers_.limits(worker);
        const auto leased = workers_.leased(worker);
        const auto used = workers_.used(worker);
        blocker b;
        for (std::size_t r = 0; r < defs.size() && !b.forever(); ++r)
            if (const auto free = leased[r] - used[r]; demand[r] > 0 && free < demand[r])
                b = {blocker::kind::worker_resource, info.shard.value, defs[r].name, demand[r], free, limits[r],
                     limits[r] - leased[r]};
        if (!workers_.accepting(worker)) {
            one_is_away = one_is_away || !b.forever();
            continue;
        }
        if (b.what == blocker::kind::none) return b;
        if (closest.what == blocker::kind::no_worker || closest.forever()) closest = b;
    }
    if (one_is_away && closest.forever())
        closest = {blocker::kind::no_worker, host, closest.resource, closest.demand, 0, closest.demand};
    return closest;
}

blocker engine::lack_of(const job_entry& job, node_index node, std::size_t resource) const {
    const auto level = forest_->level_of(node).value;
    const auto& def = resources_.of(forest_->levels()[level])[resource];
    const auto here = limits_[level][resource];
    return {blocker::kind::node_resource,
            std::string{forest_->name(node)},
            def.name,
            job.asks[level][resource],
            here - used(node)[resource],
            def.limit,
            def.limit - here};
}

// What the node itself, whatever is above or below it, keeps from the job.
blocker engine::explain_node(const job_entry& job, node_index node) const {
    if (job.tree.closed(node)) return {blocker::kind::node_closed, std::string{forest_->name(node)}, {}, 0, 0, 0};
    const auto level = forest_->level_of(node).value;
    const auto used_here = used(node);
    for (std::size_t r = 0; r < used_here.size(); ++r)
        if (const auto demand = job.asks[level][r]; demand > 0 && limits_[level][r] - used_here[r] < demand)
            return lack_of(job, node, r);
    return {};
}

// Whatever is leased.
std::int64_t engine::limit_of(std::uint32_t level, std::size_t resource) const {
    return level == 0 && !part_.is_whole() ? resources_.of(instance_level)[resource].limit : limits_[level][resource];
}

// All nodes of a level have the same limits, so that what is too much for one is too much for all.
std::optional<std::pair<level_index, std::size_t>> engine::never_enough(const job_entry& job) const {
    for (std::uint32_t l = 0; l <= job.level->value; ++l)
        for (std::size_t r = 0; r < limits_[l].size(); ++r)
            if (job.asks[l][r] > limit_of(l, r)) return std::pair{level_index{l}, r};
    return std::nullopt;
}

// `path` leads from the task's node up to some ancestor; it is extended by each parent in turn.
blocker engine::explain_path(const job_entry& job, std::vector<node_index>& path) const {
    const auto node = path.back();
    if (auto b = explain_node(job, node); b.what != blocker::kind::none) return b;
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
    // What no task's end can help comes first.
    const auto never = never_enough(job);
    std::vector<node_index> to_root{task};
    while (!forest_->parents(to_root.back()).empty()) {
        if (never && forest_->level_of(to_root.back()) == never->first) break;
        to_root.push_back(forest_->parents(to_root.back()).front());
    }
    if (never) return lack_of(job, to_root.back(), never->second);
    if (!forest_->has_replicas() || !job.spec.level_for_host_placement)
        if (auto b = explain_worker(job, to_root); b.forever()) return b;
    std::vector<node_index> path{task};
    return explain_path(job, path);
}

blocker engine::why_waiting(job_index index) const {
    const auto first = entry(index).tree.first_pending();
    return first ? why_waiting(index, *first) : blocker{};
}

bool engine::is_pending(job_index index, node_index task) const {
    const auto& job = entry(index);
    return job.level && task.value < forest_->size() && forest_->level_of(task) == *job.level &&
           job.tree.contains(task);
}

// True where all that runs is found by its node: its path is one of the forest, and its job is still on that level.
bool engine::runs_where_it_seems() const { return astray_ == 0 && by_task_.size() == by_invocation_.size(); }

// The node and all below it; nothing where those are more than `most`.
std::vector<node_index> engine::nodes_below(node_index place, std::size_t most) const {
    std::vector<node_index> below{place};
    for (std::size_t begin = 0; begin < below.size();) {
        const auto end = below.size();
        for (std::size_t i = begin; i < end; ++i) {
            if (below.size() + forest_->child_count(below[i]) > most) return {};
            for (auto child : forest_->children(below[i])) below.push_back(child);
        }
        const auto first = below.begin() + static_cast<std::ptrdiff_t>(end);
        if (forest_->has_replicas()) {  // which lie below several
            std::sort(first, below.end());
            below.erase(std::unique(first, below.end()), below.end());
        }
        begin = end;
    }
    return below;
}

// Calls `visit` with each running task that has the node on its path.
template <class F>
void engine::for_each_holder(node_index place, F&& visit) const {
    const auto has_place = [&](const holding& h) {
        return std::find(h.nodes.begin(), h.nodes.end(), place) != h.nodes.end();
    };
    const auto below = runs_where_it_seems()
                           ? nodes_below(place, by_invocation_.size() / std::max<std::size_t>(jobs_.size(), 1))
                           : std::vector<node_index>{};
    if (below.empty()) {
        for_each_holding([&](const holding& h) {
            if (has_place(h)) visit(h);
        });
        return;
    }
    for (std::size_t job = 0; job < jobs_.size(); ++job) {
        if (!jobs_[job] || jobs_[job]->held == 0) continue;
        for (const auto node : below)
            if (const auto* h = find_holding(job_index{job}, node); h && has_place(*h)) visit(*h);
    }
}

// What runs is on the instance, as long as the instance keeps its name; so they need not be counted one by one.
std::pair<std::vector<invocation_id>, std::uint64_t> engine::holders_of_instance(std::size_t resource,
                                                                                 std::size_t most) const {
    std::pair<std::vector<invocation_id>, std::uint64_t> result;
    const auto asks = [&](const demand_set& d) {
        return d.users > 0 && resource < d.by_level.front().size() && d.by_level.front()[resource] > 0;
    };
    for (const auto& d : demands_)
        if (asks(d)) result.second += d.held;
    for (auto h = holdings_.begin(); result.first.size() < std::min<std::uint64_t>(most, result.second); ++h)
        if (h->invocation.valid() && asks(demands_[h->demand])) result.first.push_back(h->invocation);
    return result;
}

std::pair<std::vector<invocation_id>, std::uint64_t> engine::holders(const blocker& b, std::size_t most) const {
    std::pair<std::vector<invocation_id>, std::uint64_t> result;
    const auto note = [&](const holding& h) {
        if (result.first.size() < most) result.first.push_back(h.invocation);
        ++result.second;
    };
    const auto position_of = [&](const std::vector<resource_def>& defs) {
        const auto at = std::find_if(defs.begin(), defs.end(), [&](const auto& d) { return d.name == b.resource; });
        return static_cast<std::size_t>(at - defs.begin());
    };
    if (b.what == blocker::kind::node_resource) {
        const auto node = forest_->find(b.place);
        if (!node) return result;
        const auto level = forest_->level_of(*node).value;
        const auto r = position_of(resources_.of(forest_->levels()[level]));
        if (*node == forest::instance() && astray_ == 0) return holders_of_instance(r, most);
        for_each_holder(*node, [&](const holding& h) {
            const auto& demand = demands_[h.demand].by_level[level];
            if (r < demand.size() && demand[r] > 0) note(h);
        });
    } else if (b.what == blocker::kind::worker_resource) {
        const auto r = position_of(resources_.of(worker_level));
        for (auto worker : workers_.all()) {
            if (workers_.info(worker).shard.value != b.place) continue;
            for (auto invocation : held_by(worker)) {
                const auto& h = holdings_[by_invocation_.find(invocation.value)];
                if (const auto& demand = demands_[h.demand].worker; r < demand.size() && demand[r] > 0) note(h);
            }
        }
    }
    return result;
}

std::vector<std::int64_t> engine::used(node_index node) const {
    const auto level = forest_->level_of(node);
    const auto first = first_slot_of(node, level);
    slots result(limits_[level.value].size());
    for (std::size_t r = 0; r < result.size(); ++r) result[r] = used_[level.value][first + r];
    return result;
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

// Whoever waits is parked or in a queue, and for a reason.
std::string engine::check_waiting() const {
    std::size_t waiting = 0;
    std::string wrong;
    auto table = waiting_at_;
    table.for_each([&](node_index node, const waiting_jobs& w) {
        waiting += w.size();
        w.for_each([&](job_index index) {
            if (!entry(index).tree.parked(node)) wrong = "a job waits where it is not parked";
            if (!w.offered_to().valid() && !w.changed() && has_room(entry(index), node))
                wrong = "a job waits where it has room";
        });
        if (!w.offered_to().valid()) return;
        const auto& job = entry(w.offered_to());
        if (std::find(job.offers.begin(), job.offers.end(), node) == job.offers.end())
            wrong = "a place is offered to a job that does not know";
        if (!job.in_with_offers) wrong = "a job has offers that its class does not know of";
    });
    if (!wrong.empty()) return wrong;
    std::size_t for_hosts = 0;
    for (const auto& [host, waiters] : waiting_for_host_) for_hosts += waiters.size();
    waiting += for_hosts;
    std::size_t parked = 0;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (!jobs_[i]) continue;
        jobs_[i]->tree.for_each_parked([&](node_index) { ++parked; });
        for_hosts -= jobs_[i]->host_waits;
    }
    if (for_hosts != 0) return "jobs that wait for hosts are miscounted";
    if (parked != waiting) return "a job is parked where nobody wakes it";
    for (const auto& c : classes_) {
        if (c->with_offers.size() > c->jobs) return "a class knows of more offers than it has jobs";
        if (!c->blocked) continue;
        for (auto worker : workers_.all())
            if (workers_.fits(worker, c->demand)) return "jobs are held up for a worker that has room";
    }
    return workers_.sanity_check();
}

std::string engine::sanity_check() const {
    std::vector<slots> expected;
    for (const auto& level : used_) expected.emplace_back(level.size(), 0);
    std::set<std::pair<job_index, std::string>> tasks;
    std::map<worker_index, slots> of_workers;
    for (const auto worker : workers_.all()) of_workers[worker].resize(workers_.used(worker).size());
    std::size_t running = 0;
    std::size_t known_by_task = 0;
    for (const auto& h : holdings_) {
        if (!h.invocation.valid()) continue;
        ++running;
        if (by_invocation_.find(h.invocation.value) != static_cast<std::uint32_t>(&h - holdings_.data()))
            return "a running task is not found by its invocation";
        const bool is_known_by_task = by_task_.in_use() && h.is_known_by_task;
        if (is_known_by_task && find_holding(h.job, h.nodes.front()) != &h)
            return "a running task is not found by its node";
        known_by_task += is_known_by_task ? 1 : 0;
        for (auto node : h.nodes) {
            const auto level = forest_->level_of(node);
            const auto& demand = demands_[h.demand].by_level[level.value];
            for (std::size_t r = 0; r < demand.size(); ++r)
                expected[level.value][(node.value - forest_->first_of(level).value) * demand.size() + r] += demand[r];
        }
        if (const auto worker = of_workers.find(h.worker); worker != of_workers.end())
            for (std::size_t r = 0; r < worker->second.size(); ++r) worker->second[r] += demands_[h.demand].worker[r];
        if (!tasks.emplace(h.job, names_of(h, *forest_).front()).second) return "a task runs twice";
    }
    if (running != running_count() || known_by_task != by_task_.size()) return "running tasks are miscounted";
    for (std::size_t l = 0; l < used_.size(); ++l)
        for (std::size_t i = 0; i < used_[l].size(); ++i)
            if (used_[l][i] != expected[l][i]) return "slots in use are not the sum of what the running tasks hold";
    for (std::uint32_t l = 0; l < capacity_.size(); ++l)
        for (std::size_t r = 0; r < capacity_[l].size(); ++r)
            if (capacity_[l][r] != limit_of(l, r) * static_cast<std::int64_t>(forest_->size_of(level_index{l})))
                return "a level's slots are miscounted";
    for (const auto& [worker, expected_used] : of_workers)
        if (!std::equal(expected_used.begin(), expected_used.end(), workers_.used(worker).begin()))
            return "slots in use of a worker are not the sum of what its tasks hold";
    std::size_t pending = 0;
    for (const auto& job : jobs_) {
        if (!job || !job->level) continue;
        pending += job->tree.size();
        if (!job->tree.sane(*forest_)) return "the pending tree of job " + job->spec.name.value + " is inconsistent";
        const auto& c = *classes_[job->job_class];
        if (!c.blocked && options_.enabled && job->tree.searchable() && c.queue.empty())
            return "job " + job->spec.name.value + " is in no queue";
    }
    if (pending != pending_count_) return "pending tasks are miscounted";
    return check_waiting();
}

}  // namespace bistro
