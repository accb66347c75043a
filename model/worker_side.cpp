#include "model/worker_side.hpp"

#include <algorithm>
#include <utility>

namespace bistro {

// -- connection and hello ---------------------------------------------------------------------------------------------

void worker_side::connected() {
    connected_ = true;
    hello_under_way_ = false;
}

void worker_side::disconnected() { connected_ = member_ = false; }

std::optional<worker_side::greeting> worker_side::say_hello(time_ms now) {
    // Given up perhaps, and forgotten by a scheduler that has restarted since, an overdue worker must not come back.
    // And a hello voids the one before it.
    if (!connected_ || hello_under_way_ || overdue(now)) return std::nullopt;
    hello_under_way_ = true;
    hello_sent_ms_ = now;
    early_orders_.clear();
    greeting result{++session_, {}, results()};
    for (const auto& [invocation, task] : running_)
        result.running.push_back(
            {invocation, task.order->job, task.order->node, task.order->path, task.started_ms, task.command->demands});
    return result;
}

// False for an answer to an earlier hello.
bool worker_side::answers(std::uint64_t session) {
    if (session != session_) return false;
    hello_under_way_ = false;
    return true;
}

worker_side::reception worker_side::welcomed(std::uint64_t session, hello_verdict verdict, worker_index index,
                                             const liveness_timeouts& timeouts, time_ms now) {
    if (!answers(session)) return reception::void_;
    switch (verdict) {
        case hello_verdict::joined:
        case hello_verdict::rejoined: break;
        case hello_verdict::shard_taken: refused_since_ms_.reset(); return reception::not_yet;
        case hello_verdict::given_up: return reception::given_up;
    }
    // On its way for so long, it says nothing of now.
    if (!local_ && now - hello_sent_ms_ >= timeouts.worker_deadline_ms()) return reception::not_yet;
    refused_since_ms_.reset();
    index_ = index;
    timeouts_ = timeouts;
    member_ = true;
    heard(session, hello_sent_ms_);
    return std::exchange(ever_member_, true) ? reception::rejoined : reception::joined;
}

void worker_side::take_orders_of(std::uint32_t pools) {
    // Another number means another life of the scheduler, all of whose ids are above those of before.
    if (pools != last_started_.size())
        last_started_.assign(pools, *std::max_element(last_started_.begin(), last_started_.end()));
}

worker_side::refusal_meaning worker_side::refused(std::uint64_t session, time_ms now) {
    if (!answers(session)) return refusal_meaning::void_;
    const bool first = !refused_since_ms_;
    if (first) refused_since_ms_ = now;
    // One that was welcome before has tasks, and a deadline that ends it.
    if (!ever_member_ && now - *refused_since_ms_ >= refusal_patience_ms) return refusal_meaning::final;
    connected_ = false;
    return first ? refusal_meaning::first : refusal_meaning::again;
}

bool worker_side::unanswered(std::uint64_t session) {
    if (!answers(session)) return false;
    refused_since_ms_.reset();
    connected_ = false;
    return true;
}

// -- time -------------------------------------------------------------------------------------------------------------

bool worker_side::heard(std::uint64_t session, time_ms sent_ms) {
    if (session != session_) return false;
    last_heard_ms_ = std::max(last_heard_ms_, sent_ms);
    return true;
}

bool worker_side::overdue(time_ms now) const {
    return ever_member_ && !local_ && now - last_heard_ms_ >= timeouts_.worker_deadline_ms();
}

std::optional<time_ms> worker_side::left_to_live(time_ms now) const {
    if (local_) return std::nullopt;
    return std::max<time_ms>(last_heard_ms_ + timeouts_.reaper_deadline_ms() - now, 0);
}

worker_side::wakeup worker_side::wake(time_ms now) {
    if (overdue(now)) {
        drop_results();  // nobody is there to take them in time
        return wakeup::stop;
    }
    // Without a connection, there may be one again before the deadline.
    if (farewell_at_ms_ && now >= *farewell_at_ms_ && (member_ || !ever_member_ || local_)) {
        drop_results();
        return wakeup::end;
    }
    if (member_) return wakeup::send_heartbeat;
    return connected_ ? wakeup::say_hello : wakeup::nothing;
}

time_ms worker_side::next_wake_ms(time_ms now) const {
    auto wait = member_ ? timeouts_.heartbeat_ms : hello_retry_wait_ms;
    if (farewell_at_ms_) wait = std::clamp<time_ms>(*farewell_at_ms_ - now, 1, wait);
    if (!ever_member_ || local_) return wait;
    return std::clamp<time_ms>(last_heard_ms_ + timeouts_.worker_deadline_ms() - now, 1, wait);
}

// -- tasks ------------------------------------------------------------------------------------------------------------

// An order that is not carried out is answered, or its task would count as running for ever.
void worker_side::refuse(const task_order& order, const std::string& reason, time_ms now, carried_out& result) {
    if (running_.contains(order.invocation) || unacknowledged_.contains(order.invocation)) return;
    finished_task refused{order.job, order.node, {}};
    refused.end.invocation = order.invocation;
    refused.end.result = attempt_result::never_started;
    refused.end.ended_ms = now;
    refused.end.reason = reason;
    result.ends.push_back(std::move(refused));
}

void worker_side::carry_out(task_order&& order, time_ms now, carried_out& result) {
    if (stopping_) return refuse(order, "the worker is stopping", now, result);
    // Its wakeup, which ends it, may come just behind this order; so may a sign of life that was on its way for long.
    if (overdue(now)) return refuse(order, "the order came when the worker might have been given up", now, result);
    auto& last = last_started_[partition_of(order.invocation, static_cast<std::uint32_t>(last_started_.size()))];
    if (order.invocation <= last) return refuse(order, "the order came twice or too late", now, result);
    last = order.invocation;
    const auto command = commands_.find(order.job);
    if (command == commands_.end()) return refuse(order, "the worker does not know the job", now, result);
    if (command->second->command.front() == null_command) {
        finished_task finished{std::move(order.job), std::move(order.node), {}};
        finished.end.invocation = order.invocation;
        finished.end.result = attempt_result::done;
        finished.end.ended_ms = now;
        unacknowledged_.emplace(order.invocation, finished);
        result.ends.push_back(std::move(finished));
        return;
    }
    auto shared = std::make_shared<const task_order>(std::move(order));
    running_.emplace(shared->invocation, running_task{shared, command->second, now});
    result.launches.push_back({std::move(shared), command->second});
}

worker_side::carried_out worker_side::take_orders(start_tasks&& orders, time_ms now) {
    carried_out result;
    if (!is_current(orders.session)) return result;
    // Sent by another actor than the welcome, they may come before it. Only that says until when they may be started.
    if (!member_) {
        result.too_many = early_orders_.size() >= max_early_orders;
        if (result.too_many)
            hello_under_way_ = false;  // the next one, which knows of none of them, makes the pool offer them anew
        else
            early_orders_.push_back(std::move(orders));
        return result;
    }
    for (auto& command : orders.commands) {
        auto job = command.job;
        commands_.insert_or_assign(std::move(job), std::make_shared<const job_command>(std::move(command)));
    }
    for (auto& order : orders.tasks) carry_out(std::move(order), now, result);
    return result;
}

worker_side::carried_out worker_side::take_early_orders(time_ms now) {
    carried_out all;
    for (auto& orders : std::exchange(early_orders_, {})) {
        auto some = take_orders(std::move(orders), now);
        std::move(some.launches.begin(), some.launches.end(), std::back_inserter(all.launches));
        std::move(some.ends.begin(), some.ends.end(), std::back_inserter(all.ends));
    }
    return all;
}

std::optional<finished_task> worker_side::ended(const attempt_end& end, time_ms now) {
    const auto found = running_.find(end.invocation);
    if (found == running_.end()) return std::nullopt;
    finished_task finished{found->second.order->job, found->second.order->node, end};
    running_.erase(found);
    unacknowledged_.emplace(end.invocation, finished);
    begin_farewell(now);
    return finished;
}

bool worker_side::is_current(std::uint64_t session) {
    if (session == session_) return true;
    ++fenced_;
    return false;
}

void worker_side::acknowledged(std::uint64_t session, const std::vector<invocation_id>& invocations) {
    if (!is_current(session)) return;
    for (auto invocation : invocations) unacknowledged_.erase(invocation);
}

std::vector<finished_task> worker_side::results() const {
    std::vector<finished_task> all;
    all.reserve(unacknowledged_.size());
    for (const auto& [invocation, finished] : unacknowledged_) all.push_back(finished);
    return all;
}

// -- the end ----------------------------------------------------------------------------------------------------------

bool worker_side::stop(time_ms now) {
    if (std::exchange(stopping_, true)) return false;
    begin_farewell(now);
    return true;
}

void worker_side::begin_farewell(time_ms now) {
    if (stopping_ && running_.empty() && !farewell_at_ms_) farewell_at_ms_ = now + farewell_wait_ms;
}

void worker_side::drop_results() {
    for (const auto& [invocation, finished] : unacknowledged_)
        if (finished.end.result != attempt_result::never_started) ++lost_results_;
    unacknowledged_.clear();
}

}  // namespace bistro
