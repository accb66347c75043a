#include "actors/scheduler.hpp"

#include <algorithm>

#include "actors/console/observed.hpp"
#include "actors/job.hpp"
#include "actors/nodes.hpp"
#include "actors/program_log.hpp"
#include "actors/resource_pool.hpp"
#include "actors/scheduler_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

void tell(scheduler_ptr self, event_kind kind, const job_id& job, std::uint64_t count = 0) {
    event e;
    e.at_ms = self->state.options.run.now();
    e.kind = kind;
    e.job = job;
    e.count = count;
    self->send(self->state.pools.front(), events_happened{{std::move(e)}});
}

void note_problem(scheduler_ptr self, const std::string& source, const std::string& text) {
    auto& s = self->state;
    if (text.empty())
        s.problems.erase(source);
    else
        s.problems[source] = text;
    self->send(s.options.monitor, problem{source, text});
}

void tell_job(scheduler_ptr self, const scheduler_state::job& job) {
    for (const auto& pool : self->state.pools) self->send(pool, job_changed{job.spec}, job.actor);
}

// -- jobs -------------------------------------------------------------------------------------------------------------

scheduler_state::job& spawn_job(scheduler_ptr self, const job_spec& spec) {
    auto& s = self->state;
    auto& job = s.jobs[spec.name];
    job.spec = spec;
    job.retired = false;
    job.progress = {};
    job.progress.job = spec.name;
    job.progress.level = spec.level;
    job.progress.loaded = false;
    job.actor = spawn_child(
        self, job_behavior, spec,
        job_links{s.pools, s.options.store, s.options.monitor, caf::actor_cast<caf::strong_actor_ptr>(self)},
        s.options.run);
    tell_job(self, job);
    if (s.forest) self->send(job.actor, *s.forest);
    return job;
}

void change_job(scheduler_ptr self, scheduler_state::job& job, const job_spec& spec) {
    job.spec = spec;
    job.retired = false;
    job.needed_again = job.removal_asked;  // the answer will be of before
    tell(self, event_kind::job_changed, spec.name);
    tell_job(self, job);
    self->send(job.actor, job_changed{spec});
}

void connect_dependents(scheduler_ptr self) {
    auto& s = self->state;
    std::map<job_id, std::vector<job_actor>> dependents;
    for (const auto& [name, job] : s.jobs) {
        std::set<job_id> upstream(job.spec.depends_on.begin(), job.spec.depends_on.end());
        upstream.insert(job.spec.run_only_after_all_nodes_are_done_for.begin(),
                        job.spec.run_only_after_all_nodes_are_done_for.end());
        for (const auto& other : upstream) dependents[other].push_back(job.actor);
    }
    for (auto& [name, job] : s.jobs) self->send(job.actor, dependents_changed{dependents[name]});
}

void apply_jobs(scheduler_ptr self, const settings& config) {
    auto& s = self->state;
    std::set<job_id> wanted;
    s.order.clear();
    bool changed = false;
    for (const auto& spec : config.jobs) {
        wanted.insert(spec.name);
        s.order.push_back(spec.name);
        auto found = s.jobs.find(spec.name);
        if (found == s.jobs.end()) {
            tell(self, event_kind::job_added, spec.name);
            spawn_job(self, spec);
        } else if (found->second.spec != spec || found->second.retired) {
            change_job(self, found->second, spec);
        } else {
            continue;
        }
        changed = true;
    }
    for (auto& [name, job] : s.jobs) {
        if (wanted.contains(name) || job.retired) continue;
        job.retired = changed = true;
        tell(self, event_kind::job_removed, name);
        self->send(job.actor, job_removed{name});
    }
    if (changed) connect_dependents(self);
}

void apply_config(scheduler_ptr self, const std::shared_ptr<const settings>& config) {
    auto& s = self->state;
    const bool first = !s.config;
    const auto before = std::exchange(s.config, config);
    if (first || before->engine != config->engine || before->resources != config->resources) configure_pools(self);
    if (first || before->resources != config->resources) renew_accounts(self);
    apply_jobs(self, *config);
    self->send(s.nodes, config_changed{config});
    if (!first) log_of(log_part::scheduler).info("the config was read again: {}", counted(config->jobs.size(), "job"));
}

void take_progress(scheduler_ptr self, const job_progress& m);

void ask_progress_of(scheduler_ptr self, const scheduler_state::job& job) {
    self->request(job.actor, local_request_timeout, progress_asked{})
        .then([=](const job_progress& m) { take_progress(self, m); }, [=](const caf::error&) {});
}

