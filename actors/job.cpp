#include "actors/job.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <caf/all.hpp>

#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = job_actor::stateful_pointer<job_state>;

// What an actor hears after its own exit is of no interest to anybody.
scheduler_actor scheduler_of(self_ptr self) { return caf::actor_cast<scheduler_actor>(self->state.links.scheduler); }

job_progress progress_of(self_ptr self) {
    const auto& s = self->state;
    const auto now = s.run.now();
    const auto& counts = s.table->counts();
    job_progress progress{s.table->spec().name, s.table->spec().level, counts, s.changes, s.retired,
                          s.last_end_ms,        s.seen_starts};
    progress.rate = s.speed.rate(now);
    if (s.table->spec().enabled) progress.left = s.speed.left(counts.unfinished(), now);
    return progress;
}

std::uint32_t pool_count(self_ptr self) { return static_cast<std::uint32_t>(self->state.links.pools.size()); }

// To each pool, what of it has an id of its own.
template <class F>
void for_each_pool(self_ptr self, std::vector<invocation_id>&& invocations, F&& send) {
    const auto count = pool_count(self);
    std::vector<std::vector<invocation_id>> by_pool(count);
    if (count == 1) {
        by_pool.front() = std::move(invocations);
    } else {
        for (auto invocation : invocations) by_pool[partition_of(invocation, count)].push_back(invocation);
    }
    for (std::uint32_t p = 0; p < count; ++p)
        if (!by_pool[p].empty()) send(p, std::move(by_pool[p]));
}

// Ends that need not be kept any more.
void send_durable(self_ptr self, std::vector<invocation_id> invocations) {
    for_each_pool(self, std::move(invocations), [&](std::uint32_t p, std::vector<invocation_id>&& own) {
        const auto& s = self->state;
        self->send(s.links.pools[p], results_durable{std::move(own), s.table->spec().name, s.seen_starts,
                                                     s.table->counts().unfinished()});
    });
}

// What may start, to the pool of each task.
void send_pending(self_ptr self, table_changes& changes) {
    const auto& s = self->state;
    const auto& nodes = *s.table->nodes();
    const auto count = pool_count(self);
    std::vector<pending_changed> messages(count);
    for (auto node : changes.ready)
        if (const auto* data = s.table->data_of(node))
            messages[partition_of(nodes, node, count)].data.emplace_back(node, *data);
    if (count == 1) {
        messages.front().ready = std::move(changes.ready);
        messages.front().withdrawn = std::move(changes.withdrawn);
    } else {
        for (auto node : changes.ready) messages[partition_of(nodes, node, count)].ready.push_back(node);
        for (auto node : changes.withdrawn) messages[partition_of(nodes, node, count)].withdrawn.push_back(node);
    }
    for (std::uint32_t p = 0; p < count; ++p) {
        auto& m = messages[p];
        if (count > 1 && !changes.replaced && !changes.moved && m.ready.empty() && m.withdrawn.empty()) continue;
        m.job = s.table->spec().name;
        m.forest_version = nodes.version();
        m.seen_starts = s.seen_starts;
        m.rules = s.table->rules();
        m.replace = changes.replaced;
        m.unfinished = s.table->counts().unfinished();
        self->send(s.links.pools[p], std::move(m));
    }
}

dependency_news news_of(self_ptr self, bool replaced, std::vector<node_index> done, std::vector<node_index> undone) {
    const auto& table = *self->state.table;
    return {table.spec().name, table.nodes(), replaced, table.all_done(), std::move(done), std::move(undone)};
}

dependency_news all_news_of(self_ptr self) { return news_of(self, true, self->state.table->done_nodes(), {}); }

void schedule_wakeup(self_ptr self) {
    auto& s = self->state;
    ++s.wake_generation;
    const auto at = s.table->next_wakeup();
    if (!at) return;
    const auto wait = std::max<time_ms>(*at - s.run.now(), 0);
    self->delayed_send(self, std::chrono::milliseconds{wait + 1}, wake_due{s.wake_generation});
}

