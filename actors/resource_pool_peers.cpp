// What a pool has to do with the other pools.
//
// A task belongs to the pool that started it, until it has ended: by its id. Where another forest gives its node to
// another pool, or where a worker comes back with tasks of an earlier life, that other pool must count it in. So each
// pool tells the others, and for each forest nothing starts before all have done so.
#include <algorithm>
#include <array>

#include "actors/resource_pool_parts.hpp"

namespace bistro {

namespace {

task_told told(const pool_state& s, task_elsewhere&& t, std::uint64_t start) {
    const auto worker = s.workers.find(s.core->held(t.invocation)->worker);
    return {t.invocation,
            std::move(t.task.job),
            std::move(t.task.path),
            std::move(t.demands),
            true,
            worker == s.workers.end() ? std::string{} : worker->second.info.shard.value,
            start};
}

// What its job offered before it had heard of it is no offer.
void note_unseen(pool_ptr self, std::uint32_t from, const task_told& t) {
    auto& s = self->state;
    const auto job = s.jobs.find(t.job);
    if (job != s.jobs.end() && from < job->second.seen.size() && job->second.seen[from] >= t.start) return;
    s.unseen_elsewhere[t.job].push_back({from, t.start, t.path.front()});
    const auto node = s.nodes ? s.nodes->find(t.path.front()) : std::nullopt;
    if (const auto index = s.core->find_job(t.job); index && node) s.core->remove_pending(*index, std::array{*node});
}

}  // namespace

bool is_settled(const pool_state& s) {
    const auto version = s.nodes ? s.nodes->version() : 0;
    for (std::uint32_t p = 0; p < s.peers.size(); ++p)
        if (p != s.links.part.number && s.peers[p].forest_version != version) return false;
    return true;
}

void forget_seen_elsewhere(pool_state& s, const job_id& job, const std::vector<std::uint64_t>& seen) {
    const auto unseen = s.unseen_elsewhere.find(job);
    if (unseen == s.unseen_elsewhere.end()) return;
    std::erase_if(unseen->second, [&](const auto& start) { return seen.at(start.pool) >= start.number; });
    if (unseen->second.empty()) s.unseen_elsewhere.erase(unseen);
}

void tell_all_elsewhere(pool_ptr self) {
    auto& s = self->state;
    if (s.peers.empty()) return;
    const auto own = s.links.part.number;
    const auto count = s.links.part.count;
    std::vector<tasks_elsewhere> messages(
        count, tasks_elsewhere{own, s.nodes->version(), true, {}, s.core->next_invocation()});
    s.elsewhere.clear();
    for (auto& t : s.core->held_elsewhere()) {
        const auto pool = t.partition;
        s.elsewhere[t.invocation].push_back(pool);
        messages[pool].tasks.push_back(told(s, std::move(t), 0));
    }
    for (const auto& [name, job] : s.jobs)
        for (const auto& start : job.unseen)
            if (start.node.valid())
                if (const auto pool = partition_of(*s.nodes, start.node, count); pool != own)
                    messages[pool].tasks.push_back(
                        {{}, name, {std::string{s.nodes->name(start.node)}}, {}, false, {}, start.number});
    for (std::uint32_t p = 0; p < count; ++p)
        if (p != own) self->send(s.peers[p].actor, std::move(messages[p]));
}

void tell_elsewhere(pool_ptr self, invocation_id invocation, std::uint64_t start) {
    auto& s = self->state;
    if (s.peers.empty() || !s.nodes) return;  // with the forest, all is told
    for (auto& t : s.core->held_elsewhere(invocation)) {
        const auto pool = t.partition;
        auto& told_to = s.elsewhere[invocation];
        if (std::find(told_to.begin(), told_to.end(), pool) == told_to.end()) told_to.push_back(pool);
        tasks_elsewhere m{s.links.part.number, s.nodes->version(), false, {}, s.core->next_invocation()};
        m.tasks.push_back(told(s, std::move(t), start));
        self->send(s.peers[pool].actor, std::move(m));
    }
}

void tell_ended_elsewhere(pool_ptr self, const job_id& job, const node_id& node, std::uint64_t start) {
    auto& s = self->state;
    const auto index = s.peers.empty() || !s.nodes ? std::nullopt : s.nodes->find(node.value);
    if (!index) return;
    const auto pool = partition_of(*s.nodes, *index, s.links.part.count);
    if (pool == s.links.part.number) return;
    self->send(s.peers[pool].actor, tasks_elsewhere{s.links.part.number,
                                                    s.nodes->version(),
                                                    false,
                                                    {{{}, job, {node.value}, {}, false, {}, start}},
                                                    s.core->next_invocation()});
}

void tell_end_elsewhere(pool_ptr self, invocation_id invocation) {
    auto& s = self->state;
    const auto told_to = s.elsewhere.find(invocation);
    if (told_to == s.elsewhere.end()) return;
    send_news(self);  // what starts there for that reason comes later in the event log
    for (const auto pool : told_to->second)
        self->send(s.peers[pool].actor, elsewhere_ended{s.links.part.number, {invocation}});
    s.elsewhere.erase(told_to);
}

void take_elsewhere(pool_ptr self, const tasks_elsewhere& m) {
    auto& s = self->state;
    auto& peer = s.peers[m.from];
    if (m.replaces) {
        peer.forest_version = m.forest_version;
        for (const auto& [invocation, worker] : std::exchange(peer.running, {})) s.core->finish(invocation);
        // It tells them again.
        for (auto& [job, starts] : s.unseen_elsewhere)
            std::erase_if(starts, [&](const auto& start) { return start.pool == m.from; });
        std::erase_if(s.unseen_elsewhere, [](const auto& unseen) { return unseen.second.empty(); });
    }
    for (const auto& t : m.tasks) {
        if (t.runs && peer.running.emplace(t.invocation, t.worker).second)
            s.core->adopt(t.invocation, {t.job, t.path, {}}, t.demands);
        if (t.start > 0) note_unseen(self, m.from, t);
    }
    skip_ids(self, m.next);
}

void skip_ids(pool_ptr self, invocation_id to) {
    auto& s = self->state;
    s.core->skip_invocations(to);
    s.next_told = std::max(s.next_told, to);
}

void tell_ids(pool_ptr self) {
    auto& s = self->state;
    const auto next = s.core->next_invocation();
    if (s.peers.empty() || next.value < s.next_told.value + max_id_drift * s.links.part.count) return;
    s.next_told = next;
    for (std::uint32_t p = 0; p < s.peers.size(); ++p)
        if (p != s.links.part.number) self->send(s.peers[p].actor, ids_reached{next});
}

void forget_job_elsewhere(pool_ptr self, const job_id& job) {
    auto& s = self->state;
    s.unseen_elsewhere.erase(job);
    for (std::uint32_t p = 0; p < s.peers.size(); ++p)
        if (p != s.links.part.number) self->send(s.peers[p].actor, job_forgotten{s.links.part.number, job});
}

void take_forgotten(pool_state& s, const job_forgotten& m) {
    const auto unseen = s.unseen_elsewhere.find(m.job);
    if (unseen == s.unseen_elsewhere.end()) return;
    std::erase_if(unseen->second, [&](const auto& start) { return start.pool == m.from; });
    if (unseen->second.empty()) s.unseen_elsewhere.erase(unseen);
}

slot_report report_slots(const pool_state& s) {
    slot_report report;
    const auto add = [&](worker_index worker, std::span<const std::int64_t> used) {
        report.used.push_back({worker, {used.begin(), used.end()}});
    };
    add({}, s.core->used(forest::instance()));
    for (const auto worker : s.core->workers().all()) add(worker, s.core->workers().used(worker));
    report.claims = s.core->claims(max_slot_claims, max_host_claims);
    return report;
}

void ask_for_leases(pool_ptr self) {
    auto& s = self->state;
    const bool wanted = s.core->lacks_leases();
    // Something has happened that may make a difference; the scheduler, which asks seldom where nothing does, wants to
    // know once.
    const bool has_news = (s.some_ended && (s.others_wait || wanted)) || (wanted && s.core->refusals() != s.refusals);
    const bool speaks_up = has_news && !s.spoke_up;
    if (wanted == std::exchange(s.wanted, wanted) && !speaks_up) return;
    s.spoke_up = s.spoke_up || speaks_up;
    self->send(caf::actor_cast<scheduler_actor>(s.links.scheduler), slots_wanted{s.links.part.number, wanted});
}

}  // namespace bistro