// A job that came back meanwhile lives on as a new one.
void finish_removal(scheduler_ptr self, const job_id& name, bool removed) {
    auto& s = self->state;
    auto found = s.jobs.find(name);
    if (found == s.jobs.end()) return;
    auto& job = found->second;
    job.removal_asked = false;
    const bool needed = std::exchange(job.needed_again, false);
    if (!removed) {  // its next progress asks again, or that which has come already
        if (std::exchange(job.progress_came, false)) ask_progress_of(self, job);
        return;
    }
    if (needed && job.retired) {
        // The pool has it again since then. It may have nothing more to say of itself, so it is asked.
        ask_progress_of(self, job);
        return;
    }
    if (!job.retired) {
        tell_job(self, job);
        self->send(job.actor, job_changed{job.spec});
        return;
    }
    self->send_exit(job.actor, caf::exit_reason::user_shutdown);
    s.jobs.erase(found);
    answer_job_waiters(self);
    check_quiescence(self);
}

// Asks all pools to forget the job. Where some have and others have not, they all have it again.
void ask_removal(scheduler_ptr self, const job_progress& m) {
    auto& s = self->state;
    auto missing = std::make_shared<std::size_t>(s.pools.size());
    auto removed = std::make_shared<std::size_t>(0);
    const auto answered = [=, name = m.job](bool is_removed) {
        *removed += is_removed ? 1 : 0;
        if (--*missing > 0) return;
        auto& state = self->state;
        const bool all = *removed == state.pools.size();
        if (const auto job = state.jobs.find(name); job != state.jobs.end() && !all && *removed > 0)
            tell_job(self, job->second);
        finish_removal(self, name, all);
    };
    for (std::size_t p = 0; p < s.pools.size(); ++p)
        self->request(s.pools[p], local_request_timeout, job_ended{m.job, m.seen_starts[p]})
            .then([=](const job_removal& answer) { answered(answer.removed); },
                  [=](const caf::error&) { answered(false); });
}

void take_progress(scheduler_ptr self, const job_progress& m) {
    auto& s = self->state;
    auto found = s.jobs.find(m.job);
    if (found == s.jobs.end()) return;
    auto& job = found->second;
    job.progress = m;
    answer_job_waiters(self);
    if (job.retired && m.retired && !m.counts.alive()) {
        job.progress_came = job.removal_asked;
        if (!std::exchange(job.removal_asked, true)) ask_removal(self, m);
    }
    check_quiescence(self);
}

void take_nodes(scheduler_ptr self, const nodes_changed& m) {
    auto& s = self->state;
    std::vector<std::string> problems;
    for (const auto& problem : m.problems) problems.push_back(to_string(problem));
    note_problem(self, "nodes", join(problems, "; "));
    if (m.first_fetch_failed && !s.forest) {
        // Without the nodes of that source, "done on all nodes" would be true too early.
        s.nodes_failure = problems.empty() ? "a source of nodes has failed" : problems.front();
        return check_quiescence(self);
    }
    s.nodes_failure.clear();
    const bool other = !s.forest || s.forest->nodes != m.nodes;
    s.forest = m;
    s.forest_ms = s.options.run.now();
    if (other) {
        tell(self, event_kind::nodes_changed, {}, m.nodes->size() - 1);
        // Pools first: what a job says of this forest must find it there.
        tell_pools(self, m);
        for (auto& [name, job] : s.jobs) self->send(job.actor, m);
    }
    check_quiescence(self);
}

void take_store_health(scheduler_ptr self, const store_health& m) {
    self->state.store_trouble = m.trouble;
    note_problem(self, "status store",
                 m.trouble.empty() ? "" : "nothing is started until statuses can be stored: " + m.trouble);
    configure_pools(self);
    check_quiescence(self);
}

caf::error wrong_secret() { return caf::make_error(caf::sec::runtime_error, "the secret is wrong"); }

}  // namespace

std::string suspended_reason(const scheduler_state& s) {
    if (s.stopping) return "the scheduler is stopping";
    if (!s.store_trouble.empty()) return "statuses can't be stored: " + s.store_trouble;
    if (const auto awaited = s.registry.awaited(); !awaited.empty()) {
        std::string names;
        for (const auto& shard : awaited) names += (names.empty() ? "" : ", ") + shard.value;
        return "workers of before the restart may still run tasks: " + names +
               "; they come back, or count as lost by their deadline";
    }
    if (s.config && !s.config->engine.enabled) return "the scheduler is disabled in its config";
    return {};
}

void keep_job(scheduler_ptr self, const job_id& name) {
    auto& s = self->state;
    if (auto found = s.jobs.find(name); found != s.jobs.end()) {
        auto& job = found->second;
        if (!job.removal_asked || job.needed_again) return;
        job.needed_again = true;
        tell_job(self, job);
        return;
    }
    auto spec = s.config->job_defaults;
    spec.name = name;
    auto& job = spawn_job(self, spec);
    job.retired = true;
    self->send(job.actor, job_removed{name});
}

void configure_pools(scheduler_ptr self) {
    auto& s = self->state;
    if (!s.config) return;
    pool_configured m{s.config->engine, s.config->resources};
    m.options.enabled = s.starting_allowed = suspended_reason(s).empty();
    tell_pools(self, m);
}

