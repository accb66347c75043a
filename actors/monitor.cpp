#include "actors/monitor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/program_log.hpp"
#include "io/error.hpp"
#include "io/host.hpp"

namespace bistro {

namespace {

using self_ptr = monitor_actor::stateful_pointer<monitor_state>;

void give_up_log(self_ptr self, const io_error& e) {
    log_of(log_part::monitor).error("{}; the event log ends here", e.what());
    self->state.log = nullptr;
    self->state.log_failed = true;
}

void schedule_wakeup(self_ptr self) {
    if (std::exchange(self->state.snapshot_due, true)) return;
    self->delayed_send(self, snapshot_interval, wake_due{});
}

void flush(self_ptr self) {
    auto& s = self->state;
    if (!std::exchange(s.unflushed, false) || !s.log) return;
    try {
        s.log->flush();
    } catch (const io_error& e) {
        give_up_log(self, e);
    }
}

void note_events(self_ptr self, events_happened& m) {
    auto& s = self->state;
    s.running += m.started;
    s.running -= std::min(s.running, m.ended);
    s.finished += m.ended;
    for (auto& e : m.events) {
        e.seq = ++s.seq;
        if (s.feed) s.feed->publish(e.seq, to_string(e.kind), to_json_line(e));
        if (!s.log) continue;
        try {
            s.log->write(e);
            s.unflushed = true;
        } catch (const io_error& error) {
            give_up_log(self, error);
        }
    }
    schedule_wakeup(self);
}

void send_snapshot(self_ptr self) {
    auto& s = self->state;
    s.snapshot_due = false;
    flush(self);
    if (s.watchers.empty()) return;
    progress_snapshot snapshot;
    for (const auto& job : s.order)
        if (auto found = s.jobs.find(job); found != s.jobs.end()) snapshot.jobs.push_back(found->second);
    snapshot.running = s.running;
    snapshot.finished = s.finished;
    for (const auto& watcher : s.watchers) self->send(watcher, snapshot);
}

}  // namespace

monitor_actor::behavior_type monitor_behavior(self_ptr self, std::shared_ptr<event_log> log) {
    self->state.log = std::move(log);
    return {
        [=](events_happened& m) { note_events(self, m); },
        [=](const job_progress& m) {
            auto& s = self->state;
            if (m.retired && !m.counts.alive()) {
                s.jobs.erase(m.job);
                std::erase(s.order, m.job);
            } else {
                if (!s.jobs.contains(m.job)) s.order.push_back(m.job);
                s.jobs.insert_or_assign(m.job, m);
            }
            schedule_wakeup(self);
        },
        [=](const problem& m) {
            auto& s = self->state;
            if (m.text.empty()) {
                if (s.problems.erase(m.source) > 0) log_of(log_part::monitor).info("{}: well again", m.source);
            } else if (auto& known = s.problems[m.source]; known != m.text) {
                known = m.text;
                log_of(log_part::monitor).warn("{}: {}", m.source, m.text);
            }
        },
        [=](const watch_progress& m) {
            self->state.watchers.push_back(caf::actor_cast<progress_actor>(m.watcher));
            schedule_wakeup(self);
        },
        [=](const watch_events& m) {
            auto& s = self->state;
            if (!s.feed) s.feed = std::make_unique<event_feed>(random_number());
            s.feed->subscribe(m.reader, m.last_id);
        },
        [=](const wake_due&) { send_snapshot(self); },
        [=](const flush_monitor&) -> caf::result<recorded> {
            send_snapshot(self);
            if (self->state.log_failed)
                return caf::make_error(caf::sec::runtime_error, "the event log is not complete");
            return recorded{};
        },
    };
}

}  // namespace bistro
