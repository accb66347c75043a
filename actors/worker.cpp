#include "actors/worker.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = worker_actor::stateful_pointer<worker_state>;

void say_hello(self_ptr self);
void take_orders(self_ptr self, start_tasks& m);

bool local(self_ptr self) { return self->state.options.who.local; }

void end(self_ptr self) {
    auto& s = self->state;
    if (s.scheduler && s.member)
        self->send(caf::actor_cast<scheduler_actor>(s.scheduler), goodbye{s.index, s.options.who.instance});
    if (s.options.on_end) s.options.on_end(s.end_reason);
    self->quit();
}

void end_if_done(self_ptr self) {
    auto& s = self->state;
    if (s.stopping && s.running.empty() && s.unacknowledged.empty()) end(self);
}

void stop_all(self_ptr self, const std::string& reason) {
    auto& s = self->state;
    if (std::exchange(s.stopping, true)) return;
    s.end_reason = reason;
    if (s.member && !local(self))
        self->send(caf::actor_cast<scheduler_actor>(s.scheduler), worker_leaves{s.index, s.options.who.instance});
    for (auto& [invocation, task] : s.running) self->send(task.actor, stop_task{reason, true});
    if (s.running.empty()) self->delayed_send(self, farewell_wait, wake_due{++s.wake_generation});
    end_if_done(self);
}

// The scheduler may be about to run its tasks elsewhere.
bool overdue(self_ptr self) {
    const auto& s = self->state;
    return s.ever_member && !local(self) && s.options.run.now() - s.last_heard_ms >= s.timeouts.worker_deadline_ms();
}

// A sign of life from the scheduler, that answers what was sent at `sent_ms`. It counted from some moment after that,
// so counting from there errs to the safe side.
void heard(self_ptr self, time_ms sent_ms) {
    auto& s = self->state;
    s.last_heard_ms = std::max(s.last_heard_ms, sent_ms);
    if (local(self)) return;
    const auto left = s.last_heard_ms + s.timeouts.reaper_deadline_ms() - s.options.run.now();
    s.options.launcher->keep_alive(std::chrono::milliseconds{std::max<time_ms>(left, 0)});
}

// -- membership -------------------------------------------------------------------------------------------------------

void schedule_wakeup(self_ptr self) {
    const auto& s = self->state;
    auto wait = s.member ? std::chrono::milliseconds{s.timeouts.heartbeat_ms} : hello_retry_wait;
    if (s.ever_member && !local(self)) {
        const auto left = s.last_heard_ms + s.timeouts.worker_deadline_ms() - s.options.run.now();
        wait = std::min(wait, std::chrono::milliseconds{std::max<time_ms>(left, 1)});
    }
    self->delayed_send(self, wait, wake_due{++self->state.wake_generation});
}

void reconnect(self_ptr self) {
    auto& s = self->state;
    s.member = false;
    s.gateway = nullptr;
    if (s.options.connector) self->send(caf::actor_cast<connector_actor>(s.options.connector), gateway_wanted{});
}

void send_results(self_ptr self) {
    auto& s = self->state;
    tasks_finished m{s.index, {}};
    for (const auto& [invocation, finished] : s.unacknowledged) m.ends.push_back(finished);
    self->send(caf::actor_cast<pool_actor>(s.pool), std::move(m));
}

void take_welcome(self_ptr self, const welcome& m) {
    auto& s = self->state;
    if (!valid(m) || s.stopping) return;
    switch (m.verdict) {
        case hello_verdict::joined:
        case hello_verdict::rejoined:
            if (!m.scheduler || !m.pool) return;
            // On its way for so long, it says nothing of now.
            if (!local(self) && s.options.run.now() - s.hello_sent_ms >= m.timeouts.worker_deadline_ms()) break;
            if (!s.ever_member && !local(self))
                spdlog::info("worker {} has joined its scheduler", s.options.who.info.shard.value);
            s.member = s.ever_member = true;
            s.refused_since_ms.reset();
            s.index = m.worker;
            s.timeouts = m.timeouts;
            s.scheduler = m.scheduler;
            s.pool = m.pool;
            heard(self, s.hello_sent_ms);
            // What ended since the hello is not in it.
            if (!s.unacknowledged.empty()) send_results(self);
            for (auto& orders : std::exchange(s.early_orders, {})) take_orders(self, orders);
            break;
        case hello_verdict::shard_taken:
            s.refused_since_ms.reset();
            spdlog::warn("worker {}: {}", s.options.who.info.shard.value, m.reason);
            break;
        case hello_verdict::given_up: stop_all(self, m.reason); break;
    }
    if (!local(self) || !s.member) schedule_wakeup(self);
}