namespace {

void spawn_pools(scheduler_ptr self, std::uint32_t count) {
    auto& s = self->state;
    const auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
    pools_known known;
    for (std::uint32_t p = 0; p < count; ++p) {
        const pool_links links{me, s.options.monitor, s.options.keep_events, {p, count}};
        // Several are there to decide at the same time.
        s.pools.push_back(count > 1 && s.options.tools.own_threads
                              ? spawn_guarded<caf::detached>(self->system(), s.options.run, pool_behavior,
                                                             s.options.first_invocation, links, s.options.run)
                              : spawn_guarded(self->system(), s.options.run, pool_behavior, s.options.first_invocation,
                                              links, s.options.run));
        known.pools.push_back(caf::actor_cast<caf::strong_actor_ptr>(s.pools.back()));
    }
    if (count > 1) tell_pools(self, known);
    s.stalls.resize(count);
    s.leases.broker = slot_broker{count};
    s.leases.wanted.resize(count);
    s.leases.claimed.resize(count);
}

}  // namespace

scheduler_actor::behavior_type scheduler_behavior(scheduler_ptr self, scheduler_options options) {
    auto& s = self->state;
    s.options = std::move(options);
    const auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
    spawn_pools(self, s.options.config->partitions);
    s.nodes = s.options.tools.own_threads ? spawn_child<caf::detached>(self, nodes_behavior, me, s.options.tools)
                                          : spawn_child(self, nodes_behavior, me, s.options.tools);
    self->send(s.options.store, health_to{me});
    for (const auto& worker : s.options.known_workers) s.registry.restore(worker, s.options.run.now());
    if (!s.options.known_workers.empty()) judge_workers(self);
    self->set_down_handler([=](const caf::down_msg& m) { lose_connection(self, m.source); });
    self->set_exit_handler([=](caf::exit_msg& m) {
        auto& state = self->state;
        for (auto& [name, job] : state.jobs) self->send_exit(job.actor, m.reason);
        self->send_exit(state.nodes, m.reason);
        for (const auto& pool : state.pools) self->send_exit(pool, m.reason);
        self->quit(std::move(m.reason));
    });
    apply_config(self, s.options.config);
    return {
        // The gateway checks the secret too; but CAF hands a message to any actor whose id a peer can guess.
        [=](const hello& m) -> caf::result<welcome> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return take_hello(self, m);
        },
        [=](const heartbeat& m) {
            auto answer = m;
            answer.known = self->state.registry.heard(m.worker, m.instance, self->state.options.run.now());
            return answer;
        },
        [=](const goodbye& m) { take_goodbye(self, m); },
        [=](const worker_leaves& m) { take_leaving(self, m); },
        [=](const config_changed& m) { apply_config(self, m.config); },
        [=](const nodes_changed& m) { take_nodes(self, m); },
        [=](const job_progress& m) { take_progress(self, m); },
        [=](const pool_stalled& m) {
            self->state.stalls[m.pool] = m;
            check_quiescence(self);
        },
        [=](const slots_wanted& m) { take_wish(self, m); },
        [=](const deal_due& m) { deal_again(self, m); },
        [=](const store_health& m) { take_store_health(self, m); },
        [=](const wake_due&) {
            self->state.ticking = false;
            judge_workers(self);
        },
        [=](const problem& m) { note_problem(self, m.source, m.text); },
        [=](const await_quiescence&) { return await_rest(self); },
        [=](const stop_scheduler&) { return stop(self); },
        [=](const stop_overdue&) { stop_anyway(self); },
        [=](const wait_overdue&) { answer_job_waiters(self); },
        [=](const jobs_asked& m) -> caf::result<jobs_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return list_jobs(self);
        },
        [=](const tasks_asked& m) -> caf::result<tasks_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return list_tasks(self, m);
        },
        [=](const logs_asked& m) -> caf::result<logs_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return list_logs(self, m);
        },
        [=](details_asked& m) -> caf::result<job_details> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            const auto job = self->state.jobs.find(m.job);
            if (job == self->state.jobs.end()) return caf::make_error(not_there, unknown_job(self->state, m.job));
            // Not handed on: CAF loses the answer where the priority changes on the way.
            auto promise = self->make_response_promise<job_details>();
            self->request<caf::message_priority::high>(job->second.actor, local_request_timeout, std::move(m))
                .then([=](job_details& d) mutable { promise.deliver(std::move(d)); },
                      [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
            return promise;
        },
        [=](const nodes_asked& m) -> caf::result<nodes_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return list_nodes(self, m);
        },
        [=](console_asked& m) -> caf::result<console_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return hand_to_worker(self, m);
        },
        [=](const wait_asked& m) -> caf::result<wait_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return wait_for_job(self, m);
        },
        [=](const watcher_here& m) { self->state.watcher = m.watcher; },
        [=](const view_asked&) { return view_of(self->state); },
        [=](const histograms_asked& m) { return list_histograms(self, m); },
        [=](const explain_asked& m) -> caf::result<explanation> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return explain(self, m);
        },
        [=](const control_asked& m) -> caf::result<control_answer> {
            if (m.secret != self->state.options.secret) return wrong_secret();
            return control(self, m);
        },
    };
}

}  // namespace bistro