// Tells everybody what an event changed.
void publish(self_ptr self) {
    auto& s = self->state;
    if (!s.table->nodes()) return;
    ++s.changes;
    auto changes = s.table->take_changes();
    if (changes.for_pool()) send_pending(self, changes);
    // One that is gone from the config has none there; and by the time it says so, another may be in its place.
    if (!s.dependents.empty() && !s.retired && changes.for_dependents()) {
        const auto news = news_of(self, changes.replaced, std::move(changes.done), std::move(changes.undone));
        for (const auto& dependent : s.dependents) self->send(dependent, news);
    }
    // Dependents first: whoever hears that this job is at rest may rely on them having heard. While something runs, the
    // scheduler has nothing to learn.
    if (!s.table->counts().alive()) {
        self->send(scheduler_of(self), progress_of(self));
        self->send(s.links.monitor, progress_of(self));
    } else if (!std::exchange(s.report_scheduled, true)) {
        self->delayed_send(self, progress_interval, report_due{});
    }
    for_each_pool(self, s.table->orphans_due(s.run.now()), [&](std::uint32_t p, std::vector<invocation_id>&& due) {
        caf::anon_send(s.links.pools[p],
                       kill_tasks{std::move(due), {}, {}, "its job or node is gone or disabled", false});
    });
    schedule_wakeup(self);
}

// False where the other job has to be asked for more.
bool take_news(self_ptr self, dependency_news& news) {
    auto& table = *self->state.table;
    const auto now = self->state.run.now();
    const auto version = news.nodes->version();
    if (table.nodes() && version < table.nodes()->version()) {
        table.dependency_reported_late(news.job, version, news.replaced, std::move(news.done), std::move(news.undone),
                                       now);
        return true;
    }
    if (!table.nodes() || version > table.nodes()->version()) table.set_forest(news.nodes, now);
    if (!news.replaced) return table.dependency_changed(news.job, news.done, news.undone, news.all_done, now);
    table.dependency_replaced(news.job, news.done, news.all_done, now);
    return true;
}

// An event for the table that must wait until the store has told what it remembers.
template <class Message, class F>
void when_loaded(self_ptr self, Message& m, F&& f) {
    if (self->state.loaded) {
        f(m);
        publish(self);
    } else {
        self->state.early.emplace_back([m = std::move(m), f = std::forward<F>(f)]() mutable { f(m); });
    }
}

void load(self_ptr self) {
    auto loaded = [=](const statuses_loaded& m) {
        auto& s = self->state;
        if (s.loaded) return;
        const auto now = s.run.now();
        for (const auto& [node, status] : m.statuses) s.table->restore(node, status, now);
        for (const auto& f : m.failures) s.failures.failed(f.node, f.reason, f.for_good, f.ended_ms);
        s.loaded = true;
        for (auto& event : std::exchange(s.early, {})) event();
        publish(self);
    };
    auto failed = [=](const caf::error& e) {
        auto& s = self->state;
        self->delayed_send(self, load_retry_wait, load_due{});
        self->send(scheduler_of(self), problem{"status store", "the statuses of job " + s.table->spec().name.value +
                                                                   " can't be read: " + caf::to_string(e)});
    };
    self->request(self->state.links.store, caf::infinite, load_statuses{self->state.table->spec().name})
        .then(loaded, failed);
}

// As history, with the next commit: no start waits for a disk, and the end of an attempt does not need its start.
void record_starts(self_ptr self, status_batch& batch) {
    auto& starts = self->state.unrecorded_starts;
    batch.starts = std::exchange(starts, {});
}

void note_starts(self_ptr self, tasks_started& m) {
    auto& s = self->state;
    auto& seen = s.seen_starts[m.pool];
    seen = std::max(seen, m.count);
    for (std::size_t i = 0; i < m.starts.size(); ++i) {
        auto& start = m.starts[i];
        running_task task{start.node, start.worker, start.started_ms};
        if (!m.adopted) {
            s.table->started(start.invocation, std::move(task), s.run.now(),
                             i < m.nodes.size() ? m.nodes[i] : node_index{});
        } else if (!s.table->adopt(start.invocation, std::move(task), s.run.now()) || start.path.empty()) {
            continue;  // nothing new for history
        }
        s.unrecorded_starts.push_back(std::move(start));
    }
    if (std::exchange(s.record_scheduled, true)) return;
    self->delayed_send(self, start_record_delay, commit_due{});
}

void note_failure(failure_groups& failures, const status_change& change, const attempt_end& end) {
    if (end.result == attempt_result::never_started) return;
    const auto state = change.status.state;
    if (state == task_state::error || state == task_state::failed)
        failures.failed(change.node, end.reason, state == task_state::failed, end.ended_ms);
    else if (!failures.empty())
        failures.cleared(change.node);
}

