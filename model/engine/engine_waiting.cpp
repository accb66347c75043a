// What all pending tasks of a job wait for.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"

namespace bistro {

// Goes through the nodes above the tasks from the instance on and notes of each which node, itself or one above, keeps
// the tasks below it from starting. Then it counts the tasks: where no node has two parents, all those of a parent at
// once. Names are looked up only for what is told.
class engine::waiting_scan {
public:
    waiting_scan(const engine& e, const job_entry& job)
        : e_{e}, job_{job}, nodes_{*e.forest_}, never_{e.never_enough(job)} {
        for (std::uint32_t l = 0; l <= job.level->value; ++l) {
            auto& here = levels_.emplace_back();
            here.first = nodes_.first_of(level_index{l}).value;
            here.width = e.limits_[l].size();
            here.used = &e.used_[l];
            for (std::size_t r = 0; r < here.width; ++r)
                if (const auto demand = job.asks[l][r];
                    demand > 0 && (!never_ || *never_ == std::pair{level_index{l}, r}))
                    here.most.emplace_back(r, (never_ ? e.limit_of(l, r) : e.limits_[l][r]) - demand);
        }
        tasks_are_alike_ = levels_.back().most.empty() && !job.tree.closed_nodes();
    }

    std::vector<blocked_tasks> run() {
        const auto first_task = nodes_.first_of(*job_.level).value;
        blocked_by_.assign(first_task, none);
        counted_ = bit_set{first_task};
        for (std::size_t l = 0; l + 1 < levels_.size(); ++l)
            for (auto i = levels_[l].first; i < levels_[l + 1].first; ++i)
                blocked_by_[i] = blocker_of(node_index{i}, levels_[l]);
        if (job_.level->value == 0 || nodes_.has_replicas()) {
            job_.tree.for_each_pending([&](node_index task) { look_at(task); });
        } else {
            for (auto i = nodes_.first_of(level_index{job_.level->value - 1U}).value; i < first_task; ++i)
                look_below(node_index{i});
        }
        std::stable_sort(found_.begin(), found_.end(),
                         [](const auto& a, const auto& b) { return a.told.tasks > b.told.tasks; });
        std::vector<blocked_tasks> result;
        for (auto& g : found_) result.push_back(std::move(g.told));
        return result;
    }

private:
    // Of a node: closed, or the position of a resource within its level.
    static constexpr std::size_t closed = static_cast<std::size_t>(-1);

    struct group {
        std::uint32_t level = none;  // none: of the workers
        std::size_t lacks = 0;
        blocked_tasks told;
    };

    // A level as the job sees it.
    struct level_view {
        std::uint32_t first = 0;
        std::size_t width = 0;  // resources
        const slot_counts* used = nullptr;
        std::vector<std::pair<std::size_t, std::int64_t>> most;  // what it asks for, and how much may be in use then
    };

    [[nodiscard]] std::optional<std::size_t> lacking(node_index node, const level_view& level) const {
        if (!never_ && job_.tree.closed(node)) return closed;
        const auto first = std::size_t{node.value - level.first} * level.width;
        for (const auto& [r, most] : level.most)
            if ((*level.used)[first + r] > most) return r;
        return std::nullopt;
    }

    [[nodiscard]] bool for_good(std::uint32_t node) const {
        const auto level = nodes_.level_of(node_index{node}).value;
        const auto r = *lacking(node_index{node}, levels_[level]);
        return r == closed || job_.asks[level][r] > e_.limit_of(level, r);
    }

    // The node itself, or what blocks all paths from it to the instance: of the first path where that can change.
    [[nodiscard]] std::uint32_t blocker_of(node_index node, const level_view& level) const {
        const auto above = blocker_above(node);
        if (above != none && !nodes_.has_replicas()) return above;
        return lacking(node, level) ? node.value : above;
    }

    [[nodiscard]] std::uint32_t blocker_above(node_index node) const {
        auto found = none;
        for (const auto parent : nodes_.parents(node)) {
            const auto b = blocked_by_[parent.value];
            if (b == none) return none;
            if (found == none || for_good(found)) found = b;
        }
        return found;
    }

    void look_below(node_index parent) {
        const auto count = nodes_.child_count(parent);
        const auto first = count == 0 ? node_index{} : nodes_.child(parent, 0);
        const auto tasks = count == 0 ? 0 : job_.tree.count_pending(first, count);
        if (tasks == 0) return;
        if (!host_is_by_task()) {
            if (never_on_its_host(first)) return add_to_workers(first, tasks);
            if (const auto by = blocked_by_[parent.value]; by != none) return add(node_index{by}, tasks);
            if (tasks_are_alike_) return add_to_workers(first, tasks);
        }
        for (std::uint32_t place = 0; place < count; ++place)
            if (const auto task = nodes_.child(parent, place); job_.tree.contains(task)) look_at(task);
    }

    void look_at(node_index task) {
        const auto by = blocker_of(task, levels_.back());
        if (by == none || never_on_its_host(task))
            add_to_workers(task, 1);
        else
            add(node_index{by}, 1);
    }