void hello_failed(self_ptr self, const caf::error& e) {
    auto& s = self->state;
    const auto now = s.options.run.now();
    if (e == refusal) {
        const bool first = !s.refused_since_ms;
        if (first) s.refused_since_ms = now;
        // One that was welcome before has tasks, and a deadline that ends it.
        if (!s.ever_member && now - *s.refused_since_ms >= refusal_patience.count())
            return stop_all(self, "the scheduler refuses it: " + reason_of(e));
        if (first)
            spdlog::warn("worker {}: the scheduler refuses it: {}", s.options.who.info.shard.value, reason_of(e));
    } else {
        s.refused_since_ms.reset();
        spdlog::warn("worker {}: the scheduler does not answer: {}", s.options.who.info.shard.value, reason_of(e));
    }
    s.gateway = nullptr;
    if (s.options.connector)
        self->delayed_send(caf::actor_cast<connector_actor>(s.options.connector), hello_retry_wait, gateway_wanted{});
}

void say_hello(self_ptr self) {
    auto& s = self->state;
    // Given up perhaps, and forgotten by a scheduler that has restarted since, an overdue worker must not come back.
    // And a hello voids the one before it.
    if (!s.gateway || s.hello_under_way || overdue(self)) return;
    s.hello_under_way = true;
    hello m;
    m.secret = s.options.secret;
    m.who = s.options.who;
    m.session = ++s.session;
    s.early_orders.clear();
    for (const auto& [invocation, task] : s.running)
        m.running.push_back({invocation, task.order->job, task.order->node, task.order->path, task.started_ms});
    for (const auto& [invocation, finished] : s.unacknowledged) m.unacknowledged.push_back(finished);
    m.worker = caf::actor_cast<caf::strong_actor_ptr>(self);
    s.hello_sent_ms = s.options.run.now();
    const auto sent = s.session;
    self->request(caf::actor_cast<gateway_actor>(s.gateway), local_request_timeout, std::move(m))
        .then(
            [=](const welcome& answer) {
                if (sent != self->state.session) return;
                self->state.hello_under_way = false;
                take_welcome(self, answer);
            },
            [=](const caf::error& e) {
                if (sent != self->state.session) return;
                self->state.hello_under_way = false;
                if (self->state.stopping) return;
                hello_failed(self, e);
            });
}

void send_heartbeat(self_ptr self) {
    auto& s = self->state;
    const auto sent_ms = s.options.run.now();
    const auto session = s.session;
    // A late answer is as good, since it counts from when this was sent.
    self->request(caf::actor_cast<scheduler_actor>(s.scheduler),
                  std::chrono::milliseconds{s.timeouts.worker_deadline_ms()},
                  heartbeat{s.index, s.options.who.instance, true})
        .then(
            [=](const heartbeat& answer) {
                auto& state = self->state;
                if (session != state.session) return;
                if (answer.known)
                    heard(self, sent_ms);
                else
                    say_hello(self);
            },
            [=](const caf::error&) {});  // silence is judged by the time
}

void wake(self_ptr self) {
    auto& s = self->state;
    if (overdue(self)) {
        stop_all(self, "the scheduler has not been heard for " + duration_text(s.timeouts.worker_deadline_ms()));
        s.unacknowledged.clear();  // nobody is there to take them in time
        return end_if_done(self);
    }
    if (s.stopping && s.running.empty()) {  // farewell_wait is over
        s.unacknowledged.clear();
        return end_if_done(self);
    }
    if (s.member)
        send_heartbeat(self);
    else if (s.gateway)
        say_hello(self);
    schedule_wakeup(self);
}

// -- tasks ------------------------------------------------------------------------------------------------------------

// An order that is not carried out is answered, or its task would count as running for ever.
void refuse(self_ptr self, const task_order& order, const std::string& reason) {
    auto& s = self->state;
    if (!s.member || s.running.contains(order.invocation) || s.unacknowledged.contains(order.invocation)) return;
    finished_task refused{order.job, order.node, {}};
    refused.end.invocation = order.invocation;
    refused.end.result = attempt_result::never_started;
    refused.end.ended_ms = s.options.run.now();
    refused.end.reason = reason;
    self->send(caf::actor_cast<pool_actor>(s.pool), tasks_finished{s.index, {std::move(refused)}});
}