void note_ends(self_ptr self, const attempts_ended& m) {
    auto& s = self->state;
    auto batch = std::make_shared<status_batch>();
    std::vector<invocation_id> meaningless;
    std::vector<invocation_id> stored;
    for (const auto& end : m.ends) {
        s.last_end_ms = std::max(s.last_end_ms, end.ended_ms);
        if (auto change = s.table->ended(end)) {
            const bool finished =
                change->status.state == task_state::done || change->status.state == task_state::failed;
            if (finished && change->started_ms > 0) {
                s.speed.finished(s.run.now(), end.ended_ms - change->started_ms);
                s.slowest.add(change->node, end.ended_ms - change->started_ms);
            }
            note_failure(s.failures, *change, end);
            batch->finishes.push_back({s.table->spec().name, change->node, end, change->status});
            stored.push_back(end.invocation);
        } else if (!s.table->is_ending(end.invocation)) {  // else its record answers this one too
            meaningless.push_back(end.invocation);
        }
    }
    send_durable(self, std::move(meaningless));
    if (stored.empty()) return;
    record_starts(self, *batch);
    // Without a limit: a store that can't write now keeps the record and answers when it can.
    self->request(s.links.store, caf::infinite, record_statuses{std::move(batch)})
        .then(
            [=](const recorded&) {
                auto& state = self->state;
                for (auto invocation : stored) state.table->made_durable(invocation, state.run.now());
                send_durable(self, stored);
                publish(self);
            },
            [=](const caf::error&) {});  // the store is gone, and with it this process
}

