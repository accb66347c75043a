// The scheduler's side of membership: who joins, who is silent, who is gone.
#include <algorithm>

#include "actors/program_log.hpp"
#include "actors/scheduler_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

void tell(scheduler_ptr self, event_kind kind, const shard_name& shard) {
    event e;
    e.at_ms = self->state.options.run.now();
    e.kind = kind;
    e.worker = shard.value;
    self->send(self->state.pools.front(), events_happened{{std::move(e)}});
}

void forget(scheduler_ptr self, worker_index worker, const shard_name& shard, std::uint64_t instance,
            const std::string& reason) {
    auto& s = self->state;
    s.worker_handles.erase(worker);
    tell(self, event_kind::worker_lost, shard);  // before what follows from it
    remove_account(self, worker);
    tell_pools(self, worker_gone{worker, reason});
    auto batch = std::make_shared<status_batch>();
    batch->forgotten_workers.push_back({shard, instance});
    caf::anon_send(s.options.store, record_statuses{std::move(batch)});
}

welcome given_up(const scheduler_state& s) {
    return {hello_verdict::given_up,
            {},
            s.config->liveness,
            "the scheduler had given this worker up, and runs its tasks elsewhere",
            {},
            {},
            s.options.cluster};
}

// Of an earlier life of this scheduler: what it has started itself is counted in already.
bool brings_tasks(const scheduler_state& s, const hello& m) {
    return std::any_of(m.running.begin(), m.running.end(),
                       [&](const task_report& r) { return r.invocation < s.options.first_invocation; });
}

// To each pool, what has an id of its own. When all of it is counted in, in all pools, nobody waits for this worker any
// more.
void tell_of_worker(scheduler_ptr self, const hello& m, worker_index worker) {
    auto& s = self->state;
    const auto count = static_cast<std::uint32_t>(s.pools.size());
    std::vector<worker_joined> messages(
        count, worker_joined{worker, m.who.info, m.worker, m.session, {}, {}, brings_tasks(s, m)});
    for (const auto& report : m.running) messages[partition_of(report.invocation, count)].running.push_back(report);
    for (const auto& finished : m.unacknowledged)
        messages[partition_of(finished.end.invocation, count)].unacknowledged.push_back(finished);
    auto missing = std::make_shared<std::size_t>(count);
    const auto taken = [=, instance = m.who.instance](const worker_taken&) {
        auto& state = self->state;
        if (--*missing > 0) return;
        const auto* member = state.registry.find(worker);
        if (member == nullptr || member->who.instance != instance) return;
        state.registry.confirm(worker);
        check_quiescence(self);
        if (state.starting_allowed != suspended_reason(state).empty()) configure_pools(self);
    };
    for (std::uint32_t p = 0; p < count; ++p)
        self->request(s.pools[p], caf::infinite, std::move(messages[p])).then(taken, [](const caf::error&) {});
}

// The worker may be sent tasks from now on.
welcome lease(scheduler_ptr self, const hello& m, hello_verdict verdict, worker_index worker) {
    auto& s = self->state;
    const auto* member = s.registry.find(worker);
    if (member == nullptr || member->who.instance != m.who.instance) return given_up(s);  // lost while it was recorded
    s.worker_handles[worker] = m.worker;
    self->monitor(caf::actor_cast<worker_actor>(m.worker));
    tell(self, event_kind::worker_up, m.who.info.shard);
    for (const auto& report : m.running) keep_job(self, report.job);
    for (const auto& finished : m.unacknowledged) keep_job(self, finished.job);
    tell_of_worker(self, m, worker);
    add_account(self, worker, brings_tasks(s, m));
    welcome answer{verdict, worker,           member->who.timeouts, {}, caf::actor_cast<caf::strong_actor_ptr>(self),
                   {},      s.options.cluster};
    for (const auto& pool : s.pools) answer.pools.push_back(caf::actor_cast<caf::strong_actor_ptr>(pool));
    return answer;
}

