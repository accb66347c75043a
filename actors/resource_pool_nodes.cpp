// What the pool hears of nodes, and of the tasks that may start on them.
#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <caf/all.hpp>

#include "actors/resource_pool_parts.hpp"
#include "model/node_ranges.hpp"

namespace bistro {

void renew_demands(pool_ptr self) {
    auto& s = self->state;
    for (auto& [name, job] : s.jobs) {
        auto demands = s.core->demands_of(*s.core->find_job(name));
        if (demands == job.command.demands) continue;
        job.command.demands = std::move(demands);
        job.command.version = ++s.command_versions;
    }
}

void forget_seen(pool_state& s, const job_id& name, pool_state::job& job, const std::vector<std::uint64_t>& seen) {
    const auto own = seen.at(s.links.part.number);
    while (!job.unseen.empty() && job.unseen.front().number <= own) job.unseen.pop_front();
    forget_seen_elsewhere(s, name, seen);
}

namespace {

// Not valid where it is gone.
node_index renumbered(node_index node, const index_shift& kept) { return node_index{kept(node.value)}; }

bool waits_for_whole_jobs(const job_spec& job) { return !job.run_only_after_all_nodes_are_done_for.empty(); }

// What a job's next attempts are handed; without a change, the job will tell it again.
void move_data(pool_state::job& job, const forest_change* change) {
    auto data = std::exchange(job.data, {});
    if (!change) return;
    for (auto& [node, text] : data)
        if (const auto here = renumbered(node_index{node}, change->kept); here.valid())
            job.data.emplace(here.value, std::move(text));
}

void renumber(pending_changed& m, const forest_change& change) {
    renumber(m.ready, change);
    renumber(m.withdrawn, change);
    for (auto& [node, data] : m.data) node = renumbered(node, change.kept);
    std::erase_if(m.data, [](const auto& entry) { return !entry.first.valid(); });
}

// Makes what was said of an earlier forest speak of the pool's. False where no changes led from that one to this, or
// where other jobs have to say first whether they are done on altered nodes.
bool bring_up_to_date(const pool_state& s, const job_spec& job, pending_changed& m) {
    const auto changes = s.history.since(m.forest_version);
    if (!changes) return false;
    for (const auto& change : *changes) {
        if (!job.depends_on.empty() && !change->altered.empty()) return false;
        renumber(m, *change);
    }
    return true;
}

// What a job that waits for others had to offer on altered nodes, and below them; it will say that again.
void withdraw_altered(engine& core, const job_spec& job, const forest& nodes, const forest_change& change) {
    const auto level = nodes.find_level(job.level);
    if (!level) return;
    std::vector<node_index> doubtful;
    for_each_below(nodes, change.altered, *level, [&](node_index task) { doubtful.push_back(task); });
    core.remove_pending(*core.find_job(job.name), doubtful);
}

// What the pool has started, and the job does not know yet, or another pool has.
void leave_out_unseen(const pool_state& s, const pool_state::job& job, pending_changed& m) {
    const auto elsewhere = s.unseen_elsewhere.find(m.job);
    if (job.unseen.empty() && elsewhere == s.unseen_elsewhere.end()) return;
    boost::unordered_flat_set<std::uint32_t> unseen;
    for (const auto& start : job.unseen) unseen.insert(start.node.value);
    if (elsewhere != s.unseen_elsewhere.end())
        for (const auto& start : elsewhere->second)
            unseen.insert(s.nodes->find(start.node).value_or(node_index{}).value);
    std::erase_if(m.ready, [&](node_index node) { return unseen.contains(node.value); });
}

}  // namespace

void take_nodes(pool_ptr self, const nodes_changed& m) {
    auto& s = self->state;
    const auto* change = s.nodes ? m.nodes->change_from(*s.nodes) : nullptr;
    for (auto& [name, job] : s.jobs) {
        for (auto& start : job.unseen) {
            if (start.node.valid()) start.name = s.nodes->name(start.node);
            start.node = m.nodes->find(start.name).value_or(node_index{});
        }
        std::fill(job.started_nodes.begin(), job.started_nodes.end(), node_index{});
        move_data(job, change);
    }
    if (!change)
        for (auto& [name, job] : s.jobs) job.out_of_step = true;  // until it has said all of this forest
    s.history.note(s.nodes.get(), *m.nodes);
    s.nodes = m.nodes;
    s.core->set_forest(m.nodes);
    // Whether they are all done, other jobs say anew of each forest.
    for (const auto& [name, job] : s.jobs)
        if (waits_for_whole_jobs(job.spec))
            s.core->clear_pending(*s.core->find_job(name));
        else if (change && !job.spec.depends_on.empty())
            withdraw_altered(*s.core, job.spec, *s.nodes, *change);
    renew_demands(self);
    tell_all_elsewhere(self);
}

void take_pending(pool_ptr self, pending_changed& m) {
    auto& s = self->state;
    auto found = s.jobs.find(m.job);
    const auto index = s.core->find_job(m.job);
    if (found == s.jobs.end() || !index) return;
    auto& job = found->second;
    // The actor that a job had before it left the config and came back may still have something to say.
    if (self->current_sender() && self->current_sender() != job.actor) return;
    forget_seen(s, m.job, job, m.seen_starts);
    if (!s.nodes) return;
    // It will say all under the rules of now, and of each forest whether it waits for whole jobs.
    if (m.rules != job.rules || (waits_for_whole_jobs(job.spec) && m.forest_version != s.nodes->version())) {
        job.asked = false;  // this may have been the answer
        return;
    }
    if (!bring_up_to_date(s, job.spec, m)) {
        // Nor is it known what it has withdrawn, so nothing of it may start.
        s.core->clear_pending(*index);
        job.data.clear();
        job.out_of_step = true;
        job.asked = false;
        return;
    }
    // A job says something of each forest, so there is somebody to ask. Of one that was built anew, it says all by
    // itself.
    if (job.out_of_step && !m.replace) {
        if (!std::exchange(job.asked, true)) self->send(job.actor, pending_asked{});
        return;
    }
    job.out_of_step = job.asked = false;
    job.seen = std::move(m.seen_starts);
    leave_out_unseen(s, job, m);
    if (m.forest_version != s.nodes->version()) s.core->keep_passing(*index, m.ready);
    if (m.replace) {
        s.core->clear_pending(*index);
        job.data.clear();
    }
    s.core->set_unfinished(*index, m.unfinished);
    s.core->remove_pending(*index, m.withdrawn);
    for (auto& [node, data] : m.data) job.data.insert_or_assign(node.value, std::move(data));
    s.core->add_pending(*index, m.ready);
}

}  // namespace bistro
