// What people ask the scheduler for.
#include <algorithm>

#include "actors/scheduler_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

// Asks several actors the same, ahead of what waits for them, and hands their answers on together; those that fail are
// left out.
template <class Answer, class Actor, class Question, class Take>
void ask_all(scheduler_ptr self, const std::vector<Actor>& actors, const Question& question, Take take) {
    if (actors.empty()) return take(std::vector<Answer>{});
    auto answers = std::make_shared<std::vector<Answer>>();
    auto missing = std::make_shared<std::size_t>(actors.size());
    auto one_less = [=]() mutable {
        if (--*missing == 0) take(std::move(*answers));
    };
    for (const auto& actor : actors)
        self->request<caf::message_priority::high>(actor, local_request_timeout, question)
            .then(
                [=](const Answer& answer) mutable {
                    answers->push_back(answer);
                    one_less();
                },
                [=](const caf::error&) mutable { one_less(); });
}

std::vector<job_actor> jobs_meant(const scheduler_state& s, const job_id& job) {
    std::vector<job_actor> actors;
    for (const auto& [name, entry] : s.jobs)
        if (job.empty() || job == name) actors.push_back(entry.actor);
    return actors;
}

// `told` may be newer than what the scheduler has noted, which comes in order.
jobs_answer compose(scheduler_ptr self, const std::vector<job_progress>& told, const pool_stalled& pool) {
    const auto& s = self->state;
    std::map<job_id, const job_progress*> latest;
    for (const auto& [name, job] : s.jobs) latest[name] = &job.progress;
    for (const auto& progress : told) latest[progress.job] = &progress;
    jobs_answer answer;
    answer.policy = to_string(s.config->engine.policy);
    answer.suspended = suspended_reason(s);
    answer.fenced = pool.fenced;
    for (const auto& name : s.order) {
        auto found = s.jobs.find(name);
        if (found == s.jobs.end()) continue;
        const auto& job = found->second;
        const auto& progress = *latest[name];
        job_row row{name, job.spec.owner, job.spec.enabled, job.spec.priority, job.spec.level, progress.counts, {}};
        row.rate = progress.rate;
        if (const auto& left = progress.left) {
            row.left_s = left->likely_s;
            row.left_low_s = left->low_s;
            row.left_high_s = left->high_s;
        }
        if (row.counts.ready > 0)
            for (const auto& [waiting, reason] : pool.reasons)
                if (waiting == name) row.waiting = answer.suspended.empty() ? reason : answer.suspended;
        answer.jobs.push_back(std::move(row));
    }
    for (const auto& [source, text] : s.problems) answer.problems.emplace_back(source, text);
    for (const auto& [index, member] : s.registry.members()) {
        // One of this process is not asked how it is.
        const auto silent = member.who.local ? time_ms{0} : s.options.run.now() - member.last_heard_ms;
        answer.workers.push_back({member.who.info.shard, member.who.info.host, member.who.pid,
                                  std::string{to_string(member.health)}, member.connected, member.awaited,
                                  member.leaving, silent, member.who.info.declared});
    }
    return answer;
}

}  // namespace

std::string unknown_job(const scheduler_state& s, const job_id& job) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : s.jobs)
        if (!entry.retired) names.push_back(name.value);
    auto text = "there is no job " + quote(job.value);
    if (auto near = nearest(job.value, names); !near.empty()) text += "; did you mean " + quote(near) + "?";
    return text;
}

caf::result<jobs_answer> list_jobs(scheduler_ptr self) {
    auto promise = self->make_response_promise<jobs_answer>();
    const auto with_progress = [=](const std::vector<job_progress>& jobs) {
        ask_all<pool_stalled>(self, self->state.pools, reasons_asked{}, [=](std::vector<pool_stalled> pools) mutable {
            std::sort(pools.begin(), pools.end(), [](const auto& a, const auto& b) { return a.pool > b.pool; });
            pool_stalled all;
            for (const auto& pool : pools) {
                all.fenced += pool.fenced;
                all.reasons.insert(all.reasons.end(), pool.reasons.begin(), pool.reasons.end());
            }
            promise.deliver(compose(self, jobs, all));
        });
    };
    ask_all<job_progress>(self, jobs_meant(self->state, {}), progress_asked{}, with_progress);
    return promise;
}