caf::result<control_answer> forgive(self_ptr self, const forgive_asked& m) {
    auto& s = self->state;
    failure_matcher matcher{m.which, s.failures};
    task_table::which_tasks which;
    if (!m.which.empty())
        which = [&](const node_id& node, const task_status& status) { return matcher.matches(node, status); };
    const auto count = m.only_count || which ? s.table->count_forgivable(s.run.now(), which) : 0;
    // Before anything is changed.
    if (matcher.gave_up())
        return caf::make_error(not_understood,
                               std::string{"the regular expression takes too long; say it more simply"});
    if (m.only_count) {
        return control_answer{true, counted(count, "task") + " can be retried", count};
    }
    const auto changes = s.table->forgive(s.run.now(), which);
    auto batch = std::make_shared<status_batch>();
    for (const auto& change : changes) {
        batch->statuses.push_back({s.table->spec().name, change.node, change.status});
        s.failures.cleared(change.node);
    }
    auto promise = self->make_response_promise<control_answer>();
    self->request(s.links.store, caf::infinite, record_statuses{std::move(batch)})
        .then(
            [=, count = changes.size()](const recorded&) mutable {
                promise.deliver(control_answer{true, counted(count, "task") + " forgiven", count});
            },
            [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
    publish(self);
    return promise;
}

job_details details(self_ptr self) {
    const auto& s = self->state;
    job_details answer;
    answer.job = s.table->spec().name;
    answer.failures = s.failures.groups();
    answer.slowest = s.slowest.longest();
    slowest_tasks running;
    const auto now = s.run.now();
    s.table->for_each_running(
        [&](invocation_id, const running_task& task) { running.add(task.node, now - task.started_ms); });
    answer.running = running.longest();
    answer.levels = shares_by_level(*s.table);
    return answer;
}

tasks_answer list_tasks(self_ptr self, const tasks_asked& m) {
    const auto& table = *self->state.table;
    tasks_answer answer;
    table.visit_behind(m.after, [&](const node_id& node, const task_status& status, task_situation situation) {
        const auto word = word_of(situation, status);
        if (!m.state.empty() && m.state != word) return true;
        if (answer.tasks.size() >= m.limit) {
            ++answer.left_out;
            return m.count_rest;
        }
        answer.tasks.push_back({table.spec().name,
                                node,
                                std::string{word},
                                status.backoff_step,
                                status.retry_at_ms,
                                {},
                                0,
                                status.invocation,
                                status.data_json});
        return true;
    });
    boost::unordered_flat_map<std::string, task_row*> rows;
    for (auto& row : answer.tasks) rows.emplace(row.node.value, &row);
    table.for_each_running([&](invocation_id invocation, const running_task& task) {
        auto row = rows.find(task.node.value);
        if (row == rows.end()) return;
        row->second->worker = task.worker;
        row->second->started_ms = task.started_ms;
        row->second->invocation = invocation;
    });
    return answer;
}

}  // namespace

job_actor::behavior_type job_behavior(self_ptr self, job_spec spec, job_links links, runtime run) {
    auto& s = self->state;
    s.table = std::make_unique<task_table>(std::move(spec));
    s.links = std::move(links);
    s.seen_starts.resize(s.links.pools.size());
    s.run = std::move(run);
    load(self);
    return {
        [=](job_changed& m) {
            when_loaded(self, m, [=](job_changed& change) {
                self->state.retired = false;
                self->state.table->set_spec(std::move(change.spec), self->state.run.now());
            });
        },
        [=](job_removed& m) {
            when_loaded(self, m, [=](job_removed&) {
                self->state.retired = true;
                self->state.table->retire(self->state.run.now());
            });
        },
        [=](nodes_changed& m) {
            when_loaded(self, m, [=](nodes_changed& change) {
                auto& table = *self->state.table;
                // It may have come already, with news of a job that heard of it first.
                if (table.nodes() && table.nodes()->version() >= change.nodes->version()) return;
                table.set_forest(change.nodes, self->state.run.now());
            });
        },
        [=](pending_asked& m) {
            when_loaded(self, m, [=](pending_asked&) { self->state.table->tell_all(self->state.run.now()); });
        },
        [=](tasks_started& m) { when_loaded(self, m, [=](tasks_started& starts) { note_starts(self, starts); }); },
        [=](attempts_ended& m) { when_loaded(self, m, [=](attempts_ended& ends) { note_ends(self, ends); }); },
        [=](dependency_news& m) {
            when_loaded(self, m, [=, from = caf::actor_cast<job_actor>(self->current_sender())](dependency_news& news) {
                if (!take_news(self, news) && from) self->send(from, news_asked{});
            });
        },
        [=](news_asked& m) {
            when_loaded(self, m, [=, from = caf::actor_cast<job_actor>(self->current_sender())](news_asked&) {
                if (from && self->state.table->nodes() && !self->state.retired) self->send(from, all_news_of(self));
            });
        },
        [=](dependents_changed& m) {
            when_loaded(self, m, [=](dependents_changed& change) {
                self->state.dependents = std::move(change.dependents);
                if (!self->state.table->nodes() || self->state.retired) return;
                const auto news = all_news_of(self);
                for (const auto& dependent : self->state.dependents) self->send(dependent, news);
            });
        },
        [=](const wake_due& m) {
            if (m.generation != self->state.wake_generation) return;
            self->state.table->advance(self->state.run.now());
            publish(self);
        },
        [=](const load_due&) { load(self); },
        [=](const report_due&) {
            self->state.report_scheduled = false;
            self->send(self->state.links.monitor, progress_of(self));
        },
        [=](const commit_due&) {
            self->state.record_scheduled = false;
            if (self->state.unrecorded_starts.empty()) return;
            auto batch = std::make_shared<status_batch>();
            record_starts(self, *batch);
            caf::anon_send(self->state.links.store, record_statuses{std::move(batch)});
        },
        [=](const progress_asked&) {
            auto progress = progress_of(self);
            progress.loaded = self->state.loaded && self->state.table->nodes() != nullptr;
            return progress;
        },
        [=](const forgive_asked& m) -> caf::result<control_answer> {
            if (!self->state.loaded) return control_answer{false, "the job is still being loaded; try again"};
            return forgive(self, m);
        },
        [=](const tasks_asked& m) { return list_tasks(self, m); },
        [=](const shares_asked& m) {
            const auto& table = *self->state.table;
            const bool same = table.nodes() && table.nodes()->version() == m.forest_version;
            return shares_answer{same ? shares_below(table, m.below) : std::vector<node_share>{}};
        },
        [=](const details_asked&) { return details(self); },
        [=](const explain_asked& m) -> caf::result<explanation> {
            if (!self->state.loaded || !self->state.table->nodes())
                return caf::make_error(caf::sec::runtime_error,
                                       "the job's nodes and statuses are still being loaded; try again");
            return m.node.empty() ? explain_job(*self->state.table) : explain_task(*self->state.table, m.node);
        },
        [=](const histogram_asked& m) {
            const auto& table = *self->state.table;
            return histogram_answer{table.spec().name, histogram_of(table, m.samples)};
        },
    };
}

}  // namespace bistro
