// How messages between processes become bytes. Enumerations travel as their numbers; whoever receives one checks it
// with valid() before use, since CAF does not.
#pragma once

#include <caf/detail/stringification_inspector.hpp>
#include <caf/meta/type_name.hpp>
#include <type_traits>

#include "actors/protocol/view_messages.hpp"

namespace bistro {

template <class Inspector, class Tag>
auto inspect(Inspector& f, strong_index<Tag>& x) {
    return f(caf::meta::type_name("index"), x.value);
}
template <class Inspector, class Tag>
auto inspect(Inspector& f, strong_name<Tag>& x) {
    return f(caf::meta::type_name("name"), x.value);
}
template <class Inspector>
auto inspect(Inspector& f, invocation_id& x) {
    return f(caf::meta::type_name("invocation_id"), x.value);
}

// Where a message is put in words for people, its secret is not.
template <class Inspector>
std::string& secret_field([[maybe_unused]] std::string& secret) {
    if constexpr (std::is_same_v<Inspector, caf::detail::stringification_inspector>) {
        static thread_local std::string hidden;
        hidden = "***";
        return hidden;
    } else {
        return secret;
    }
}

#define BISTRO_INSPECT(type, ...)                           \
    template <class Inspector>                              \
    auto inspect(Inspector& f, type& x) {                   \
        return f(caf::meta::type_name(#type), __VA_ARGS__); \
    }

BISTRO_INSPECT(liveness_timeouts, x.heartbeat_ms, x.unhealthy_after_ms, x.lost_after_ms, x.kill_ms)
BISTRO_INSPECT(worker_info, x.shard, x.host, x.declared)
BISTRO_INSPECT(worker_instance, x.info, x.instance, x.pid, x.timeouts, x.local)
BISTRO_INSPECT(attempt_end, x.invocation, x.result, x.data_json, x.exit_code, x.signal, x.ended_ms, x.not_before_ms,
               x.reason)
BISTRO_INSPECT(job_demands, x.nodes, x.worker)
BISTRO_INSPECT(job_command, x.job, x.version, x.command, x.config_json, x.working_directory, x.timeout_s, x.kill_wait_s,
               x.status, x.arguments, x.demands)
BISTRO_INSPECT(task_order, x.invocation, x.job, x.node, x.path, x.prev_data_json)
BISTRO_INSPECT(task_report, x.invocation, x.job, x.node, x.path, x.started_ms, x.demands)
BISTRO_INSPECT(finished_task, x.job, x.node, x.end)
BISTRO_INSPECT(protocol_asked, x.version)
BISTRO_INSPECT(protocol_answer, x.version)
BISTRO_INSPECT(secret_told, secret_field<Inspector>(x.secret))
BISTRO_INSPECT(hello, x.version, secret_field<Inspector>(x.secret), x.cluster, x.who, x.session, x.running,
               x.unacknowledged, x.worker)
BISTRO_INSPECT(welcome, x.verdict, x.worker, x.timeouts, x.reason, x.scheduler, x.pools, x.cluster)
BISTRO_INSPECT(heartbeat, x.worker, x.instance, x.known)
BISTRO_INSPECT(goodbye, x.worker, x.instance)
BISTRO_INSPECT(start_tasks, x.session, x.commands, x.tasks)
BISTRO_INSPECT(tasks_finished, x.worker, x.session, x.ends)
BISTRO_INSPECT(acknowledge_results, x.session, x.invocations)
BISTRO_INSPECT(kill_invocations, x.session, x.invocations, x.reason, x.blameless)
BISTRO_INSPECT(worker_leaves, x.worker, x.instance)
BISTRO_INSPECT(task_counts, x.total, x.done, x.failed, x.running, x.ending, x.ready, x.backoff, x.blocked, x.excluded)
BISTRO_INSPECT(jobs_asked, secret_field<Inspector>(x.secret))
BISTRO_INSPECT(job_row, x.job, x.owner, x.enabled, x.priority, x.level, x.counts, x.waiting, x.rate, x.left_s,
               x.left_low_s, x.left_high_s)
BISTRO_INSPECT(worker_row, x.shard, x.host, x.pid, x.health, x.connected, x.awaited, x.leaving, x.silent_ms, x.declared)
BISTRO_INSPECT(jobs_answer, x.jobs, x.problems, x.policy, x.suspended, x.workers, x.fenced)
BISTRO_INSPECT(tasks_asked, secret_field<Inspector>(x.secret), x.job, x.state, x.limit, x.after, x.count_rest)
BISTRO_INSPECT(task_row, x.job, x.node, x.state, x.errors, x.retry_at_ms, x.worker, x.started_ms, x.invocation,
               x.data_json)
BISTRO_INSPECT(tasks_answer, x.tasks, x.left_out)
BISTRO_INSPECT(explain_asked, secret_field<Inspector>(x.secret), x.job, x.node)
BISTRO_INSPECT(slot_holder, x.job, x.node, x.worker)
BISTRO_INSPECT(waiting_group, x.tasks, x.cause, x.resource, x.text)
BISTRO_INSPECT(explanation, x.job, x.node, x.state, x.cause, x.text, x.advice, x.forever, x.place, x.resource, x.demand,
               x.free, x.limit, x.holders, x.other_holders, x.waits_for, x.errors, x.retry_at_ms, x.worker,
               x.started_ms, x.invocation, x.last_attempt, x.counts, x.groups)
BISTRO_INSPECT(log_query, x.job, x.node, x.invocation, x.any_stream, x.stream, x.after_id, x.before_id, x.limit,
               x.latest)
BISTRO_INSPECT(logs_asked, secret_field<Inspector>(x.secret), x.query, x.after)
BISTRO_INSPECT(log_line, x.id, x.job, x.node, x.invocation, x.stream, x.written_ms, x.text)
BISTRO_INSPECT(logs_answer, x.lines, x.last, x.missing)
BISTRO_INSPECT(wait_asked, secret_field<Inspector>(x.secret), x.job, x.timeout_s)
BISTRO_INSPECT(wait_answer, x.counts, x.at_rest)
BISTRO_INSPECT(control_asked, secret_field<Inspector>(x.secret), x.verb, x.job, x.node, x.text, x.cause, x.error,
               x.nodes, x.state, x.only_count)
BISTRO_INSPECT(control_answer, x.ok, x.text, x.tasks)
BISTRO_INSPECT(node_share, x.total, x.done, x.running, x.failed, x.waiting)
BISTRO_INSPECT(level_share, x.level, x.nodes)
BISTRO_INSPECT(nodes_asked, secret_field<Inspector>(x.secret), x.below, x.job, x.limit, x.after)
BISTRO_INSPECT(node_row, x.node, x.level, x.enabled, x.tags, x.children, x.share, x.resources)
BISTRO_INSPECT(nodes_answer, x.below, x.path, x.nodes, x.left_out)
BISTRO_INSPECT(failure_group, x.cause, x.tasks, x.for_good, x.latest_ms, x.nodes)
BISTRO_INSPECT(timed_task, x.node, x.took_ms)
BISTRO_INSPECT(details_asked, secret_field<Inspector>(x.secret), x.job)
BISTRO_INSPECT(job_details, x.job, x.failures, x.slowest, x.running, x.levels)

BISTRO_INSPECT(console_asked, secret_field<Inspector>(x.secret), x.worker, x.words, x.after)
BISTRO_INSPECT(console_answer, x.columns, x.rows, x.notes, x.last)

#undef BISTRO_INSPECT

// True where every enumeration in a message has one of its values, and sizes are within their bounds.
bool valid(const hello& x);
bool valid(const welcome& x);
bool valid(const start_tasks& x);
bool valid(const tasks_finished& x);
bool valid(const acknowledge_results& x);
bool valid(const kill_invocations& x);
bool valid(const tasks_asked& x);
bool valid(const explain_asked& x);
bool valid(const logs_asked& x);
bool valid(const logs_answer& x);
bool valid(const wait_asked& x);
bool valid(const control_asked& x);
bool valid(const console_asked& x);
bool valid(const console_answer& x);
bool valid(const details_asked& x);
bool valid(const nodes_asked& x);

}  // namespace bistro
