// What a pool has to do with workers: who joins, what has ended there, and what is to be ended.
#include <algorithm>

#include "actors/resource_pool_parts.hpp"
#include "model/text.hpp"

namespace bistro {

// -- ends -------------------------------------------------------------------------------------------------------------

void send_acknowledgements(pool_ptr self, const std::vector<invocation_id>& invocations) {
    auto& s = self->state;
    for (auto& [worker, settled] : s.results.settle(invocations))
        if (auto found = s.workers.find(worker); found != s.workers.end())
            self->send(found->second.actor, acknowledge_results{found->second.session, std::move(settled)});
}

void take_ends(pool_ptr self, worker_index worker, const std::vector<finished_task>& ends) {
    auto& s = self->state;
    std::vector<invocation_id> all;
    std::vector<invocation_id> meaningless;
    for (const auto& finished : ends) {
        const auto invocation = finished.end.invocation;
        if (!s.links.keep_events) {
            all.push_back(invocation);
        } else if (const auto held = s.core->held(invocation)) {
            auto e = make_event(self, event_kind::finish, *held, invocation);
            e.result = finished.end.result;
            e.exit_code = finished.end.exit_code;
            e.signal = finished.end.signal;
            s.events.events.push_back(std::move(e));
            s.core->finish(invocation);
            ++s.events.ended;
        }
        tell_end_elsewhere(self, invocation);
        auto* job = job_with_news(self, finished.job);
        s.results.came(invocation, worker, job != nullptr ? job->number : 0);
        if (job != nullptr)
            job->ended.push_back(finished.end);
        else
            meaningless.push_back(invocation);
    }
    s.events.ended += s.core->finish(all);
    s.some_ended = true;
    send_acknowledgements(self, meaningless);
}

// Ends that the pool concludes by itself.
void conclude(pool_ptr self, const std::vector<std::pair<invocation_id, held_task>>& tasks, attempt_result result,
              const std::string& reason) {
    auto& s = self->state;
    s.some_ended = true;
    for (const auto& [invocation, task] : tasks) {
        attempt_end end;
        end.invocation = invocation;
        end.result = result;
        end.ended_ms = s.run.now();
        end.reason = reason;
        tell_end_elsewhere(self, invocation);
        if (auto* job = job_with_news(self, task.job)) job->ended.push_back(std::move(end));
        ++s.events.ended;
        if (s.links.keep_events) s.events.events.push_back(make_event(self, event_kind::lost, task, invocation));
    }
}

// -- workers ----------------------------------------------------------------------------------------------------------

namespace {

void adopt(pool_ptr self, worker_index worker, const task_report& report, const std::string& shard) {
    auto& s = self->state;
    s.core->adopt(report.invocation, {report.job, report.path, worker}, report.demands);
    tell_of_earlier_attempt(self, {report.job, report.node, report.invocation, shard, report.path, report.started_ms});
    if (const auto job = s.jobs.find(report.job); job != s.jobs.end())
        tell_elsewhere(self, report.invocation, job->second.starts);
    else
        tell_elsewhere(self, report.invocation, 0);
}

}  // namespace

void take_worker(pool_ptr self, const worker_joined& m) {
    auto& s = self->state;
    auto& worker = s.workers[m.worker];
    worker.actor = caf::actor_cast<worker_actor>(m.handle);
    worker.info = m.info;
    worker.session = m.session;
    worker.known.clear();
    const auto differences = reconcile(*s.core, s.results, m.worker, m.running, m.unacknowledged);
    for (const auto* report : differences.unknown_runs) adopt(self, m.worker, *report, m.info.shard.value);
    for (const auto* finished : differences.unknown_ends) {
        tell_of_earlier_attempt(
            self,
            {finished->job, finished->node, finished->end.invocation, m.info.shard.value, {}, finished->end.ended_ms});
        if (const auto job = s.jobs.find(finished->job); job != s.jobs.end())
            tell_ended_elsewhere(self, finished->job, finished->node, job->second.starts);
    }
    take_ends(self, m.worker, m.unacknowledged);
    std::vector<std::pair<invocation_id, held_task>> unheard;
    for (auto invocation : differences.never_started) {
        unheard.emplace_back(invocation, *s.core->held(invocation));
        s.core->finish(invocation);
    }
    conclude(self, unheard, attempt_result::never_started, "the order to start was lost with the connection");
    if (m.brings_tasks) s.core->lease_instance(std::vector<std::int64_t>(s.core->used(forest::instance()).size()));
    s.core->put_worker(m.worker, m.info);
}

control_answer kill(pool_ptr self, const kill_tasks& m) {
    auto& s = self->state;
    send_news(self);  // whoever asks goes on to ask jobs what they still run
    auto wanted = m.invocations;
    if (wanted.empty())
        for (const auto& [worker, entry] : s.workers)
            for (auto invocation : s.core->held_by(worker)) {
                const auto held = *s.core->held(invocation);
                if ((m.job.empty() || held.job == m.job) && (m.node.empty() || held.path.front() == m.node.value))
                    wanted.push_back(invocation);
            }
    std::map<worker_index, kill_invocations> by_worker;
    std::size_t count = 0;
    for (auto invocation : wanted) {
        const auto held = s.core->held(invocation);
        if (!held) continue;
        by_worker[held->worker].invocations.push_back(invocation);
        s.events.events.push_back(make_event(self, event_kind::killed, *held, invocation));
        ++count;
    }
    for (auto& [worker, message] : by_worker) {
        message.reason = m.reason;
        message.blameless = m.blameless;
        if (auto found = s.workers.find(worker); found != s.workers.end()) {
            message.session = found->second.session;
            self->send(found->second.actor, std::move(message));
        }
    }
    if (count == 0) return {false, "no such task is running"};
    send_news_in_time(self);
    return {true, counted(count, "task") + " signaled", count};
}

}  // namespace bistro
