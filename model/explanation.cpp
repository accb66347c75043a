#include "model/explanation.hpp"

#include <algorithm>

#include "model/text.hpp"

namespace bistro {

namespace {

std::string quoted_list(const std::vector<job_id>& jobs) {
    std::vector<std::string> names;
    for (const auto& job : jobs) names.push_back(quote(job.value));
    return join(names, ", ");
}

std::string after_errors(std::uint32_t errors) { return errors == 0 ? "" : ", after " + counted(errors, "error"); }

void describe_disabled(explanation& e, const task_table& table, const std::string& whose) {
    const auto& job = e.job.value;
    e.cause = "job_disabled";
    if (table.retired()) {
        e.text = whose + " is gone from the config";
    } else if (table.spec().paused) {
        e.text = whose + " is paused";
        e.advice = "bistro resume " + job + " lets it go on";
    } else {
        e.text = whose + " is disabled";
        e.advice = table.spec().submitted ? "submit it again, with \"enabled\": true"
                                          : "set enabled = true in [jobs." + job + "]";
    }
}

void describe(explanation& e, const task_table& table, task_situation situation) {
    const auto& spec = table.spec();
    switch (situation) {
        case task_situation::ready: return add_blocker(e, {});
        case task_situation::running:
            e.cause = "running";
            e.text = "it runs on worker " + quote(e.worker);
            return;
        case task_situation::done:
            e.cause = "done";
            e.text = "it is done";
            return;
        case task_situation::failed:
            e.cause = "failed";
            e.forever = true;
            e.text = "it has failed for good" + after_errors(e.errors);
            e.advice = "bistro forgive " + e.job.value + " lets it start again";
            return;
        case task_situation::backoff:
            e.cause = "backoff";
            e.text = "it waits for its next try" + after_errors(e.errors);
            if (table.status_of(e.node).synthetic)
                e.text += "; its worker was lost, and may run the last one until then";
            else
                e.advice = "bistro forgive " + e.job.value + " ends the wait";
            return;
        case task_situation::job_disabled: e.forever = true; return describe_disabled(e, table, "its job");
        case task_situation::job_invalid:
            e.cause = "job_invalid";
            e.forever = true;
            e.text = "its job can't run: " + join(spec.errors, "; ");
            return;
        case task_situation::waits_for_node_of_job:
        case task_situation::waits_for_whole_job: {
            const bool whole = situation == task_situation::waits_for_whole_job;
            e.cause = whole ? "waits_for_whole_job" : "waits_for_node_of_job";
            e.waits_for = table.waits_for(e.node);
            e.text = "it waits until job " + quoted_list(e.waits_for) +
                     (whole ? " is done on all of its nodes" : " is done on this node");
            if (!e.waits_for.empty())
                e.advice = "bistro explain " + e.waits_for.front().value + (whole ? "" : " " + e.node.value);
            return;
        }
        case task_situation::node_disabled:
        case task_situation::filtered_out:
            e.cause = situation == task_situation::node_disabled ? "node_disabled" : "filtered_out";
            e.forever = true;
            e.text = table.why_excluded(e.node);
            e.advice = situation == task_situation::node_disabled
                           ? "let its source of nodes enable it"
                           : "change [jobs." + e.job.value + ".filters]; see the config";
            return;
        case task_situation::no_such_task:
            e.cause = "no_such_task";
            e.text = "the job has no task on node " + quote(e.node.value);
            e.advice = "its tasks are on nodes of level " + quote(spec.level) + "; see bistro tasks " + e.job.value;
            return;
    }
}

}  // namespace

explanation explain_task(const task_table& table, const node_id& node) {
    explanation e;
    e.job = table.spec().name;
    e.node = node;
    const auto situation = table.situation_of(node);
    const auto status = table.status_of(node);
    e.state = word_of(situation, status);
    e.errors = status.backoff_step;
    e.invocation = status.invocation;
    if (situation == task_situation::backoff) e.retry_at_ms = status.retry_at_ms;
    // It may also run where its node is gone.
    bool runs = false;
    table.for_each_running([&](invocation_id invocation, const running_task& task) {
        if (task.node != node) return;
        runs = true;
        e.worker = task.worker;
        e.started_ms = task.started_ms;
        e.invocation = invocation;
    });
    if (runs) e.state = word_of(task_situation::running, status);
    describe(e, table, runs ? task_situation::running : situation);
    return e;
}

void add_blocker(explanation& e, const blocker& b) {
    e.cause = cause_word(b.what);
    e.text = b.what == blocker::kind::none ? "nothing keeps it from starting: it is among the next" : to_string(b);
    e.place = b.place;
    e.resource = b.resource;
    e.demand = b.demand;
    e.free = b.free;
    e.limit = b.limit;
    e.forever = b.forever() || b.what == blocker::kind::node_closed || b.what == blocker::kind::no_such_task;
    e.advice = b.what == blocker::kind::no_worker ? "start one: bistro worker" : "";
}

explanation explain_job(const task_table& table) {
    explanation e;
    const auto& spec = table.spec();
    e.job = spec.name;
    e.counts = table.counts();
    if (!spec.errors.empty()) {
        e.cause = "job_invalid";
        e.text = "the job can't run: " + join(spec.errors, "; ");
    } else if (table.retired() || !spec.enabled) {
        describe_disabled(e, table, "the job");
    }
    if (e.counts.backoff > 0) e.groups.push_back({e.counts.backoff, "backoff", {}, "for their next try"});
    if (e.counts.blocked > 0 && !e.cause.empty()) {
        e.groups.push_back({e.counts.blocked, e.cause, {}, "since " + e.text});
    } else if (e.counts.blocked > 0) {
        e.waits_for = table.waited_for();
        e.groups.push_back({e.counts.blocked, "waits_for_job", {}, "for job " + quoted_list(e.waits_for)});
    }
    return e;
}

namespace {

std::string what_for(const blocked_tasks& w) {
    const auto& b = w.why;
    if (b.what == blocker::kind::none) return "for their turn";
    if (w.places == 1) return "since " + to_string(b);
    const auto such_as = ", such as " + quote(b.place);
    const auto slots = ", which has " + std::to_string(std::max<std::int64_t>(b.free, 0)) + " of " +
                       std::to_string(b.limit) + " free; each task needs " + std::to_string(b.demand) +
                       (b.forever() ? ", so it can never start: lower the job's demand or raise the limit" : "");
    switch (b.what) {
        case blocker::kind::node_resource:
            return "for " + b.resource + " of " + counted(w.places, "node") + " of level " + quote(w.level) + such_as +
                   slots;
        case blocker::kind::worker_resource:
            return "for " + b.resource + " of " + counted(w.places, "worker") + such_as + slots;
        case blocker::kind::no_worker:
            if (!b.resource.empty())
                return "for a worker with " + std::to_string(b.demand) + " " + b.resource + " on each of " +
                       counted(w.places, "host") + such_as + "; those that have as much are away";
            return "for a worker on each of " + counted(w.places, "host") + such_as + "; none is connected there";
        default:
            return "below " + counted(w.places, "node") + " of level " + quote(w.level) +
                   " that are closed to the job" + such_as;
    }
}

}  // namespace

void merge_waiting(std::vector<blocked_tasks>& all, const std::vector<blocked_tasks>& more) {
    for (const auto& w : more) {
        const auto same = std::find_if(all.begin(), all.end(), [&](const blocked_tasks& a) {
            return a.why.what == w.why.what && a.why.resource == w.why.resource && a.level == w.level &&
                   a.why.forever() == w.why.forever();
        });
        if (same == all.end()) {
            all.push_back(w);
            continue;
        }
        const bool is_shared = w.level.empty() || w.level == instance_level;
        same->tasks += w.tasks;
        same->places = is_shared ? std::max(same->places, w.places) : same->places + w.places;
    }
}

void add_groups(explanation& e, const std::vector<blocked_tasks>& waiting) {
    for (const auto& w : waiting)
        e.groups.push_back({w.tasks, std::string{cause_word(w.why.what)}, w.why.resource, what_for(w)});
    std::stable_sort(e.groups.begin(), e.groups.end(), [](const auto& a, const auto& b) { return a.tasks > b.tasks; });
}

std::string_view cause_word(blocker::kind kind) {
    switch (kind) {
        case blocker::kind::none: return "starts_next";
        case blocker::kind::scheduler_disabled: return "scheduler_disabled";
        case blocker::kind::no_such_task: return "no_such_task";
        case blocker::kind::node_closed: return "node_closed";
        case blocker::kind::node_resource: return "node_resource";
        case blocker::kind::no_worker: return "no_worker";
        case blocker::kind::worker_resource: return "worker_resource";
    }
    return {};
}

std::string describe_end(const attempt_end& end) {
    std::string text{to_string(end.result)};
    if (!end.reason.empty()) return text + ": " + end.reason;
    if (end.signal != 0) return text + ", by signal " + std::to_string(end.signal);
    return text + ", exit code " + std::to_string(end.exit_code);
}

}  // namespace bistro
