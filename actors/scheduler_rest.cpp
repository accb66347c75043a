// When is everything at rest, and how does everything stop?
//
// Jobs tell each other and the pool what changed before they tell the scheduler, and messages within a process are in
// the receiver's mailbox when the sender goes on. So when every job has answered a question of the scheduler with
// "nothing of mine runs, is ready or waits for a time", nothing is under way either, unless a job changed after it had
// answered. So then the pools are asked, each behind what jobs have told it, whether they run anything that jobs have
// not heard of; and in a second round all jobs, which must not have changed since.
#include <algorithm>

#include "actors/scheduler_parts.hpp"

namespace bistro {

namespace {

// Tasks wait, and nothing that pools or this actor still have to tell each other will let one start.
bool is_stalled(const scheduler_state& s) {
    bool some = false;
    for (const auto& stall : s.stalls) {
        if (stall.expects) return false;
        some = some || !stall.reasons.empty();
    }
    return some;
}

bool looks_at_rest(const scheduler_state& s) {
    if (!s.nodes_failure.empty() && !s.stopping) return true;
    if (!s.forest && !s.stopping) return false;
    if (!suspended_reason(s).empty() && !s.stopping && s.config->engine.enabled) return false;
    return std::all_of(s.jobs.begin(), s.jobs.end(), [&](const auto& entry) {
        const auto& p = entry.second.progress;
        if (s.stopping) return s.pools_stopped && !p.counts.alive();
        return p.loaded && !p.counts.alive() && p.counts.backoff == 0 &&
               (p.counts.ready == 0 || is_stalled(s) || !s.config->engine.enabled);
    });
}

void finish(scheduler_ptr self) {
    auto& s = self->state;
    if (s.stopping) {
        if (s.stop_waiters.empty()) return;
        auto waiters = std::exchange(s.stop_waiters, {});
        // Nothing runs there any more, so after a restart nobody has to wait for those that are here; for others,
        // somebody has.
        auto batch = std::make_shared<status_batch>();
        for (const auto& [index, member] : s.registry.members())
            if (member.connected && !member.awaited)
                batch->forgotten_workers.push_back({member.who.info.shard, member.who.instance});
        caf::anon_send(s.options.store, record_statuses{std::move(batch)});
        auto answer = [=]() mutable {
            for (auto& waiter : waiters) waiter.deliver(stopped{});
        };
        self->request(s.options.store, local_request_timeout, flush_store{})
            .then([=](const recorded&) mutable { answer(); }, [=](const caf::error&) mutable { answer(); });
        return;
    }
    run_finished result;
    if (const auto nodes = s.problems.find("nodes"); nodes != s.problems.end()) result.nodes_problem = nodes->second;
    for (const auto& name : s.order)
        if (auto job = s.jobs.find(name); job != s.jobs.end()) result.jobs.push_back(job->second.progress);
    std::map<job_id, std::string> reasons;  // one of each job is enough
    for (const auto& stall : s.stalls) reasons.insert(stall.reasons.begin(), stall.reasons.end());
    result.stalled.assign(reasons.begin(), reasons.end());
    result.failure = s.nodes_failure;
    result.config = s.config;
    for (auto& waiter : std::exchange(s.quiescence_waiters, {})) waiter.deliver(result);
}

void ask_round(scheduler_ptr self);
void ask_pools(scheduler_ptr self);

// What came while a round was under way may have been the last word of all.
void check_what_was_missed(scheduler_ptr self) {
    if (std::exchange(self->state.round_missed, false)) check_quiescence(self);
}

void end_round(scheduler_ptr self, std::uint64_t changes) {
    auto& s = self->state;
    s.round_active = false;
    if (!looks_at_rest(s)) return check_what_was_missed(self);
    if (s.round_again && changes == s.round_changes) return finish(self);
    s.round_again = true;
    s.round_changes = changes;
    s.round_active = true;
    ask_pools(self);
}

// What jobs told pools before they answered is in the pools' mailboxes. Some may have started a task since, or be about
// to.
void ask_pools(scheduler_ptr self) {
    auto missing = std::make_shared<std::size_t>(self->state.pools.size());
    auto runs = std::make_shared<bool>(false);
    const auto answered = [=](const rest_answer* m) {
        auto& s = self->state;
        if (m != nullptr) {
            s.stalls[m->stall.pool] = m->stall;
            *runs = *runs || m->runs;
        }
        if (--*missing > 0) return;
        s.round_active = false;
        // Where something runs, its job has more to say, or has said it while others were asked.
        const bool goes_on = *runs && !s.stopping && s.nodes_failure.empty();
        if (goes_on || !looks_at_rest(s)) return check_what_was_missed(self);
        ask_round(self);
    };
    for (const auto& pool : self->state.pools)
        self->request(pool, local_request_timeout, rest_asked{})
            .then([=](const rest_answer& m) { answered(&m); },
                  [=](const caf::error&) {  // it is busy with something
                      self->state.round_missed = true;
                      *runs = true;
                      answered(nullptr);
                  });
}

void ask_round(scheduler_ptr self) {
    self->state.round_active = true;
    ask_progress(self, [=](std::uint64_t changes) { end_round(self, changes); });
}

}  // namespace

void ask_progress(scheduler_ptr self, const std::function<void(std::uint64_t changes)>& then) {
    auto& s = self->state;
    auto missing = std::make_shared<std::size_t>(s.jobs.size());
    auto sum = std::make_shared<std::uint64_t>(0);
    if (s.jobs.empty()) return then(0);
    auto answered = [=](const job_progress* p) {
        auto& state = self->state;
        if (p != nullptr) {
            *sum += p->changes;
            if (auto job = state.jobs.find(p->job); job != state.jobs.end()) job->second.progress = *p;
        }
        if (--*missing == 0) then(*sum);
    };
    for (const auto& [name, job] : s.jobs)
        self->request(job.actor, local_request_timeout, progress_asked{})
            .then([=](const job_progress& p) { answered(&p); }, [=](const caf::error&) { answered(nullptr); });
}

void kill(scheduler_ptr self, const kill_tasks& m, const std::function<void(std::uint64_t, const caf::error&)>& then) {
    const auto& pools = self->state.pools;
    auto missing = std::make_shared<std::size_t>(pools.size());
    auto sum = std::make_shared<std::uint64_t>(0);
    auto failure = std::make_shared<caf::error>();
    const auto answered = [=](std::uint64_t count) {
        *sum += count;
        if (--*missing == 0) then(*sum, *failure);
    };
    for (const auto& pool : pools)
        self->request(pool, local_request_timeout, m)
            .then([=](const control_answer& a) { answered(a.tasks); },
                  [=](caf::error& e) {
                      *failure = std::move(e);
                      answered(0);
                  });
}

void check_quiescence(scheduler_ptr self) {
    auto& s = self->state;
    s.round_missed = s.round_active;
    if (s.round_active || (s.quiescence_waiters.empty() && s.stop_waiters.empty()) || !looks_at_rest(s)) return;
    s.round_again = false;
    ask_round(self);
}

caf::result<run_finished> await_rest(scheduler_ptr self) {
    auto promise = self->make_response_promise<run_finished>();
    self->state.quiescence_waiters.push_back(promise);
    check_quiescence(self);
    return promise;
}

// Something does not end, or its end can't be stored. Nobody waits for that for ever.
void stop_anyway(scheduler_ptr self) {
    for (auto& waiter : std::exchange(self->state.stop_waiters, {})) waiter.deliver(stopped{});
}

caf::result<stopped> stop(scheduler_ptr self) {
    auto& s = self->state;
    auto promise = self->make_response_promise<stopped>();
    s.stop_waiters.push_back(promise);
    if (!std::exchange(s.stopping, true)) {
        configure_pools(self);
        // Before they answer, jobs hear of all that they have started.
        kill(self, {{}, {}, {}, "the scheduler was stopped", true}, [=](std::uint64_t, const caf::error&) {
            self->state.pools_stopped = true;
            check_quiescence(self);
        });
        std::int64_t longest_wait_s = 0;
        for (const auto& job : s.config->jobs) longest_wait_s = std::max(longest_wait_s, job.kill_wait_s);
        self->delayed_send(self, std::chrono::seconds{longest_wait_s} + stop_margin, stop_overdue{});
    }
    check_quiescence(self);
    return promise;
}

}  // namespace bistro