void tick_while_needed(scheduler_ptr self) {
    auto& s = self->state;
    const auto& members = s.registry.members();
    const bool needed = std::any_of(members.begin(), members.end(), [](const auto& m) { return !m.second.who.local; });
    if (!needed || std::exchange(s.ticking, true)) return;
    self->delayed_send(self, health_interval, wake_due{});
}

}  // namespace

caf::result<welcome> take_hello(scheduler_ptr self, const hello& m) {
    auto& s = self->state;
    auto who = m.who;
    who.timeouts = s.config->liveness;
    const auto& shard = who.info.shard;
    const auto answer = s.registry.hello(who, m.session, s.options.run.now());
    if (!answer) return caf::make_error(refusal, "a later hello of this worker came before it");
    const auto [verdict, worker] = *answer;
    switch (verdict) {
        case hello_verdict::shard_taken:
            return welcome{verdict,
                           {},
                           s.config->liveness,
                           "another worker with the shard name " + quote(shard.value) +
                               " is not lost yet; waiting for it, or choose another name with --shard",
                           {},
                           {},
                           s.options.cluster};
        case hello_verdict::given_up: return given_up(s);
        case hello_verdict::joined:
        case hello_verdict::rejoined: break;
    }
    tick_while_needed(self);
    if (who.local) return lease(self, m, verdict, worker);
    // Durable before its first task: after a restart this is what tells that tasks may still run there.
    auto batch = std::make_shared<status_batch>();
    batch->workers.push_back(s.registry.find(worker)->who);
    auto promise = self->make_response_promise<welcome>();
    self->request(s.options.store, local_request_timeout, record_statuses{std::move(batch)})
        .then([=, v = verdict, w = worker](const recorded&) mutable { promise.deliver(lease(self, m, v, w)); },
              [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
    return promise;
}

void take_goodbye(scheduler_ptr self, const goodbye& m) {
    auto& s = self->state;
    if (auto change = s.registry.left(m.worker, m.instance))
        forget(self, m.worker, change->shard, m.instance, "the worker left without a result of this task");
    check_quiescence(self);
}

void take_leaving(scheduler_ptr self, const worker_leaves& m) {
    if (!self->state.registry.leaves(m.worker, m.instance)) return;
    set_accepting(self, m.worker, false);
}

void judge_workers(scheduler_ptr self) {
    auto& s = self->state;
    for (const auto& change : s.registry.advance(s.options.run.now())) {
        switch (change.health) {
            case worker_health::lost:
                log_of(log_part::scheduler).warn("worker {} is lost", change.shard.value);
                forget(self, change.worker, change.shard, change.instance,
                       "the worker " + quote(change.shard.value) + " was lost");
                break;
            case worker_health::unhealthy:
                log_of(log_part::scheduler).warn("worker {} is not heard of; it gets no new tasks", change.shard.value);
                set_accepting(self, change.worker, false);
                tell(self, event_kind::worker_unhealthy, change.shard);
                break;
            case worker_health::healthy:
                tell(self, event_kind::worker_up, change.shard);
                if (!s.registry.find(change.worker)->leaving) set_accepting(self, change.worker, true);
                break;
            case worker_health::fresh: break;
        }
    }
    if (s.starting_allowed != suspended_reason(s).empty()) configure_pools(self);
    tick_while_needed(self);
    check_quiescence(self);
}

void lose_connection(scheduler_ptr self, const caf::actor_addr& worker) {
    auto& s = self->state;
    for (const auto& [index, handle] : s.worker_handles) {
        if (handle->address() != worker) continue;
        const auto* member = s.registry.find(index);
        if (member == nullptr || member->who.local) return;  // a local worker ends with this process
        if (auto change = s.registry.disconnected(index, member->who.instance)) {
            log_of(log_part::scheduler).warn("the connection to worker {} is lost", change->shard.value);
            set_accepting(self, index, false);
            tell(self, event_kind::worker_unhealthy, change->shard);
        }
        return;
    }
}

}  // namespace bistro
