// Why a task waits, put together from what its job, the pool and the store know.
#include "actors/scheduler_parts.hpp"

namespace bistro {

namespace {

using promise_type = caf::typed_response_promise<explanation>;

void give_answer(scheduler_ptr self, explanation e, promise_type promise) {
    // Pools know that nothing starts, but not why.
    if (const auto reason = suspended_reason(self->state); !reason.empty()) {
        if (e.cause == "scheduler_disabled") e.text = reason;
        for (auto& group : e.groups)
            if (group.cause == "scheduler_disabled") group.text = "since " + reason;
    }
    promise.deliver(std::move(e));
}

// All pools use the instance and the workers, so all may hold some of what is short there.
void ask_others(scheduler_ptr self, std::size_t asked_already, const blocker& why, explanation e,
                const promise_type& promise) {
    auto answer = std::make_shared<explanation>(std::move(e));
    auto missing = std::make_shared<std::size_t>(1);
    const auto one_less = [=] {
        if (--*missing == 0) give_answer(self, std::move(*answer), promise);
    };
    const auto& nodes = self->state.forest ? self->state.forest->nodes : nullptr;
    const bool is_shared =
        why.what == blocker::kind::worker_resource || (nodes && why.place == nodes->name(forest::instance()));
    for (std::size_t p = 0; is_shared && p < self->state.pools.size(); ++p) {
        if (p == asked_already) continue;
        ++*missing;
        self->request<caf::message_priority::high>(self->state.pools[p], local_request_timeout, holders_asked{why})
            .then(
                [=](const holders_answer& m) {
                    for (const auto& holder : m.holders) {
                        if (answer->holders.size() < max_holders)
                            answer->holders.push_back(holder);
                        else
                            ++answer->other_holders;
                    }
                    answer->other_holders += m.others;
                    one_less();
                },
                [=](const caf::error&) { one_less(); });
    }
    one_less();
}

void ask_pool_of_task(scheduler_ptr self, explanation e, promise_type promise) {
    const auto& s = self->state;
    const auto node = s.forest && s.forest->nodes ? s.forest->nodes->find(e.node.value) : std::nullopt;
    const auto pool = node ? partition_of(*s.forest->nodes, *node, static_cast<std::uint32_t>(s.pools.size())) : 0;
    self->request<caf::message_priority::high>(s.pools[pool], local_request_timeout, waiting_asked{e.job, e.node})
        .then(
            [=](const waiting_explained& m) mutable {
                add_blocker(e, m.why);
                e.holders = m.holders;
                e.other_holders = m.other_holders;
                ask_others(self, pool, m.why, std::move(e), promise);
            },
            [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
}

void ask_pools_of_job(scheduler_ptr self, explanation e, promise_type promise) {
    auto all = std::make_shared<std::vector<blocked_tasks>>();
    auto missing = std::make_shared<std::size_t>(self->state.pools.size());
    for (const auto& pool : self->state.pools)
        self->request<caf::message_priority::high>(pool, local_request_timeout, waiting_asked{e.job, {}})
            .then(
                [=](const waiting_explained& m) mutable {
                    merge_waiting(*all, m.all);
                    if (--*missing > 0) return;
                    add_groups(e, *all);
                    give_answer(self, std::move(e), promise);
                },
                [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
}

void ask_store(scheduler_ptr self, const explanation& e, promise_type promise) {
    auto told = [=](const attempts_answer& m) mutable {
        auto answer = e;
        if (!m.attempts.empty() && m.attempts.front().ended)
            answer.last_attempt =
                describe_end(m.attempts.front().end) + ", on worker " + m.attempts.front().start.worker;
        promise.deliver(std::move(answer));
    };
    // The history adds to the answer; without it there is still one.
    self->request<caf::message_priority::high>(self->state.options.store, local_request_timeout,
                                               attempts_asked{e.job, e.node, 1})
        .then(told, [=](const caf::error&) mutable { promise.deliver(e); });
}

}  // namespace

caf::result<explanation> explain(scheduler_ptr self, const explain_asked& m) {
    const auto job = self->state.jobs.find(m.job);
    if (job == self->state.jobs.end()) return caf::make_error(not_there, unknown_job(self->state, m.job));
    auto promise = self->make_response_promise<explanation>();
    self->request<caf::message_priority::high>(job->second.actor, local_request_timeout, m)
        .then(
            [=](explanation& e) mutable {
                if (e.node.empty())
                    ask_pools_of_job(self, std::move(e), promise);
                else if (e.cause == "starts_next")
                    ask_pool_of_task(self, std::move(e), promise);
                else if (e.cause == "failed" || e.cause == "backoff")
                    ask_store(self, e, promise);
                else
                    promise.deliver(std::move(e));
            },
            [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
}

}  // namespace bistro
