#include "actors/worker.hpp"

#include <caf/all.hpp>

#include "actors/console/observed.hpp"
#include "actors/program_log.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = worker_actor::stateful_pointer<worker_state>;

time_ms now(self_ptr self) { return self->state.options.run.now(); }

void wake_in(self_ptr self, time_ms wait) {
    self->delayed_send(self, std::chrono::milliseconds{wait}, wake_due{++self->state.wake_generation});
}
void schedule_wakeup(self_ptr self) { wake_in(self, self->state.side->next_wake_ms(now(self))); }

void end_if_done(self_ptr self) {
    auto& s = self->state;
    if (!s.side->may_end()) return;
    if (s.side->is_member())
        self->send(caf::actor_cast<scheduler_actor>(s.scheduler), goodbye{s.side->index(), s.options.who.instance});
    if (const auto lost = s.side->lost_results(); lost > 0)
        s.end_reason += "; nobody took the results of " + counted(lost, "task") + ", so these will run again";
    if (s.side->fenced() > 0)
        log_of(log_part::worker)
            .info("worker {}: {} of earlier sessions dropped", s.options.who.info.shard.value,
                  counted(s.side->fenced(), "message"));
    if (s.options.on_end) s.options.on_end(s.end_reason, s.side->lost_results() == 0);
    self->quit();
}

void say_that_it_leaves(self_ptr self) {
    auto& s = self->state;
    if (s.side->is_member() && !s.side->is_local())
        self->send(caf::actor_cast<scheduler_actor>(s.scheduler),
                   worker_leaves{s.side->index(), s.options.who.instance});
}

void stop_all(self_ptr self, const std::string& reason) {
    auto& s = self->state;
    if (!s.side->stop(now(self))) return;
    s.end_reason = reason;
    say_that_it_leaves(self);
    for (auto& [invocation, task] : s.tasks) self->send(task, stop_task{reason, true});
    schedule_wakeup(self);
    end_if_done(self);
}

// The reaper lets what runs live for so long, whatever becomes of this process.
void keep_alive(self_ptr self) {
    auto& s = self->state;
    if (const auto left = s.side->left_to_live(now(self)))
        if (!s.options.launcher->keep_alive(std::chrono::milliseconds{*left}))
            stop_all(self, "the process that ends its tasks should it die itself (bistro.reaper) is gone");
}

// -- tasks ------------------------------------------------------------------------------------------------------------

void send_results(self_ptr self, std::vector<finished_task> ends) {
    auto& s = self->state;
    if (ends.empty() || !s.side->is_member()) return;
    const auto count = static_cast<std::uint32_t>(s.pools.size());
    std::vector<std::vector<finished_task>> by_pool(count);
    if (count == 1) {
        by_pool.front() = std::move(ends);
    } else {
        for (auto& finished : ends)
            by_pool[partition_of(finished.end.invocation, count)].push_back(std::move(finished));
    }
    for (std::uint32_t p = 0; p < count; ++p)
        if (!by_pool[p].empty())
            self->send(caf::actor_cast<pool_actor>(s.pools[p]),
                       tasks_finished{s.side->index(), s.side->session(), std::move(by_pool[p])});
}

void carry_out(self_ptr self, worker_side::carried_out&& orders) {
    auto& s = self->state;
    for (auto& [order, command] : orders.launches) {
        auto actor =
            spawn_child(self, task_behavior, order, command,
                        task_links{caf::actor_cast<caf::strong_actor_ptr>(self), s.options.logs, s.options.launcher},
                        s.options.run);
        launch_task(actor, *order, *command, s.options.who.info.shard.value, s.options.data_dir, *s.options.launcher);
        s.tasks.emplace(order->invocation, std::move(actor));
    }
    send_results(self, std::move(orders.ends));
}

void take_end(self_ptr self, const task_ended& m) {
    auto& s = self->state;
    auto finished = s.side->ended(m.end, now(self));
    if (!finished) return;
    s.tasks.erase(m.end.invocation);
    send_results(self, {*std::move(finished)});
    if (s.side->is_stopping() && s.side->runs_nothing()) schedule_wakeup(self);
}

