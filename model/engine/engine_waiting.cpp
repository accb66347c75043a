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
        : e_{e},
          job_{job},
          nodes_{*e.forest_},
          tasks_are_alike_{!asks_at(job.level->value) && !job.tree.has_closed() && !host_is_by_task()} {}

    std::vector<blocked_tasks> run() {
        const auto first_task = nodes_.first_of(*job_.level).value;
        blocked_by_.assign(first_task, none);
        counted_ = bit_set{first_task};
        for (std::uint32_t i = 0; i < first_task; ++i) blocked_by_[i] = blocker_of(node_index{i});
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

    [[nodiscard]] bool asks_at(std::size_t level) const {
        return std::any_of(job_.asks[level].begin(), job_.asks[level].end(), [](auto demand) { return demand > 0; });
    }

    [[nodiscard]] std::optional<std::size_t> lacking(node_index node) const {
        if (job_.tree.closed(node)) return closed;
        const auto level = nodes_.level_of(node).value;
        const auto& limits = e_.limits_[level];
        const auto& demand = job_.asks[level];
        const auto taken = e_.used(node);
        for (std::size_t r = 0; r < limits.size(); ++r)
            if (demand[r] > 0 && limits[r] - taken[r] < demand[r]) return r;
        return std::nullopt;
    }

    [[nodiscard]] bool for_good(std::uint32_t node) const {
        const auto level = nodes_.level_of(node_index{node}).value;
        const auto r = *lacking(node_index{node});
        return r == closed || job_.asks[level][r] > e_.limits_[level][r];
    }

    // The node itself, or what blocks all paths from it to the instance: of the first path where that can change.
    [[nodiscard]] std::uint32_t blocker_of(node_index node) const {
        const auto above = blocker_above(node);
        return above != none && !nodes_.has_replicas() ? above : lacking(node) ? node.value : above;
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
        const auto first = nodes_.edges_begin(parent);
        const auto count = nodes_.edges_end(parent) - first;
        const auto tasks = count == 0 ? 0 : job_.tree.count_pending(nodes_.edge_target(first), count);
        if (tasks == 0) return;
        if (const auto by = blocked_by_[parent.value]; by != none) return add(node_index{by}, tasks);
        if (tasks_are_alike_) return add_free(nodes_.edge_target(first), tasks);
        for (auto edge = first; edge < first + count; ++edge)
            if (const auto task = nodes_.edge_target(edge); job_.tree.contains(task)) look_at(task);
    }

    void look_at(node_index task) {
        if (const auto by = job_.level->value > 0 ? blocked_above_or_at(task) : own_blocker(task); by != none)
            add(node_index{by}, 1);
        else
            add_free(task, 1);
    }

    [[nodiscard]] std::uint32_t own_blocker(node_index task) const { return lacking(task) ? task.value : none; }

    [[nodiscard]] std::uint32_t blocked_above_or_at(node_index task) const {
        const auto own = own_blocker(task);
        return own != none ? own : blocker_above(task);
    }

    [[nodiscard]] bool host_is_by_task() const {
        return !job_.spec.host_placement && job_.spec.level_for_host_placement &&
               nodes_.find_level(*job_.spec.level_for_host_placement) == job_.level;
    }

    // On each path there is room, as far as its nodes go.
    void add_free(node_index task, std::uint64_t tasks) {
        blocker why;
        bool is_new_place = true;
        if (job_.wants_host()) {
            std::vector<node_index> path{task};
            while (!nodes_.parents(path.back()).empty()) {
                const auto parents = nodes_.parents(path.back());
                path.push_back(*std::find_if(parents.begin(), parents.end(),
                                             [&](node_index p) { return blocked_by_[p.value] == none; }));
            }
            const auto [host, is_new] = of_hosts_.try_emplace(e_.host_wanted(job_, path));
            if (is_new) host->second = e_.explain_worker(job_, path);
            why = host->second;
            is_new_place = is_new;
        }
        const auto found = std::find_if(found_.begin(), found_.end(), [&](const group& g) {
            return g.level == none && g.told.why.what == why.what && g.told.why.resource == why.resource &&
                   g.told.why.forever() == why.forever();
        });
        const bool is_first = found == found_.end();
        auto& g = is_first ? found_.emplace_back(group{none, 0, {why, {}, 0, 0}}) : *found;
        g.told.tasks += tasks;
        g.told.places += is_first || (job_.wants_host() && is_new_place) ? 1 : 0;
    }

    void add(node_index by, std::uint64_t tasks) {
        const auto level = nodes_.level_of(by).value;
        const auto lacks = *lacking(by);
        auto found = std::find_if(found_.begin(), found_.end(),
                                  [&](const group& g) { return g.level == level && g.lacks == lacks; });
        if (found == found_.end()) {
            found_.push_back({level, lacks, {e_.explain_node(job_, by), nodes_.levels()[level], 0, 0}});
            found = found_.end() - 1;
        }
        found->told.tasks += tasks;
        // A task is looked at once.
        if (by.value >= counted_.size() || counted_.set(by.value)) ++found->told.places;
    }

    const engine& e_;
    const job_entry& job_;
    const forest& nodes_;
    bool tasks_are_alike_;                   // below one parent: nothing of their own keeps one from starting
    std::vector<std::uint32_t> blocked_by_;  // by node above the tasks: another, or itself, or none
    bit_set counted_;                        // by node: it is among the places
    std::vector<group> found_;
    std::map<std::string, blocker> of_hosts_;  // what the workers of a host lack
};

std::vector<blocked_tasks> engine::all_waiting(job_index index) const {
    const auto& job = entry(index);
    if (!job.level || job.tree.size() == 0) return {};
    const auto all_of_it = [&](blocker why, const std::string& level) {
        return std::vector<blocked_tasks>{{std::move(why), level, job.tree.size(), 1}};
    };
    if (!options_.enabled) return all_of_it({blocker::kind::scheduler_disabled, {}, {}, 0, 0, 0}, {});
    if (auto b = explain_node(job, forest::instance()); b.what != blocker::kind::none)
        return all_of_it(std::move(b), forest_->levels().front());
    if (!job.wants_host())
        if (auto b = explain_worker(job, std::vector{forest::instance()}); b.what != blocker::kind::none)
            return all_of_it(std::move(b), {});
    return waiting_scan{*this, job}.run();
}

}  // namespace bistro
