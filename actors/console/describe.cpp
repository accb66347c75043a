// What each actor answers when it is asked for its state.
#include <fmt/format.h>

#include <numeric>

#include "actors/config_watcher.hpp"
#include "actors/console/description.hpp"
#include "actors/http/http_actor.hpp"
#include "actors/job.hpp"
#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/network.hpp"
#include "actors/nodes.hpp"
#include "actors/resource_pool_parts.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "actors/task.hpp"
#include "actors/worker.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

std::string seconds_text(time_ms span) { return fmt::format("{:.1f} s", static_cast<double>(span) / 1000.0); }

std::string lease_of(const worker_registry::member& member, time_ms now) {
    if (member.who.local) return "of this process: lives as long as it";
    const auto silent = now - member.last_heard_ms;
    const auto& timeouts = member.who.timeouts;
    auto text =
        fmt::format("{}, heard {} ago, unhealthy after {}, lost in {}", to_string(member.health), seconds_text(silent),
                    seconds_text(timeouts.unhealthy_after_ms), seconds_text(timeouts.lost_after_ms - silent));
    if (!member.connected) text += ", connection broken";
    if (member.awaited) text += ", awaited since the restart";
    if (member.leaving) text += ", leaving";
    return text;
}

std::string counts_text(const task_counts& c) {
    return fmt::format(
        "{} in all: {} done, {} failed, {} running, {} ending, {} ready, {} in backoff, {} blocked, {} excluded",
        c.total, c.done, c.failed, c.running, c.ending, c.ready, c.backoff, c.blocked, c.excluded);
}

}  // namespace

void describe(const scheduler_state& s, description& d) {
    d.state("config", s.config->file);
    d.state("policy", std::string{to_string(s.config->engine.policy)});
    d.state("jobs", s.order.size());
    d.state("removed jobs that still have tasks", s.jobs.size() - std::min(s.jobs.size(), s.order.size()));
    d.state("nodes", s.forest && s.forest->nodes ? s.forest->nodes->size() : std::size_t{0});
    d.state("starts tasks", s.starting_allowed);
    d.state("stopping", s.stopping);
    if (!s.store_trouble.empty()) d.state("store", s.store_trouble);
    for (const auto& stall : s.stalls)
        for (const auto& [job, why] : stall.reasons) d.state("stalled: " + job.value, why);
    for (const auto& [source, text] : s.problems) d.state("problem: " + source, text);
    d.queue("who wait for jobs", s.job_waiters.size());
    d.queue("who wait for quiescence", s.quiescence_waiters.size());
    for (const auto& [index, member] : s.registry.members())
        d.lease("worker " + member.who.info.shard.value + " on " + member.who.info.host,
                lease_of(member, s.options.run.now()));
}

void describe(const pool_state& s, description& d) {
    d.state("forest",
            s.nodes ? fmt::format("version {}, {}", s.nodes->version(), counted(s.nodes->size(), "node")) : "none yet");
    d.state("jobs", s.jobs.size());
    d.state("workers", s.workers.size());
    d.state("starts so far", s.starts);
    d.state("fenced messages", s.fenced);
    d.state("stalled", s.stalled);
    if (!s.peers.empty()) {
        d.state("knows what others run", is_settled(s));
        d.state("wants slots of others", s.wanted);
        std::size_t others = 0;
        for (const auto& peer : s.peers) others += peer.running.size();
        d.state("tasks of others on its nodes", others);
        d.state("tasks of its own on nodes of others", s.elsewhere.size());
    }
    if (s.core)
        for (const auto& u : s.core->utilisations())
            d.state(fmt::format("{} of {}", u.resource, u.level), fmt::format("{} of {} used", u.used, u.capacity));
    d.queue("results that are not durable", s.results.size());
    d.queue("jobs with news", s.jobs_with_news.size());
    d.queue("events to tell", s.events.events.size());
    std::size_t unseen = 0;
    for (const auto& [name, job] : s.jobs) unseen += job.unseen.size();
    d.queue("starts that jobs have not heard of", unseen);
}