// -- membership -------------------------------------------------------------------------------------------------------

void look_for_gateway(self_ptr self, time_ms wait) {
    auto& s = self->state;
    s.gateway = nullptr;
    if (!s.options.connector) return;
    const auto connector = caf::actor_cast<connector_actor>(s.options.connector);
    if (wait > 0)
        self->delayed_send(connector, std::chrono::milliseconds{wait}, gateway_wanted{});
    else
        self->send(connector, gateway_wanted{});
}

void take_welcome(self_ptr self, std::uint64_t session, const welcome& m) {
    auto& s = self->state;
    const auto& shard = s.options.who.info.shard.value;
    using reception = worker_side::reception;
    switch (s.side->welcomed(session, m.verdict, m.worker, m.timeouts, now(self))) {
        case reception::void_: return;
        case reception::joined:
            if (!s.side->is_local()) log_of(log_part::worker).info("worker {} has joined its scheduler", shard);
            [[fallthrough]];
        case reception::rejoined:
            s.scheduler = m.scheduler;
            s.pools = m.pools;
            s.side->take_orders_of(static_cast<std::uint32_t>(m.pools.size()));
            s.cluster = m.cluster;
            s.last_reason.clear();
            keep_alive(self);
            send_results(self, s.side->results());  // some may have ended since the hello
            carry_out(self, s.side->take_early_orders(now(self)));
            if (s.side->is_stopping()) say_that_it_leaves(self);
            if (s.side->is_local()) return;
            break;
        case reception::not_yet:
            if (std::exchange(s.last_reason, m.reason) != m.reason)
                log_of(log_part::worker).warn("worker {}: {}", shard, m.reason);
            break;
        case reception::given_up: return stop_all(self, m.reason);
    }
    schedule_wakeup(self);
}

void hello_failed(self_ptr self, std::uint64_t session, const caf::error& e) {
    auto& s = self->state;
    const auto& shard = s.options.who.info.shard.value;
    if (e == refusal) {
        using meaning = worker_side::refusal_meaning;
        switch (s.side->refused(session, now(self))) {
            case meaning::void_: return;
            case meaning::final: return stop_all(self, "the scheduler refuses it: " + reason_of(e));
            case meaning::first:
                log_of(log_part::worker).warn("worker {}: the scheduler refuses it: {}", shard, reason_of(e));
                break;
            case meaning::again: break;
        }
    } else {
        if (!s.side->unanswered(session)) return;
        log_of(log_part::worker).warn("worker {}: the scheduler does not answer: {}", shard, reason_of(e));
    }
    look_for_gateway(self, hello_retry_wait_ms);
}

void say_hello(self_ptr self) {
    auto& s = self->state;
    auto greeting = s.side->say_hello(now(self));
    if (!greeting) return;
    hello m;
    m.secret = s.options.secret;
    m.cluster = s.cluster;
    m.who = s.options.who;
    m.session = greeting->session;
    m.running = std::move(greeting->running);
    m.unacknowledged = std::move(greeting->unacknowledged);
    m.worker = caf::actor_cast<caf::strong_actor_ptr>(self);
    self->request(caf::actor_cast<gateway_actor>(s.gateway), local_request_timeout, std::move(m))
        .then(
            [=, session = greeting->session](const welcome& answer) {
                if (valid(answer))
                    take_welcome(self, session, answer);
                else
                    hello_failed(self, session, make_error(refusal, "its welcome is not valid"));
            },
            [=, session = greeting->session](const caf::error& e) { hello_failed(self, session, e); });
}

