#include "actors/resource_pool.hpp"

#include <algorithm>
#include <array>
#include <caf/all.hpp>

#include "actors/resource_pool_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = pool_ptr;

// Decisions are made and sent in portions, so that a long pass does not hold up the first of them.
constexpr std::size_t starts_a_portion = 256;

scheduler_actor scheduler_of(self_ptr self) { return caf::actor_cast<scheduler_actor>(self->state.links.scheduler); }

job_command command_of(const job_spec& spec, std::uint64_t version) {
    return {spec.name,      version,          spec.command, spec.config_json, spec.working_directory,
            spec.timeout_s, spec.kill_wait_s, spec.status,  spec.arguments,   {}};
}

}  // namespace

event make_event(self_ptr self, event_kind kind, const held_task& task, invocation_id invocation) {
    auto& s = self->state;
    event e;
    e.at_ms = s.run.now();
    e.kind = kind;
    e.job = task.job;
    e.node = node_id{task.path.front()};
    if (auto worker = s.workers.find(task.worker); worker != s.workers.end())
        e.worker = worker->second.info.shard.value;
    e.invocation = invocation;
    return e;
}

// -- news -------------------------------------------------------------------------------------------------------------

pool_state::job* job_with_news(self_ptr self, const job_id& name) {
    auto& s = self->state;
    auto found = s.jobs.find(name);
    if (found == s.jobs.end()) return nullptr;
    if (found->second.started.empty() && found->second.ended.empty()) s.jobs_with_news.push_back(name);
    return &found->second;
}

namespace {

bool has_events(const pool_state& s) { return !s.events.events.empty() || s.events.started + s.events.ended > 0; }

}  // namespace

void send_news(self_ptr self) {
    auto& s = self->state;
    for (const auto& name : std::exchange(s.jobs_with_news, {})) {
        auto found = s.jobs.find(name);
        if (found == s.jobs.end()) continue;
        auto& job = found->second;
        if (!job.started.empty())
            self->send(job.actor, tasks_started{std::exchange(job.started, {}), job.starts, false, s.links.part.number,
                                                std::exchange(job.started_nodes, {})});
        if (!job.ended.empty()) self->send(job.actor, attempts_ended{std::exchange(job.ended, {})});
    }
    if (has_events(s)) self->send(s.links.monitor, std::exchange(s.events, {}));
    s.news_sent_ms = s.run.now();
}

void send_news_in_time(self_ptr self) {
    auto& s = self->state;
    if (s.news_scheduled || (s.jobs_with_news.empty() && !has_events(s))) return;
    const auto next = s.news_sent_ms ? *s.news_sent_ms + news_interval_ms : 0;
    const auto wait = next - s.run.now();
    if (wait <= 0) return send_news(self);
    s.news_scheduled = true;
    self->delayed_send(self, std::chrono::milliseconds{wait}, report_due{});
}

namespace {

// -- starting ---------------------------------------------------------------------------------------------------------

// Tells the scheduler when all that waits waits in vain, and when that is over. Jobs hear all that happened before: the
// scheduler is going to ask them whether they are at rest.
void note_stall(self_ptr self) {
    auto& s = self->state;
    const bool waits = s.core->running_count() == 0 && s.core->pending_count() > 0 && s.core->options().enabled &&
                       s.core->workers().accepting_count() > 0;
    const bool expects = waits && (!is_settled(s) || !s.core->claims(1, 1).empty());
    const bool stalled = waits && !expects;
    if (!stalled && !s.stalled && expects == s.expects) return;
    s.stalled = stalled;
    s.expects = expects;
    send_news(self);
    self->send(scheduler_of(self), pool_stalled{stalled ? waiting_reasons(self->state) : pool_stalled{}.reasons,
                                                s.links.part.number, expects});
}

using orders_by_worker = std::map<worker_index, start_tasks>;

void add_start(self_ptr self, const start_decision& decision, orders_by_worker& portion) {
    auto& s = self->state;
    const auto& name = s.core->job_name(decision.job);
    auto& job = s.jobs.at(name);
    auto& worker = s.workers.at(decision.worker);

    task_order order;
    order.invocation = decision.invocation;
    order.job = name;
    order.path.reserve(decision.path.size());
    for (auto node : decision.path) order.path.emplace_back(s.nodes->name(node));
    order.node = node_id{order.path.front()};
    if (auto data = job.data.find(decision.node.value); data != job.data.end()) {
        order.prev_data_json = std::move(data->second);
        job.data.erase(data);
    }
    auto& orders = portion[decision.worker];
    if (auto& known = worker.known[name]; known != job.command.version) {
        known = job.command.version;
        orders.commands.push_back(job.command);
    }
    auto* news = job_with_news(self, name);
    news->started.push_back({name, order.node, decision.invocation, worker.info.shard.value, order.path, s.run.now()});
    news->started_nodes.push_back(decision.node);
    job.unseen.push_back({job.starts = ++s.starts, decision.node, {}});
    ++s.events.started;
    if (s.links.keep_events) {
        auto e = make_event(self, event_kind::start, {name, order.path, decision.worker}, decision.invocation);
        e.path = order.path;
        s.events.events.push_back(std::move(e));
    }
    orders.tasks.push_back(std::move(order));
}

}  // namespace