caf::result<tasks_answer> list_tasks(scheduler_ptr self, const tasks_asked& m) {
    const auto actors = jobs_meant(self->state, m.job);
    if (actors.empty() && !m.job.empty()) return caf::make_error(not_there, unknown_job(self->state, m.job));
    auto promise = self->make_response_promise<tasks_answer>();
    ask_all<tasks_answer>(self, actors, m, [=, limit = m.limit](std::vector<tasks_answer> answers) mutable {
        tasks_answer all;
        const auto job_of = [](const tasks_answer& a) { return a.tasks.empty() ? job_id{} : a.tasks.front().job; };
        std::sort(answers.begin(), answers.end(),
                  [&](const tasks_answer& a, const tasks_answer& b) { return job_of(a) < job_of(b); });
        for (auto& answer : answers) {
            all.left_out += answer.left_out;
            for (auto& row : answer.tasks) {
                if (all.tasks.size() < limit)
                    all.tasks.push_back(std::move(row));
                else
                    ++all.left_out;
            }
        }
        promise.deliver(std::move(all));
    });
    return promise;
}

void answer_job_waiters(scheduler_ptr self) {
    auto& s = self->state;
    std::erase_if(s.job_waiters, [&](auto& waiter) {
        const auto job = s.jobs.find(waiter.job);
        if (job == s.jobs.end() || job->second.retired) {
            waiter.promise.deliver(caf::make_error(not_there, "job " + quote(waiter.job.value) + " is gone"));
            return true;
        }
        const auto& progress = job->second.progress;
        const bool at_rest = progress.loaded && s.forest && progress.counts.unfinished() == 0;
        const bool over = waiter.until_ms <= s.options.run.now();
        if (at_rest || over) waiter.promise.deliver(wait_answer{progress.counts, at_rest});
        return at_rest || over;
    });
}

caf::result<wait_answer> wait_for_job(scheduler_ptr self, const wait_asked& m) {
    auto& s = self->state;
    const auto job = s.jobs.find(m.job);
    if (job == s.jobs.end()) return caf::make_error(not_there, unknown_job(s, m.job));
    if (s.job_waiters.size() >= max_job_waiters)
        return caf::make_error(caf::sec::runtime_error, "too many wait for jobs already");
    auto promise = self->make_response_promise<wait_answer>();
    constexpr time_ms second = 1000;
    s.job_waiters.push_back({m.job, s.options.run.now() + m.timeout_s * second, promise});
    self->delayed_send(self, std::chrono::seconds{m.timeout_s}, wait_overdue{});
    // What was heard last of the job may be older than what the asker has just done.
    ask_progress(self, [self](std::uint64_t) { answer_job_waiters(self); });
    return promise;
}

caf::result<console_answer> hand_to_worker(scheduler_ptr self, console_asked& m) {
    const auto& s = self->state;
    std::vector<std::string> names;
    for (const auto& [index, member] : s.registry.members()) {
        names.push_back(member.who.info.shard.value);
        if (names.back() != m.worker) continue;
        const auto handle = s.worker_handles.find(index);
        if (!member.connected || handle == s.worker_handles.end())
            return caf::make_error(not_there, "worker " + quote(m.worker) + " is not connected now");
        m.worker.clear();
        m.secret.clear();
        // Not handed on: the worker knows nobody but this process, and would answer whoever asked by way of it.
        auto promise = self->make_response_promise<console_answer>();
        self->request(caf::actor_cast<worker_actor>(handle->second), local_request_timeout, std::move(m))
            .then(
                [=](console_answer& answer) mutable {
                    if (valid(answer))
                        promise.deliver(std::move(answer));
                    else
                        promise.deliver(
                            caf::make_error(caf::sec::runtime_error, std::string{"the worker's answer is not valid"}));
                },
                [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
        return promise;
    }
    const auto near = nearest(m.worker, names);
    return caf::make_error(not_there, "there is no worker " + quote(m.worker) +
                                          (near.empty() ? "" : "; did you mean " + quote(near) + "?"));
}

scheduler_view view_of(const scheduler_state& s) {
    scheduler_view view;
    view.config = s.config;
    for (const auto& name : s.order)
        if (const auto job = s.jobs.find(name); job != s.jobs.end()) view.jobs.push_back(job->second.spec);
    for (const auto& [name, job] : s.jobs)
        if (job.retired) view.jobs.push_back(job.spec);
    if (s.forest) view.forest = *s.forest;
    view.forest_ms = s.forest_ms;
    return view;
}

caf::result<histograms_answer> list_histograms(scheduler_ptr self, const histograms_asked& m) {
    const auto& s = self->state;
    std::vector<job_actor> actors;
    for (const auto& [name, job] : s.jobs)
        if (m.jobs.empty() || std::find(m.jobs.begin(), m.jobs.end(), name) != m.jobs.end())
            actors.push_back(job.actor);
    auto promise = self->make_response_promise<histograms_answer>();
    auto all = std::make_shared<histograms_answer>();
    auto missing = std::make_shared<std::size_t>(actors.size() + 1);
    auto one_less = [=]() mutable {
        if (--*missing == 0) promise.deliver(std::move(*all));
    };
    for (const auto& actor : actors)
        self->request(actor, local_request_timeout, histogram_asked{m.samples})
            .then(
                [=](histogram_answer& answer) mutable {
                    all->jobs.push_back(std::move(answer));
                    one_less();
                },
                [=](const caf::error&) mutable { one_less(); });
    one_less();
    return promise;
}

namespace {

using shard_lines = std::pair<std::string, std::vector<log_line>>;

// The lines of several workers as one, oldest first, and how far that leads with each of them.
logs_answer merge(const std::vector<shard_lines>& parts, const logs_asked& asked) {
    std::vector<std::pair<const log_line*, const std::string*>> all;
    for (const auto& [shard, lines] : parts)
        for (const auto& line : lines) all.emplace_back(&line, &shard);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair{a.first->id, *a.second} < std::pair{b.first->id, *b.second};
    });
    logs_answer answer;
    answer.last = asked.after;
    const auto extra = all.size() > asked.query.limit ? all.size() - asked.query.limit : 0;
    const auto first = asked.query.latest ? extra : 0;
    const auto end = asked.query.latest ? all.size() : all.size() - extra;
    for (std::size_t i = 0; i < end; ++i) {
        const auto& [line, shard] = all[i];
        auto& last = answer.last[*shard];
        last = std::max(last, line->id);
        if (i >= first) answer.lines.push_back(*line);
    }
    return answer;
}

}  // namespace