std::string label_of(const pool_state& s) {
    const auto& part = s.links.part;
    return part.is_whole() ? std::string{} : fmt::format("{} of {}", part.number + 1, part.count);
}

void describe(const job_state& s, description& d) {
    d.state("tasks", counts_text(s.table->counts()));
    d.state("loaded", s.loaded);
    d.state("removed", s.retired);
    d.state("dependents", s.dependents.size());
    d.state("starts heard of", std::accumulate(s.seen_starts.begin(), s.seen_starts.end(), std::uint64_t{0}));
    d.state("changes", s.changes);
    d.queue("starts to record", s.unrecorded_starts.size());
    d.queue("what came before it had loaded", s.early.size());
}
std::string label_of(const job_state& s) { return s.table->spec().name.value; }

void describe(const worker_state& s, description& d) {
    const auto& side = *s.side;
    d.state("shard", s.options.who.info.shard.value);
    d.state("member", side.is_member());
    d.state("session", side.session());
    d.state("stopping", side.is_stopping());
    d.state("fenced messages", side.fenced());
    if (!s.last_reason.empty()) d.state("no member since", s.last_reason);
    d.queue("running tasks", s.tasks.size());
    d.queue("results that are not acknowledged", side.unacknowledged());
    if (const auto left = side.left_to_live(s.options.run.now()))
        d.lease("scheduler", "tasks may live " + seconds_text(*left) + " without word from it");
}

void describe(const task_actor_state& s, description& d) {
    d.state("job", s.order->job.value);
    d.state("node", s.order->node.value);
    d.state("attempt", to_string(s.order->invocation));
    d.state("command", join(s.command->command, " "));
    if (!s.stop_reason.empty()) d.state("told to end", s.stop_reason);
    d.state("killed", s.killed);
}
std::string label_of(const task_actor_state& s) { return s.order->job.value + " " + s.order->node.value; }

void describe(const nodes_state& s, description& d) {
    d.state("version", s.version);
    d.state("nodes", s.forest ? s.forest->size() : std::size_t{0});
    d.state("sources", s.sources.size());
    d.state("problems", s.node_problems.size() + s.more_node_problems);
}

void describe(const source_state& s, description& d) {
    d.state("fetching", s.fetching);
    d.state("failures in a row", s.failures);
    d.state("parents", s.parents.size());
    d.queue("reads under way", s.outstanding);
}
std::string label_of(const source_state& s) { return std::to_string(s.index); }

void describe(const status_store_state& s, description& d) {
    d.queue("records of the next commit",
            s.gathered.starts.size() + s.gathered.finishes.size() + s.gathered.statuses.size());
    d.queue("who wait for it", s.waiting.size());
    d.state("in trouble", s.in_trouble);
}

void describe(const log_store_state& s, description& d) {
    d.state("in trouble", s.in_trouble);
    d.state("lines lost", s.lost);
}

void describe(const monitor_state& s, description& d) {
    d.state("events", s.seq);
    d.state("attempts running", s.running);
    d.state("attempts ended", s.finished);
    d.state("event log", s.log != nullptr);
    d.queue("readers of events", s.feed ? s.feed->readers() : 0);
    d.queue("watchers of progress", s.watchers.size());
}

void describe(const http_state& s, description& d) {
    d.state("changes made", s.changes);
    d.queue("who wait for the scheduler", s.waiting.size());
}

void describe(const config_watcher_state& s, description& d) {
    d.state("file", s.path);
    d.state("may be submitted to", !s.options.submissions_path.empty());
    d.state("change to read", s.changed);
}

void describe(const connector_state& s, description& d) {
    d.state("searching", s.searching);
    d.state("failures in a row", s.failures);
    if (!s.last_problem.empty()) d.state("last problem", s.last_problem);
}

}  // namespace bistro
