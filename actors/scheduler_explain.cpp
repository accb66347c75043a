// Why a task waits, put together from what its job, the pool and the store know.
#include "actors/scheduler_parts.hpp"

namespace bistro {

namespace {

using promise_type = caf::typed_response_promise<explanation>;

void ask_pool(scheduler_ptr self, explanation e, promise_type promise) {
    auto told = [=](const waiting_explained& m) mutable {
        if (e.node.empty()) {
            add_groups(e, m.all);
        } else {
            add_blocker(e, m.why);
            e.holders = m.holders;
            e.other_holders = m.other_holders;
        }
        // The pool knows that nothing starts, but not why.
        if (const auto reason = suspended_reason(self->state); !reason.empty()) {
            if (e.cause == "scheduler_disabled") e.text = reason;
            for (auto& group : e.groups)
                if (group.cause == "scheduler_disabled") group.text = "since " + reason;
        }
        promise.deliver(std::move(e));
    };
    self->request<caf::message_priority::high>(self->state.pool, local_request_timeout, waiting_asked{e.job, e.node})
        .then(told, [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
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
                if (e.node.empty() || e.cause == "starts_next")
                    ask_pool(self, std::move(e), promise);
                else if (e.cause == "failed" || e.cause == "backoff")
                    ask_store(self, e, promise);
                else
                    promise.deliver(std::move(e));
            },
            [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
}

}  // namespace bistro