// `done` takes what has ended already.
void start(self_ptr self, task_order&& order, std::vector<finished_task>& done) {
    auto& s = self->state;
    if (s.stopping) return refuse(self, order, "the worker is stopping");
    // Its wakeup, which ends it, may come just behind this order; so may a sign of life that was on its way for long.
    if (overdue(self)) return refuse(self, order, "the order came when the worker might have been given up");
    if (order.invocation <= s.last_started) return refuse(self, order, "the order came twice or too late");
    s.last_started = order.invocation;
    auto command = s.commands.find(order.job);
    if (command == s.commands.end()) return refuse(self, order, "the worker does not know the job");
    if (command->second->command.front() == null_command) {
        finished_task finished{std::move(order.job), std::move(order.node), {}};
        finished.end.invocation = order.invocation;
        finished.end.result = attempt_result::done;
        finished.end.ended_ms = s.options.run.now();
        s.unacknowledged.emplace(order.invocation, finished);
        done.push_back(std::move(finished));
        return;
    }
    const auto shared = std::make_shared<const task_order>(std::move(order));
    auto actor = self->spawn(
        task_behavior, shared, command->second,
        task_links{caf::actor_cast<caf::strong_actor_ptr>(self), s.options.logs, s.options.launcher}, s.options.run);
    launch_task(actor, *shared, *command->second, s.options.who.info.shard.value, s.options.data_dir,
                *s.options.launcher);
    s.running.emplace(shared->invocation, worker_state::running_task{std::move(actor), shared, s.options.run.now()});
}

void take_orders(self_ptr self, start_tasks& m) {
    auto& s = self->state;
    if (m.session != s.session || !valid(m)) return;
    // Sent by another actor than the welcome, they may come before it. Only that says until when they may be started.
    if (!s.member) {
        if (s.early_orders.size() < max_early_orders) return s.early_orders.push_back(std::move(m));
        s.hello_under_way = false;  // another hello, which knows of none of them, makes the pool offer them anew
        return say_hello(self);
    }
    for (auto& command : m.commands) {
        auto job = command.job;
        s.commands.insert_or_assign(std::move(job), std::make_shared<const job_command>(std::move(command)));
    }
    std::vector<finished_task> done;
    for (auto& order : m.tasks) start(self, std::move(order), done);
    if (!done.empty()) self->send(caf::actor_cast<pool_actor>(s.pool), tasks_finished{s.index, std::move(done)});
}

void take_end(self_ptr self, const task_ended& m) {
    auto& s = self->state;
    auto found = s.running.find(m.end.invocation);
    if (found == s.running.end()) return;
    const auto& order = *found->second.order;
    finished_task finished{order.job, order.node, m.end};
    s.running.erase(found);
    s.unacknowledged.emplace(m.end.invocation, finished);
    if (s.member) self->send(caf::actor_cast<pool_actor>(s.pool), tasks_finished{s.index, {std::move(finished)}});
    if (s.stopping && s.running.empty()) self->delayed_send(self, farewell_wait, wake_due{++s.wake_generation});
}

}  // namespace

worker_actor::behavior_type worker_behavior(self_ptr self, worker_options options) {
    auto& s = self->state;
    s.options = std::move(options);
    s.session = s.options.first_session;
    self->set_down_handler([=](const caf::down_msg& m) {
        auto& state = self->state;
        const bool ours = (state.gateway && state.gateway->address() == m.source);
        if (!ours || state.stopping) return;
        spdlog::warn("worker {}: the connection to the scheduler is lost", state.options.who.info.shard.value);
        reconnect(self);
        schedule_wakeup(self);
    });
    // Task actors do not outlive their worker: they hold on to the launcher.
    self->set_exit_handler([=](caf::exit_msg& m) {
        for (auto& [invocation, task] : self->state.running) self->send_exit(task.actor, m.reason);
        self->quit(std::move(m.reason));
    });
    if (s.options.connector) self->send(caf::actor_cast<connector_actor>(s.options.connector), gateway_wanted{});
    return {
        [=](start_tasks& m) { take_orders(self, m); },
        [=](const acknowledge_results& m) {
            for (auto invocation : m.invocations) self->state.unacknowledged.erase(invocation);
            end_if_done(self);
        },
        [=](const kill_invocations& m) {
            for (auto invocation : m.invocations)
                if (auto found = self->state.running.find(invocation); found != self->state.running.end())
                    self->send(found->second.actor, stop_task{m.reason, m.blameless});
        },
        [=](const task_ended& m) { take_end(self, m); },
        [=](const stop_worker&) { stop_all(self, "the worker was stopped"); },
        [=](const gateway_found& m) {
            self->state.gateway = m.gateway;
            self->state.hello_under_way = false;
            self->state.options.secret = m.secret;
            self->monitor(caf::actor_cast<gateway_actor>(m.gateway));
            say_hello(self);
        },
        [=](const wake_due& m) {
            if (m.generation == self->state.wake_generation) wake(self);
        },
        // Not delegated: an actor that answers a remote peer itself is kept alive by CAF, and a detached one must end.
        [=](const logs_asked& m) -> caf::result<logs_answer> {
            auto promise = self->make_response_promise<logs_answer>();
            self->request(self->state.options.logs, local_request_timeout, m)
                .then([=](logs_answer& answer) mutable { promise.deliver(std::move(answer)); },
                      [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
            return promise;
        },
    };
}

}  // namespace bistro