caf::result<logs_answer> list_logs(scheduler_ptr self, const logs_asked& m) {
    auto& s = self->state;
    auto promise = self->make_response_promise<logs_answer>();
    auto parts = std::make_shared<std::vector<shard_lines>>();
    auto missing = std::make_shared<std::vector<std::string>>();
    auto open = std::make_shared<std::size_t>(1);
    auto one_less = [=]() mutable {
        if (--*open > 0) return;
        auto answer = merge(*parts, m);
        answer.missing = *missing;
        promise.deliver(std::move(answer));
    };
    for (const auto& [index, member] : s.registry.members()) {
        const auto shard = member.who.info.shard.value;
        const auto handle = s.worker_handles.find(index);
        if (!member.connected || handle == s.worker_handles.end()) {
            missing->push_back(shard);
            continue;
        }
        logs_asked question{{}, m.query, {}};
        if (const auto after = m.after.find(shard); after != m.after.end()) question.query.after_id = after->second;
        ++*open;
        self->request<caf::message_priority::high>(caf::actor_cast<worker_actor>(handle->second), local_request_timeout,
                                                   std::move(question))
            .then(
                [=](logs_answer& answer) mutable {
                    if (!valid(answer)) answer.lines.clear();
                    parts->emplace_back(shard, std::move(answer.lines));
                    one_less();
                },
                [=](const caf::error&) mutable {
                    missing->push_back(shard);
                    one_less();
                });
    }
    one_less();
    return promise;
}

caf::result<control_answer> control(scheduler_ptr self, const control_asked& m) {
    auto& s = self->state;
    if (m.verb == control_verb::stop) {
        if (s.options.on_stop_asked) s.options.on_stop_asked();
        return control_answer{true, "stopping"};
    }
    if (m.verb >= control_verb::submit) {
        if (!s.watcher) return control_answer{false, "only a running bistro scheduler takes changes of its jobs"};
        // One that only lives on for its running tasks is gone for people.
        if (const auto known = s.jobs.find(m.job);
            m.verb != control_verb::submit && (known == s.jobs.end() || known->second.retired))
            return caf::make_error(not_there, unknown_job(s, m.job));
        auto question = m;
        question.secret.clear();
        return self->delegate(caf::actor_cast<config_watcher_actor>(s.watcher), std::move(question));
    }
    auto job = s.jobs.find(m.job);
    if (job == s.jobs.end()) return caf::make_error(not_there, unknown_job(s, m.job));
    auto promise = self->make_response_promise<control_answer>();
    auto answer = [=](const control_answer& a) mutable { promise.deliver(a); };
    auto fail = [=](caf::error& e) mutable { promise.deliver(std::move(e)); };
    if (m.verb == control_verb::kill) {
        kill(self, {{}, m.job, m.node, "killed by request", false}, [=](std::uint64_t count, caf::error e) mutable {
            if (e) return fail(e);
            answer(count == 0 ? control_answer{false, "no such task is running"}
                              : control_answer{true, counted(count, "task") + " signaled"});
        });
    } else {
        self->request(job->second.actor, local_request_timeout,
                      forgive_asked{{m.error, m.nodes, m.state, m.cause}, m.only_count})
            .then(answer, fail);
    }
    return promise;
}

}  // namespace bistro