void send_heartbeat(self_ptr self) {
    auto& s = self->state;
    // A late answer is as good, since it counts from when this was sent. Silence is judged by the time.
    self->request(caf::actor_cast<scheduler_actor>(s.scheduler),
                  std::chrono::milliseconds{s.side->timeouts().worker_deadline_ms()},
                  heartbeat{s.side->index(), s.options.who.instance, true})
        .then(
            [=, session = s.side->session(), sent_ms = now(self)](const heartbeat& answer) {
                auto& side = *self->state.side;
                if (session != side.session()) return;
                if (!answer.known) return say_hello(self);
                side.heard(session, sent_ms);
                keep_alive(self);
            },
            [=](const caf::error&) {});
}

void wake(self_ptr self) {
    auto& s = self->state;
    using wakeup = worker_side::wakeup;
    switch (s.side->wake(now(self))) {
        case wakeup::stop:
            if (s.side->is_stopping()) return end_if_done(self);
            return stop_all(
                self, "the scheduler has not been heard for " + duration_text(s.side->timeouts().worker_deadline_ms()));
        case wakeup::end: return end_if_done(self);
        case wakeup::send_heartbeat: send_heartbeat(self); break;
        case wakeup::say_hello: say_hello(self); break;
        case wakeup::nothing: break;
    }
    schedule_wakeup(self);
}

}  // namespace

worker_actor::behavior_type worker_behavior(self_ptr self, worker_options options) {
    auto& s = self->state;
    s.side.emplace(options.first_session, options.who.local);
    s.options = std::move(options);
    self->set_down_handler([=](const caf::down_msg& m) {
        auto& state = self->state;
        const bool ours = state.gateway && state.gateway->address() == m.source;
        if (!ours) return;
        log_of(log_part::worker)
            .warn("worker {}: the connection to the scheduler is lost", state.options.who.info.shard.value);
        state.side->disconnected();
        look_for_gateway(self, 0);
        schedule_wakeup(self);
    });
    // Task actors do not outlive their worker: they hold on to the launcher.
    self->set_exit_handler([=](caf::exit_msg& m) {
        for (auto& [invocation, task] : self->state.tasks) self->send_exit(task, m.reason);
        self->quit(std::move(m.reason));
    });
    look_for_gateway(self, 0);
    return {
        [=](start_tasks& m) {
            if (!valid(m)) return;
            auto orders = self->state.side->take_orders(std::move(m), now(self));
            if (orders.too_many) return say_hello(self);
            carry_out(self, std::move(orders));
        },
        [=](const acknowledge_results& m) {
            if (!valid(m)) return;
            self->state.side->acknowledged(m.session, m.invocations);
            end_if_done(self);
        },
        [=](const kill_invocations& m) {
            if (!valid(m) || !self->state.side->is_current(m.session)) return;
            for (auto invocation : m.invocations)
                if (auto found = self->state.tasks.find(invocation); found != self->state.tasks.end())
                    self->send(found->second, stop_task{m.reason, m.blameless});
        },
        [=](const task_ended& m) { take_end(self, m); },
        [=](const stop_worker&) { stop_all(self, "the worker was stopped"); },
        [=](const gateway_found& m) {
            self->state.gateway = m.gateway;
            self->state.options.secret = m.secret;
            self->monitor(caf::actor_cast<gateway_actor>(m.gateway));
            self->state.side->connected();
            say_hello(self);
        },
        [=](const wake_due& m) {
            if (m.generation == self->state.wake_generation) wake(self);
        },
        // Not delegated: an actor that answers a remote peer itself is kept alive by CAF, and a detached one must end.
        [=](console_asked& m) -> caf::result<console_answer> {
            const auto& console = self->state.options.console;
            if (console && valid(m)) return self->delegate(caf::actor_cast<console_actor>(console), std::move(m));
            return caf::make_error(not_possible, std::string{"this process has no console"});
        },
        [=](const logs_asked& m) -> caf::result<logs_answer> {
            auto promise = self->make_response_promise<logs_answer>();
            // Behind all lines of what has ended before.
            self->request(self->state.options.logs, local_request_timeout, m)
                .then([=](logs_answer& answer) mutable { promise.deliver(std::move(answer)); },
                      [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
            return promise;
        },
    };
}

}  // namespace bistro