    [[nodiscard]] bool host_is_by_task() const {
        return !job_.spec.host_placement && job_.spec.level_for_host_placement &&
               nodes_.find_level(*job_.spec.level_for_host_placement) == job_.level;
    }

    // What the workers lack of a host.
    struct host_lack {
        blocker why;
        bool counted = false;  // it is among the places
    };

    // Of the host that the task wants; where that may be one of several, of the first with room on the way to it.
    host_lack& lack_of_host(node_index task) {
        std::vector<node_index> path{task};
        while (!nodes_.parents(path.back()).empty()) {
            const auto parents = nodes_.parents(path.back());
            const auto open = std::find_if(parents.begin(), parents.end(),
                                           [&](node_index p) { return blocked_by_[p.value] == none; });
            path.push_back(open == parents.end() ? parents.front() : *open);
        }
        const auto [host, is_new] = of_hosts_.try_emplace(e_.host_wanted(job_, path));
        if (is_new) host->second.why = e_.explain_worker(job_, path);
        return host->second;
    }

    // Workers of the task's host that are too small for it count before nodes that are full.
    bool never_on_its_host(node_index task) {
        return !never_ && job_.spec.level_for_host_placement && !nodes_.has_replicas() &&
               lack_of_host(task).why.forever();
    }

    // The workers keep it: on each path there is room, as far as its nodes go, or that is no matter.
    void add_to_workers(node_index task, std::uint64_t tasks) {
        blocker why;
        bool is_new_place = false;
        if (job_.wants_host()) {
            auto& lack = lack_of_host(task);
            why = lack.why;
            is_new_place = !std::exchange(lack.counted, true);
        }
        const auto found = std::find_if(found_.begin(), found_.end(), [&](const group& g) {
            return g.level == none && g.told.why.what == why.what && g.told.why.resource == why.resource &&
                   g.told.why.forever() == why.forever();
        });
        const bool is_first = found == found_.end();
        auto& g = is_first ? found_.emplace_back(group{none, 0, {why, level_of_hosts(), 0, 0}}) : *found;
        g.told.tasks += tasks;
        g.told.places += is_first || is_new_place ? 1 : 0;
    }

    // Of the nodes that name the hosts of tasks; empty where none does.
    [[nodiscard]] std::string level_of_hosts() const {
        if (job_.spec.host_placement || !job_.spec.level_for_host_placement) return {};
        const auto level = nodes_.find_level(*job_.spec.level_for_host_placement);
        return level && level->value <= job_.level->value ? *job_.spec.level_for_host_placement : std::string{};
    }

    void add(node_index by, std::uint64_t tasks) {
        const auto level = nodes_.level_of(by).value;
        const auto lacks = *lacking(by, levels_[level]);
        auto found = std::find_if(found_.begin(), found_.end(),
                                  [&](const group& g) { return g.level == level && g.lacks == lacks; });
        if (found == found_.end()) {
            auto why = lacks == closed ? e_.explain_node(job_, by) : e_.lack_of(job_, by, lacks);
            found_.push_back({level, lacks, {std::move(why), nodes_.levels()[level], 0, 0}});
            found = found_.end() - 1;
        }
        found->told.tasks += tasks;
        // A task is looked at once.
        if (by.value >= counted_.size() || counted_.set(by.value)) ++found->told.places;
    }

    const engine& e_;
    const job_entry& job_;
    const forest& nodes_;
    // What the job can never have; then nothing else matters.
    std::optional<std::pair<level_index, std::size_t>> never_;
    std::vector<level_view> levels_;         // down to that of the tasks
    bool tasks_are_alike_ = false;           // below one parent: nothing of their own keeps one from starting
    std::vector<std::uint32_t> blocked_by_;  // by node above the tasks: another, or itself, or none
    bit_set counted_;                        // by node: it is among the places
    std::vector<group> found_;
    std::map<std::string, host_lack> of_hosts_;
};

std::vector<blocked_tasks> engine::all_waiting(job_index index) const {
    const auto& job = entry(index);
    if (!job.level || job.tree.size() == 0) return {};
    const auto all_of_it = [&](blocker why, const std::string& level) {
        return std::vector<blocked_tasks>{{std::move(why), level, job.tree.size(), 1}};
    };
    if (!options_.enabled) return all_of_it({blocker::kind::scheduler_disabled, {}, {}, 0, 0, 0}, {});
    // What keeps each of them on its own way needs the scan; else a look at the instance and the workers may do.
    const auto never = never_enough(job);
    if (never && never->first.value == 0)
        return all_of_it(lack_of(job, forest::instance(), never->second), forest_->levels().front());
    if (never || job.spec.level_for_host_placement) return waiting_scan{*this, job}.run();
    const auto of_workers = explain_worker(job, std::vector{forest::instance()});
    if (of_workers.forever()) return all_of_it(of_workers, {});
    if (auto b = explain_node(job, forest::instance()); b.what != blocker::kind::none)
        return all_of_it(std::move(b), forest_->levels().front());
    if (!job.wants_host() && of_workers.what != blocker::kind::none) return all_of_it(of_workers, {});
    return waiting_scan{*this, job}.run();
}

}  // namespace bistro
