#include "model/task_table.hpp"

#include <algorithm>
#include <utility>

namespace bistro {

namespace {
constexpr time_ms ms_per_s = 1000;
// A kill that was lost is asked for again after the time that a task has to end, and this.
constexpr time_ms kill_again_ms = 10'000;
}  // namespace

task_table::task_table(job_spec spec) : spec_{std::move(spec)}, rules_{number_of_rules(spec_)} {
    for (const auto& job : spec_.depends_on) dependencies_[job];
    for (const auto& job : spec_.run_only_after_all_nodes_are_done_for) gates_[job] = false;
}

// -- lookups ----------------------------------------------------------------------------------------------------------

task_table::position task_table::position_of(std::string_view node) const {
    if (!forest_ || !level_) return none;
    auto index = forest_->find(node);
    if (!index || forest_->level_of(*index) != *level_) return none;
    return index->value - forest_->first_of(*level_).value;
}

task_table::position task_table::position_of(std::string_view node, node_index hint) const {
    const bool right = forest_ && level_ && hint.value < forest_->size() && forest_->level_of(hint) == *level_ &&
                       forest_->name(hint) == node;
    return right ? hint.value - forest_->first_of(*level_).value : position_of(node);
}

node_index task_table::node_at(position p) const { return node_index{forest_->first_of(*level_).value + p}; }

node_id task_table::name_at(position p) const { return node_id{forest_->name(node_at(p))}; }

task_status task_table::status_at(position p) const {
    task_status status;
    status.state = static_cast<task_state>(slots_[p].state);
    if (auto found = details_.find(p); found != details_.end()) {
        const auto& d = found->second;
        status.backoff_step = d.backoff_step;
        status.retry_at_ms = d.retry_at_ms;
        status.invocation = d.invocation;
        status.synthetic = d.synthetic;
        status.data_json = d.data_json;
    }
    return status;
}

task_status task_table::remembered(std::string_view node) const {
    if (auto p = position_of(node); p != none) return status_at(p);
    auto found = absent_.find(node);
    return found == absent_.end() ? task_status{} : found->second;
}

bool task_table::is_live(std::string_view node) const {
    return std::any_of(live_.begin(), live_.end(),
                       [&](const auto& entry) { return entry.second.task.node.value == node; });
}

bool task_table::job_may_run() const { return spec_.enabled && spec_.errors.empty() && !retired_; }

bool task_table::gates_open() const {
    return std::all_of(gates_.begin(), gates_.end(), [](const auto& gate) { return gate.second; });
}

// -- one task changes -------------------------------------------------------------------------------------------------

std::uint64_t task_counts::*task_table::count_of(position p) const {
    const auto& s = slots_[p];
    const auto state = static_cast<task_state>(s.state);
    if (s.live) return s.ending ? &task_counts::ending : &task_counts::running;
    if (s.excluded) return &task_counts::excluded;
    if (state == task_state::done) return &task_counts::done;
    if (state == task_state::failed) return &task_counts::failed;
    if (!job_may_run() || !gates_open() || (!unmet_.empty() && unmet_[p] > 0)) return &task_counts::blocked;
    return s.waiting ? &task_counts::backoff : &task_counts::ready;
}

// Every change of a slot goes through here, so that the counts and the outside follow.
template <class Change>
void task_table::change(position p, Change&& mutate) {
    auto count = count_of(p);
    --(counts_.*count);
    if (count != &task_counts::excluded) --counts_.total;
    const bool was_done = count == &task_counts::done;
    mutate(slots_[p]);
    count = count_of(p);
    ++(counts_.*count);
    if (count != &task_counts::excluded) ++counts_.total;
    const bool is_done = count == &task_counts::done;
    if (is_done && !was_done) changes_.done.push_back(node_at(p));
    if (was_done && !is_done) changes_.undone.push_back(node_at(p));
    refresh(p);
}

void task_table::refresh(position p) {
    auto& s = slots_[p];
    const bool ready = count_of(p) == &task_counts::ready;
    if (ready == (s.offered != 0)) return;
    s.offered = ready ? 1 : 0;
    (ready ? changes_.ready : changes_.withdrawn).push_back(node_at(p));
}

std::uint64_t task_counts::*task_table::count_of(const live_task& live) {
    return live.ending ? &task_counts::ending : &task_counts::running;
}

void task_table::set_excluded(position p, bool excluded) {
    if (excluded != (slots_[p].excluded != 0)) change(p, [&](slot& s) { s.excluded = excluded ? 1 : 0; });
}

// Where the forest lacks a task's node, there is no slot that counts it.
void task_table::count_homeless(const live_task& live, bool more) {
    if (live.at != none) return;
    const std::uint64_t change = more ? 1 : std::uint64_t{} - 1;
    counts_.*count_of(live) += change;
    counts_.total += change;
}

// The task rests with this status; no attempt at it lives.
void task_table::write(position p, const task_status& status, time_ms now) {
    const bool plain = status.backoff_step == 0 && status.retry_at_ms == 0 && status.data_json.empty() &&
                       !status.synthetic && (status.state == task_state::done || !status.invocation.valid());
    if (plain) {
        details_.erase(p);
    } else {
        details_[p] = {status.backoff_step, status.retry_at_ms, status.invocation, status.synthetic, status.data_json};
    }
    change(p, [&](slot& s) {
        s.state = static_cast<std::uint8_t>(status.state) & 7U;
        s.live = s.ending = 0;
        s.waiting = status.retry_at_ms > now ? 1 : 0;
    });
    if (status.retry_at_ms > now) timers_.emplace(status.retry_at_ms, p);
}

void task_table::restore(const node_id& node, task_status status, time_ms now) {
    if (auto p = position_of(node.value); p != none) {
        write(p, status, now);
    } else {
        absent_[node.value] = std::move(status);
    }
}

void task_table::started(invocation_id invocation, running_task task, time_ms now, node_index hint) {
    const auto p = position_of(task.node.value, hint);
    const auto [entry, is_new] = live_.insert_or_assign(invocation.value, live_task{std::move(task), p, nullptr});
    // Whoever started it knows that it is no longer ready.
    if (p != none)
        change(p, [](slot& s) {
            s.live = 1;
            s.ending = s.offered = 0;
        });
    else if (is_new)
        count_homeless(entry->second, true);
    note_orphan(invocation, p, now);
}

bool task_table::adopt(invocation_id invocation, running_task task, time_ms now) {
    const auto p = position_of(task.node.value);
    const auto status = remembered(task.node.value);
    bool known = status.state == task_state::done || status.state == task_state::failed ||
                 status.invocation >= invocation || live_.contains(invocation.value);
    known = known || (p != none ? slots_[p].live != 0 : is_live(task.node.value));
    if (!known) {
        started(invocation, std::move(task), now);
        return true;
    }
    // Whoever told of it has withdrawn the task.
    if (p != none) {
        slots_[p].offered = 0;
        refresh(p);
    }
    return false;
}

const std::string* task_table::data_of(node_index node) const {
    if (details_.empty() || !level_ || forest_->level_of(node) != *level_) return nullptr;
    auto found = details_.find(node.value - forest_->first_of(*level_).value);
    return found == details_.end() || found->second.data_json.empty() ? nullptr : &found->second.data_json;
}

std::optional<status_change> task_table::ended(const attempt_end& end) {
    if (auto found = live_.find(end.invocation.value); found != live_.end()) {
        auto& live = found->second;
        // A true result may follow a synthetic one that is not durable yet; nothing else comes twice.
        if (live.ending && !(live.ending->synthetic && end.result != attempt_result::lost)) return std::nullopt;
        const auto before = live.at != none ? status_at(live.at) : remembered(live.task.node.value);
        count_homeless(live, false);
        live.ending = std::make_unique<task_status>(next_status(before, end, spec_.backoff));
        count_homeless(live, true);
        if (live.at != none) change(live.at, [](slot& s) { s.ending = 1; });
        return status_change{live.task.node, *live.ending, live.task.started_ms};
    }
    if (end.result == attempt_result::lost) return std::nullopt;
    for (const auto& [p, d] : details_)  // few: only tasks with something to remember
        if (d.invocation == end.invocation && d.synthetic && !slots_[p].live)
            return corrected({name_at(p), status_at(p)}, end);
    for (const auto& [node, status] : absent_)
        if (status.invocation == end.invocation && status.synthetic && !is_live(node))
            return corrected({node_id{node}, status}, end);
    return std::nullopt;
}

// An attempt that had been concluded without its result has one after all.
status_change task_table::corrected(status_change before, const attempt_end& end) {
    auto& status = before.status;
    status.backoff_step -= status.backoff_step > 0 ? 1 : 0;
    auto next = next_status(status, end, spec_.backoff);
    const auto p = position_of(before.node.value);
    auto& live = live_[end.invocation.value];
    live = {{before.node, {}, end.ended_ms}, p, std::make_unique<task_status>(next)};
    if (p != none)
        change(p, [](slot& s) { s.live = s.ending = 1; });
    else
        count_homeless(live, true);
    return {std::move(before.node), std::move(next)};
}

bool task_table::is_ending(invocation_id invocation) const {
    const auto found = live_.find(invocation.value);
    return found != live_.end() && found->second.ending != nullptr;
}

void task_table::made_durable(invocation_id invocation, time_ms now) {
    auto found = live_.find(invocation.value);
    if (found == live_.end() || !found->second.ending) return;
    count_homeless(found->second, false);
    const auto live = std::move(found->second);
    live_.erase(found);
    if (!orphans_.empty()) orphans_.erase(invocation);
    if (live.at != none) {
        write(live.at, *live.ending, now);
    } else {
        absent_[live.task.node.value] = std::move(*live.ending);
    }
}

std::vector<status_change> task_table::forgive(time_ms now, const which_tasks& which) {
    std::vector<status_change> result;
    for (position p = 0; p < slots_.size(); ++p) {
        const auto status = forgivable_at(p, now, which);
        if (!status) continue;
        write(p, *status, now);
        result.push_back({name_at(p), *status});
    }
    for (auto& [name, status] : absent_)
        if (auto changed = forgivable(name, status, now, which)) {
            status = *changed;
            result.push_back({node_id{name}, *std::move(changed)});
        }
    return result;
}

std::uint64_t task_table::count_forgivable(time_ms now, const which_tasks& which) const {
    std::uint64_t count = 0;
    for (position p = 0; p < slots_.size(); ++p) count += forgivable_at(p, now, which) ? 1 : 0;
    for (const auto& [name, status] : absent_) count += forgivable(name, status, now, which) ? 1 : 0;
    return count;
}

std::optional<task_status> task_table::forgivable_at(position p, time_ms now, const which_tasks& which) const {
    if (slots_[p].live) return std::nullopt;
    const auto before = status_at(p);
    auto after = forgiven(before, now);
    if (after && which && !which(name_at(p), before)) after.reset();
    return after;
}

std::optional<task_status> task_table::forgivable(const std::string& absent, const task_status& before, time_ms now,
                                                  const which_tasks& which) const {
    auto after = forgiven(before, now);
    if (after && (is_live(absent) || (which && !which(node_id{absent}, before)))) after.reset();
    return after;
}

void task_table::advance(time_ms now) {
    while (!timers_.empty() && timers_.top().first <= now) {
        auto [at, p] = timers_.top();
        timers_.pop();
        if (p >= slots_.size() || !slots_[p].waiting) continue;
        auto found = details_.find(p);
        if (found != details_.end() && found->second.retry_at_ms > now) continue;
        change(p, [](slot& s) { s.waiting = 0; });
    }
}

time_ms task_table::kill_time(const orphan& task) const {
    return std::max(task.since_ms + *spec_.kill_orphan_tasks_after_s * ms_per_s, task.next_kill_ms);
}

std::optional<time_ms> task_table::next_wakeup() const {
    std::optional<time_ms> result;
    if (!timers_.empty()) result = timers_.top().first;
    if (!spec_.kill_orphan_tasks_after_s) return result;
    for (const auto& [invocation, orphan] : orphans_) {
        const auto at = kill_time(orphan);
        result = std::min(result.value_or(at), at);
    }
    return result;
}

// -- the job, its nodes or its dependencies change --------------------------------------------------------------------

void task_table::note_orphan(invocation_id invocation, position at, time_ms now) {
    const bool is_orphan = !job_may_run() || at == none || slots_[at].excluded;
    if (is_orphan)
        orphans_.try_emplace(invocation, orphan{now, 0});
    else if (!orphans_.empty())
        orphans_.erase(invocation);
}

std::vector<invocation_id> task_table::orphans_due(time_ms now) {
    std::vector<invocation_id> result;
    if (!spec_.kill_orphan_tasks_after_s) return result;
    for (auto& [invocation, orphan] : orphans_)
        if (kill_time(orphan) <= now && !live_.at(invocation.value).ending) {
            result.push_back(invocation);
            orphan.next_kill_ms = now + kill_again_ms + spec_.kill_wait_s * ms_per_s;
        }
    return result;
}

// By position: is there a path to the instance on which every node is enabled and passes its level's filter?
std::vector<bool> task_table::passing_nodes() const {
    const path_filter filter{spec_, *forest_, *level_};
    std::vector<bool> open(forest_->first_of(*level_).value + forest_->size_of(*level_), false);
    for (std::uint32_t i = 0; i < open.size(); ++i) {
        const node_index node{i};
        const auto parents = forest_->parents(node);
        open[i] = (parents.empty() ||
                   std::any_of(parents.begin(), parents.end(), [&](node_index p) { return open[p.value]; })) &&
                  filter.passes_itself(node);
    }
    open.erase(open.begin(), open.begin() + forest_->first_of(*level_).value);
    return open;
}

// Derives everything but the statuses themselves anew, and reports the whole truth.
void task_table::rebuild(time_ms now) {
    changes_ = {};
    changes_.replaced = true;
    counts_ = {};
    timers_ = {};
    unmet_.clear();
    for (auto& [job, dependency] : dependencies_)
        if (dependency.known && dependency.done.size() != slots_.size()) dependency = {};
    if (!dependencies_.empty()) unmet_.assign(slots_.size(), 0);
    for (const auto& [job, dependency] : dependencies_)
        for (position p = 0; p < slots_.size(); ++p)
            if (!dependency.known || !dependency.done[p]) ++unmet_[p];
    const auto open = level_ ? passing_nodes() : std::vector<bool>{};
    for (position p = 0; p < slots_.size(); ++p) {
        slots_[p].excluded = open[p] ? 0 : 1;
        slots_[p].offered = 0;
    }
    for (const auto& [p, d] : details_) {
        slots_[p].waiting = d.retry_at_ms > now ? 1 : 0;
        if (slots_[p].waiting) timers_.emplace(d.retry_at_ms, p);
    }
    for (position p = 0; p < slots_.size(); ++p) {
        const auto count = count_of(p);
        ++(counts_.*count);
        if (count != &task_counts::excluded) ++counts_.total;
        if (count == &task_counts::done) changes_.done.push_back(node_at(p));
        refresh(p);
    }
    for (const auto& [invocation, live] : live_) {
        count_homeless(live, true);
        note_orphan(invocation_id{invocation}, live.at, now);
    }
}

void task_table::set_forest(forest_ptr nodes, time_ms now) {
    history_.note(forest_.get(), *nodes);
    if (follow(nodes, now)) return;
    std::vector<std::pair<std::string, task_status>> kept;
    for (position p = 0; p < slots_.size(); ++p)
        if (auto status = status_at(p); status != task_status{}) kept.emplace_back(name_at(p).value, std::move(status));
    for (auto& [name, status] : kept) absent_[name] = std::move(status);
    forest_ = std::move(nodes);
    level_ = forest_->find_level(spec_.level);
    slots_.assign(level_ ? forest_->size_of(*level_) : 0, slot{});
    details_.clear();
    boost::unordered::erase_if(absent_, [&](const auto& entry) {
        const auto& [name, s] = entry;
        const auto p = position_of(name);
        if (p == none) return false;
        slots_[p].state = static_cast<std::uint8_t>(s.state) & 7U;
        if (s.state != task_state::done || !s.data_json.empty())
            details_[p] = {s.backoff_step, s.retry_at_ms, s.invocation, s.synthetic, s.data_json};
        return true;
    });
    absent_.rehash(0);  // erasing keeps the room of what was there
    for (auto& [invocation, live] : live_) {
        live.at = position_of(live.task.node.value);
        if (live.at == none) continue;
        slots_[live.at].live = 1;
        slots_[live.at].ending = live.ending ? 1 : 0;
    }
    for (auto& [job, dependency] : dependencies_) dependency = {};
    for (auto& [job, open] : gates_) open = false;
    rebuild(now);
}

void task_table::set_spec(job_spec spec, time_ms now) {
    const bool other_level = spec.level != spec_.level;
    spec_ = std::move(spec);
    const auto rules_before = std::exchange(rules_, number_of_rules(spec_));
    if (rules_ == rules_before && !retired_) return;
    retired_ = false;
    std::map<job_id, dependency> dependencies;
    for (const auto& job : spec_.depends_on) dependencies.try_emplace(job, std::move(dependencies_[job]));
    dependencies_ = std::move(dependencies);
    std::map<job_id, bool> gates;
    for (const auto& job : spec_.run_only_after_all_nodes_are_done_for) gates[job] = gates_[job];
    gates_ = std::move(gates);
    if (!forest_) return;
    if (other_level) {
        set_forest(forest_, now);
    } else {
        rebuild(now);
    }
}

void task_table::retire(time_ms now) {
    retired_ = true;
    if (forest_) rebuild(now);
}

void task_table::set_dependency(dependency& on, node_index node, bool done) {
    if (forest_->level_of(node) != *level_) return;
    const auto p = node.value - forest_->first_of(*level_).value;
    if (!(done ? on.done.set(p) : on.done.reset(p))) return;
    change(p, [&](slot&) { unmet_[p] = static_cast<std::uint16_t>(unmet_[p] + (done ? -1 : 1)); });
}

// -- what the outside is told -----------------------------------------------------------------------------------------

// A task that became ready may have been found running since, or have become ready and no longer so; and done likewise.
table_changes task_table::take_changes() {
    const auto offered = [this](node_index node) {
        return slots_[node.value - forest_->first_of(*level_).value].offered != 0;
    };
    std::erase_if(changes_.ready, [&](node_index node) { return !offered(node); });
    std::erase_if(changes_.withdrawn, offered);
    const auto done = [this](node_index node) {
        return count_of(node.value - forest_->first_of(*level_).value) == &task_counts::done;
    };
    std::erase_if(changes_.done, [&](node_index node) { return !done(node); });
    std::erase_if(changes_.undone, done);
    changes_.all_done_changed = told_all_done_ != all_done();
    told_all_done_ = all_done();
    return std::exchange(changes_, {});
}

bool task_table::all_done() const { return forest_ && level_ && counts_.done == counts_.total; }

std::vector<node_index> task_table::done_nodes() const {
    std::vector<node_index> result;
    for (position p = 0; p < slots_.size(); ++p)
        if (count_of(p) == &task_counts::done) result.push_back(node_at(p));
    return result;
}

}  // namespace bistro