void schedule(self_ptr self) {
    auto& s = self->state;
    while (is_settled(s)) {
        const auto decisions = s.core->start(starts_a_portion);
        if (decisions.empty()) break;
        orders_by_worker portion;
        for (const auto& decision : decisions) add_start(self, decision, portion);
        for (auto& [worker, orders] : portion) {
            orders.session = s.workers.at(worker).session;
            self->send(s.workers.at(worker).actor, std::move(orders));
        }
        if (decisions.size() < starts_a_portion) break;
    }
    send_news_in_time(self);
    tell_ids(self);
    ask_for_leases(self);
    note_stall(self);
}

namespace {

// -- jobs -------------------------------------------------------------------------------------------------------------

}  // namespace

// An attempt of an earlier life of the scheduler, that runs or has ended. Its job may have offered the task anew before
// it hears of that attempt, so it counts as a start that the job has not seen yet; the job offers the task again if it
// knows better.
void tell_of_earlier_attempt(self_ptr self, const attempt_start& attempt) {
    auto& s = self->state;
    auto job = s.jobs.find(attempt.job);
    if (job == s.jobs.end()) return;
    const auto index = s.core->find_job(attempt.job);
    const auto node = s.nodes ? s.nodes->find(attempt.node.value) : std::nullopt;
    if (node && index) s.core->remove_pending(*index, std::array{*node});
    job->second.starts = ++s.starts;
    job->second.unseen.push_back({job->second.starts, node.value_or(node_index{}), attempt.node.value});
    send_news(self);  // it comes behind what was gathered
    self->send(job->second.actor, tasks_started{{attempt}, job->second.starts, true, s.links.part.number, {}});
}

namespace {

void put_job(self_ptr self, const job_spec& spec, const job_actor& actor) {
    auto& s = self->state;
    const bool is_new = !s.jobs.contains(spec.name);
    auto& job = s.jobs[spec.name];
    job.actor = actor;
    job.command = command_of(spec, ++s.command_versions);
    job.spec = spec;
    const auto rules_before = std::exchange(job.rules, number_of_rules(spec));
    const bool other_rules = !is_new && job.rules != rules_before;
    const auto index = s.core->put_job(spec);
    job.command.demands = s.core->demands_of(index);
    if (other_rules) {  // it will say what may start under them, and nothing else may
        s.core->clear_pending(index);
        job.out_of_step = true;
    }
    if (!is_new) return;
    job.number = ++s.job_numbers;
    // Found running after a restart, when no job had this name.
    for (const auto& [invocation, held] : s.core->held_of(index)) {
        if (!held.worker.valid()) continue;  // another pool's, which tells the job
        const auto worker = s.workers.find(held.worker);
        tell_of_earlier_attempt(self, {spec.name, node_id{held.path.front()}, invocation,
                                       worker == s.workers.end() ? std::string{} : worker->second.info.shard.value,
                                       held.path, s.run.now()});
        tell_elsewhere(self, invocation, job.starts);
    }
}

// A job that had not heard of all its starts did not know what it still runs; and one that has not said what became of
// each result still has to.
job_removal remove_job(self_ptr self, const job_ended& m) {
    auto& s = self->state;
    if (auto job = s.jobs.find(m.job);
        job != s.jobs.end() &&
        (job->second.starts > m.seen_starts || !job->second.ended.empty() || s.results.awaits(job->second.number))) {
        send_news(self);
        return {false};
    }
    s.core->erase_job(m.job);
    s.jobs.erase(m.job);
    forget_job_elsewhere(self, m.job);
    schedule(self);
    return {true};
}

}  // namespace

