// The parts of the scheduler actor, for its own sources only.
#pragma once

#include <caf/all.hpp>

#include "actors/scheduler.hpp"

namespace bistro {

using scheduler_ptr = scheduler_actor::stateful_pointer<scheduler_state>;

/// The same to all pools.
template <class Message>
void tell_pools(scheduler_ptr self, const Message& m) {
    for (const auto& pool : self->state.pools) self->send(pool, m);
}

// scheduler.cpp
void configure_pools(scheduler_ptr self);
/// Why nothing starts; empty: it does.
std::string suspended_reason(const scheduler_state& s);
/// A worker is about to tell the pool of tasks of this job: there must be somebody to note what became of them, though
/// no config has the job any more.
void keep_job(scheduler_ptr self, const job_id& name);

// scheduler_workers.cpp
caf::result<welcome> take_hello(scheduler_ptr self, const hello& m);
void take_goodbye(scheduler_ptr self, const goodbye& m);
void take_leaving(scheduler_ptr self, const worker_leaves& m);
void judge_workers(scheduler_ptr self);
void lose_connection(scheduler_ptr self, const caf::actor_addr& worker);

// scheduler_leases.cpp
/// A round of leases, or another one after that which is under way.
void deal(scheduler_ptr self);
void take_wish(scheduler_ptr self, const slots_wanted& m);
void deal_again(scheduler_ptr self, const deal_due& m);
/// The resources have changed; pools know already.
void renew_accounts(scheduler_ptr self);
/// A worker has joined, again perhaps; pools know already. With tasks, more may be in use than was leased.
void add_account(scheduler_ptr self, worker_index worker, bool brings_tasks);
void remove_account(scheduler_ptr self, worker_index worker);
/// Tells the pools, too.
void set_accepting(scheduler_ptr self, worker_index worker, bool accepting);

// scheduler_rest.cpp
/// Asks every job for its progress, takes it over, and goes on with the sum of their changes.
void ask_progress(scheduler_ptr self, const std::function<void(std::uint64_t changes)>& then);
/// Asks all pools, and goes on with how many tasks they have signaled, and the error of one that does not answer.
void kill(scheduler_ptr self, const kill_tasks& m, const std::function<void(std::uint64_t, const caf::error&)>& then);
void check_quiescence(scheduler_ptr self);
caf::result<run_finished> await_rest(scheduler_ptr self);
caf::result<stopped> stop(scheduler_ptr self);
void stop_anyway(scheduler_ptr self);

// scheduler_people.cpp
caf::result<jobs_answer> list_jobs(scheduler_ptr self);
caf::result<tasks_answer> list_tasks(scheduler_ptr self, const tasks_asked& m);
caf::result<explanation> explain(scheduler_ptr self, const explain_asked& m);
/// That there is no such job, and which may be meant.
std::string unknown_job(const scheduler_state& s, const job_id& job);
caf::result<logs_answer> list_logs(scheduler_ptr self, const logs_asked& m);
/// Refuses a job that is not known.
caf::result<histograms_answer> list_histograms(scheduler_ptr self, const histograms_asked& m);
caf::result<wait_answer> wait_for_job(scheduler_ptr self, const wait_asked& m);
caf::result<nodes_answer> list_nodes(scheduler_ptr self, const nodes_asked& m);
caf::result<console_answer> hand_to_worker(scheduler_ptr self, console_asked& m);
/// Answers who waits for what has come to rest, or is gone.
void answer_job_waiters(scheduler_ptr self);
scheduler_view view_of(const scheduler_state& s);
caf::result<control_answer> control(scheduler_ptr self, const control_asked& m);

}  // namespace bistro
