// What a task table says of itself: in which situation a task is and why, and whether its invariants hold.
#include <algorithm>

#include "model/task_table.hpp"
#include "model/text.hpp"

namespace bistro {

std::string_view word_of(task_situation situation, const task_status& status) {
    switch (situation) {
        case task_situation::ready: return status.state == task_state::unstarted ? "waiting" : to_string(status.state);
        case task_situation::running: return "running";
        case task_situation::done: return "done";
        case task_situation::failed: return "failed";
        case task_situation::backoff: return "backoff";
        case task_situation::job_disabled:
        case task_situation::job_invalid: return "disabled";
        case task_situation::waits_for_node_of_job:
        case task_situation::waits_for_whole_job: return "blocked";
        case task_situation::node_disabled:
        case task_situation::filtered_out: return "excluded";
        case task_situation::no_such_task: return "gone";
    }
    return {};
}

task_situation situation_of(const task_status& stored) {
    if (stored.state == task_state::done) return task_situation::done;
    if (stored.state == task_state::failed) return task_situation::failed;
    return stored.retry_at_ms > 0 ? task_situation::backoff : task_situation::ready;
}

task_status task_table::status_of(const node_id& node) const {
    auto status = remembered(node.value);
    for (const auto& [invocation, live] : live_)
        if (live.task.node == node) {
            status.state = task_state::running;
            status.invocation = invocation_id{invocation};
        }
    return status;
}

task_situation task_table::situation_at(position p) const {
    const auto& s = slots_[p];
    const auto state = static_cast<task_state>(s.state);
    if (s.live) return task_situation::running;
    if (s.excluded) {
        bool disabled = !forest_->enabled(node_at(p));
        for (auto up = node_at(p); !disabled && !forest_->parents(up).empty();) {
            up = forest_->parents(up).front();
            disabled = !forest_->enabled(up);
        }
        return disabled ? task_situation::node_disabled : task_situation::filtered_out;
    }
    if (state == task_state::done) return task_situation::done;
    if (state == task_state::failed) return task_situation::failed;
    if (!spec_.errors.empty()) return task_situation::job_invalid;
    if (!job_may_run()) return task_situation::job_disabled;
    if (!gates_open()) return task_situation::waits_for_whole_job;
    if (!unmet_.empty() && unmet_[p] > 0) return task_situation::waits_for_node_of_job;
    return s.waiting ? task_situation::backoff : task_situation::ready;
}

task_situation task_table::situation_of(const node_id& node) const {
    auto p = position_of(node.value);
    return p == none ? task_situation::no_such_task : situation_at(p);
}

std::string task_table::why_excluded(const node_id& node) const {
    const auto p = position_of(node.value);
    if (p == none) return {};
    // Towards the root, by every way: replicas have several.
    std::vector<node_index> above{node_at(p)};
    for (std::size_t i = 0; i < above.size(); ++i) {
        const auto at = above[i];
        const auto& level = forest_->levels()[forest_->level_of(at).value];
        const auto name = quote(forest_->name(at));
        if (!forest_->enabled(at)) return "node " + name + " of level " + quote(level) + " is disabled";
        if (auto f = spec_.filters.find(level); f != spec_.filters.end() && !filter{f->second, spec_.name.value}.passes(
                                                                                forest_->name(at), forest_->tags(at)))
            return "the job's filter of level " + quote(level) + " excludes node " + name;
        for (auto parent : forest_->parents(at)) above.push_back(parent);
    }
    return "every way to the root is closed to the job";
}

std::vector<job_id> task_table::waited_for() const {
    std::vector<job_id> result;
    for (const auto& [job, open] : gates_)
        if (!open) result.push_back(job);
    for (const auto& [job, dependency] : dependencies_) result.push_back(job);
    return result;
}

std::vector<job_id> task_table::waits_for(const node_id& node) const {
    std::vector<job_id> result;
    for (const auto& [job, open] : gates_)
        if (!open) result.push_back(job);
    if (!result.empty()) return result;
    auto p = position_of(node.value);
    for (const auto& [job, dependency] : dependencies_)
        if (p != none && (!dependency.known || !dependency.done[p])) result.push_back(job);
    return result;
}

void task_table::for_each(const std::function<void(const node_id&, const task_status&, task_situation)>& visit) const {
    visit_behind({}, [&](const node_id& node, const task_status& status, task_situation situation) {
        visit(node, status, situation);
        return true;
    });
}

void task_table::for_each_node(const std::function<void(node_index, task_situation)>& visit) const {
    for (position p = 0; p < slots_.size(); ++p) visit(node_at(p), situation_at(p));
}

void task_table::for_each_node(const std::function<void(node_index, const task_status&, task_situation)>& visit) const {
    for (position p = 0; p < slots_.size(); ++p) visit(node_at(p), status_at(p), situation_at(p));
}

void task_table::visit_behind(
    const node_id& after, const std::function<bool(const node_id&, const task_status&, task_situation)>& visit) const {
    const auto last = after.empty() ? none : position_of(after.value);
    for (position p = last == none ? position{0} : last + 1; p < slots_.size(); ++p) {
        if (last == none && !after.empty()) break;  // it is one of those that the forest lacks
        auto status = status_at(p);
        if (slots_[p].live) status.state = task_state::running;
        if (!visit(name_at(p), status, situation_at(p))) return;
    }
    std::map<std::string_view, std::pair<task_status, task_situation>> absent;
    for (const auto& [node, status] : absent_) absent.emplace(node, std::pair{status, task_situation::no_such_task});
    for (const auto& [invocation, live] : live_) {
        if (live.at != none) continue;
        auto& [status, situation] = absent[live.task.node.value];
        status.state = task_state::running;
        situation = task_situation::running;
    }
    for (const auto& [node, entry] : absent) {
        if (last == none && !after.empty() && node <= after.value) continue;
        if (!visit(node_id{node}, entry.first, entry.second)) return;
    }
}

void task_table::for_each_running(const std::function<void(invocation_id, const running_task&)>& visit) const {
    for (const auto& [invocation, live] : live_) visit(invocation_id{invocation}, live.task);
}

std::string task_table::sanity_check() const {
    task_counts expected;
    for (position p = 0; p < slots_.size(); ++p) {
        const auto count = count_of(p);
        ++(expected.*count);
        if (count != &task_counts::excluded) ++expected.total;
        if ((count == &task_counts::ready) != (slots_[p].offered != 0))
            return "offered is not ready at " + name_at(p).value;
        if (!unmet_.empty()) {
            std::size_t unmet = 0;
            for (const auto& [job, dependency] : dependencies_)
                unmet += !dependency.known || !dependency.done[p] ? 1 : 0;
            if (unmet != unmet_[p]) return "unmet dependencies are miscounted at " + name_at(p).value;
        }
    }
    for (const auto& [invocation, live] : live_)
        if (live.at == none) ++(expected.*count_of(live)), ++expected.total;
    if (!(expected == counts_)) return "counts do not add up";
    for (const auto& [invocation, live] : live_)
        if (live.at != position_of(live.task.node.value) ||
            (live.at != none && (!slots_[live.at].live || (slots_[live.at].ending != 0) != (live.ending != nullptr))))
            return "a running task that its slot does not know";
    for (const auto& [node, status] : absent_)
        if (position_of(node) != none) return "a task that is there is remembered as one that is not";
    for (const auto& [invocation, orphan] : orphans_)
        if (!live_.contains(invocation.value)) return "an orphan that does not run";
    return {};
}

}  // namespace bistro
