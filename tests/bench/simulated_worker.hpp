// A worker for benchmarks: it takes orders like any other, and completes each task after a random duration.
#pragma once

#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <queue>
#include <random>
#include <vector>

#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "model/policies/policy.hpp"

namespace bistro::bench {

/// What the worker has done so far; read by other threads.
struct simulated_work {
    std::atomic<std::uint64_t> started{0};
    std::atomic<std::uint64_t> finished{0};
};

struct simulated_worker_state {
    using clock = std::chrono::steady_clock;
    struct running {
        clock::time_point ends;
        finished_task task;
        bool operator>(const running& other) const { return ends > other.ends; }
    };

    simulated_work* work = nullptr;
    double mean_s = 1;  ///< durations are uniform from 0 to twice this
    random_source random{1};
    std::vector<pool_actor> pools;
    worker_index index;
    std::priority_queue<running, std::vector<running>, std::greater<>> tasks;
    bool ticking = false;

    static inline const char* name = "simulated_worker";
};

/// It says hello once.
inline constexpr std::uint64_t the_session = 1;
/// Ends are told at this interval.
inline constexpr std::chrono::milliseconds tick{1};

using simulated_worker = worker_actor::stateful_pointer<simulated_worker_state>;

inline void send_what_ended(simulated_worker self) {
    auto& s = self->state;
    const auto count = static_cast<std::uint32_t>(s.pools.size());
    std::vector<tasks_finished> messages(count, tasks_finished{s.index, the_session, {}});
    const auto now = simulated_worker_state::clock::now();
    for (; !s.tasks.empty() && s.tasks.top().ends <= now; s.tasks.pop()) {
        const auto& task = s.tasks.top().task;
        messages[partition_of(task.end.invocation, count)].ends.push_back(task);
    }
    for (std::uint32_t p = 0; p < count; ++p) {
        if (messages[p].ends.empty()) continue;
        s.work->finished += messages[p].ends.size();
        self->send(s.pools[p], std::move(messages[p]));
    }
    s.ticking = !s.tasks.empty();
    if (s.ticking) self->delayed_send(self, tick, wake_due{});
}

inline void take_orders(simulated_worker self, start_tasks& m) {
    auto& s = self->state;
    const auto now = simulated_worker_state::clock::now();
    for (auto& order : m.tasks) {
        finished_task task{std::move(order.job), std::move(order.node), {}};
        task.end.invocation = order.invocation;
        task.end.result = attempt_result::done;
        const std::chrono::duration<double> lasts{unit_interval(s.random) * 2 * s.mean_s};
        s.tasks.push(
            {now + std::chrono::duration_cast<simulated_worker_state::clock::duration>(lasts), std::move(task)});
    }
    s.work->started += m.tasks.size();
    s.work->started.notify_all();
    if (!std::exchange(s.ticking, true)) self->delayed_send(self, tick, wake_due{});
}

inline worker_actor::behavior_type simulated_worker_behavior(simulated_worker self, const scheduler_actor& scheduler,
                                                             std::string secret, worker_info info, double mean_s,
                                                             simulated_work* work) {
    self->state.work = work;
    self->state.mean_s = mean_s;
    hello m;
    m.secret = std::move(secret);
    m.who.info = std::move(info);
    m.who.instance = 1;
    m.who.local = true;
    m.session = the_session;
    m.worker = caf::actor_cast<caf::strong_actor_ptr>(self);
    self->request(scheduler, local_request_timeout, std::move(m)).then([=](const welcome& answer) {
        self->state.index = answer.worker;
        for (const auto& pool : answer.pools) self->state.pools.push_back(caf::actor_cast<pool_actor>(pool));
    });
    return {
        [=](start_tasks& orders) { take_orders(self, orders); },
        [](const acknowledge_results&) {},
        [](const kill_invocations&) {},
        [](const task_ended&) {},
        [=](const stop_worker&) { self->quit(); },
        [](const gateway_found&) {},
        [=](const wake_due&) { send_what_ended(self); },
        [](const logs_asked&) -> caf::result<logs_answer> { return logs_answer{}; },
        [](const console_asked&) -> caf::result<console_answer> { return console_answer{}; },
    };
}

}  // namespace bistro::bench