pool_actor::behavior_type pool_behavior(self_ptr self, invocation_id first, pool_links links, runtime run) {
    auto& s = self->state;
    engine_options off;
    off.enabled = false;
    s.core.emplace(off, first, links.part);
    s.next_told = first;
    s.results = result_ledger{first};
    s.links = std::move(links);
    s.run = std::move(run);
    self->set_exit_handler([=](caf::exit_msg& m) {
        send_news(self);
        self->quit(std::move(m.reason));
    });
    return {
        [=](const pool_configured& m) {
            auto& core = *self->state.core;
            core.set_options(m.options);
            if (core.resources() != m.resources) core.set_resources(m.resources);
            renew_demands(self);
            schedule(self);
        },
        [=](const nodes_changed& m) {
            take_nodes(self, m);
            schedule(self);
        },
        [=](const job_changed& m, const job_actor& actor) {
            put_job(self, m.spec, actor);
            schedule(self);
        },
        [=](const job_ended& m) { return remove_job(self, m); },
        // Of the scheduler: they go to the monitor through here, so that all come in the order of decisions.
        [=](events_happened& m) {
            auto& state = self->state;
            for (auto& e : m.events) {
                e.at_ms = state.run.now();
                state.events.events.push_back(std::move(e));
            }
            send_news_in_time(self);
        },
        [=](pending_changed& m) {
            take_pending(self, m);
            schedule(self);
        },
        [=](const worker_joined& m) {
            take_worker(self, m);
            schedule(self);
            return worker_taken{};
        },
        [=](const worker_accepts& m) {
            self->state.core->set_accepting(m.worker, m.accepting);
            schedule(self);
        },
        [=](const worker_gone& m) {
            conclude(self, self->state.core->erase_worker(m.worker), attempt_result::lost, m.reason);
            self->state.workers.erase(m.worker);
            self->state.results.forget(m.worker);
            schedule(self);
        },
        [=](const tasks_finished& m) {
            auto& state = self->state;
            const auto worker = state.workers.find(m.worker);
            // CAF hands a message to any actor whose id a peer can guess; a session it can't.
            if (worker == state.workers.end() || worker->second.session != m.session || !valid(m)) {
                ++state.fenced;
                return;
            }
            take_ends(self, m.worker, m.ends);
            schedule(self);
        },
        [=](const results_durable& m) {
            if (auto job = self->state.jobs.find(m.job); job != self->state.jobs.end())
                forget_seen(self->state, m.job, job->second, m.seen_starts);
            if (const auto index = self->state.core->find_job(m.job))
                self->state.core->set_unfinished(*index, m.unfinished);
            send_acknowledgements(self, m.invocations);
        },
        [=](const kill_tasks& m) { return kill(self, m); },
        [=](const report_due&) {
            self->state.news_scheduled = false;
            send_news(self);
        },
        [=](const reasons_asked&) {
            const auto& state = self->state;
            return pool_stalled{waiting_reasons(state), state.links.part.number, state.expects, state.fenced};
        },
        [=](const waiting_asked& m) { return explain(self->state, m); },
        [=](const node_use_asked& m) {
            const auto& state = self->state;
            node_use_answer answer;
            if (!state.nodes || state.nodes->version() != m.forest_version) return answer;
            for (const auto node : m.nodes) {
                const auto used = state.core->used(node);
                answer.used.emplace_back(used.begin(), used.end());
            }
            return answer;
        },
        [=](const holders_asked& m) { return name_holders(self->state, m); },
        [=](const pools_known& m) {
            for (const auto& pool : m.pools) self->state.peers.push_back({caf::actor_cast<pool_actor>(pool), 0, {}});
        },
        [=](const tasks_elsewhere& m) {
            take_elsewhere(self, m);
            schedule(self);
        },
        [=](const elsewhere_ended& m) {
            auto& state = self->state;
            for (const auto invocation : m.invocations)
                if (state.peers[m.from].running.erase(invocation) > 0) state.core->finish(invocation);
            schedule(self);
        },
        [=](const ids_reached& m) { skip_ids(self, m.next); },
        [=](const slots_asked& m) {
            auto& state = self->state;
            send_news(self);  // what starts elsewhere for what has ended here comes later in the event log
            state.others_wait = m.others_wait;
            state.some_ended = state.spoke_up = false;
            state.refusals = state.core->refusals();
            return report_slots(state);
        },
        [=](const job_forgotten& m) { take_forgotten(self->state, m); },
        [=](const rest_asked&) {
            const auto& state = self->state;
            send_news(self);
            return rest_answer{state.core->running_count() > 0,
                               {state.stalled ? waiting_reasons(state) : pool_stalled{}.reasons,
                                state.links.part.number, state.expects, state.fenced}};
        },
        [=](const leases_changed& m) {
            for (const auto& lease : m.leases) {
                if (lease.worker.valid())
                    self->state.core->lease_worker(lease.worker, lease.slots);
                else
                    self->state.core->lease_instance(lease.slots);
            }
            schedule(self);
        },
    };
}

}  // namespace bistro
