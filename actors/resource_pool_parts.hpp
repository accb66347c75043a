// The parts of the pool actor, for its own sources only.
#pragma once

#include <caf/all.hpp>

#include "actors/resource_pool.hpp"

namespace bistro {

using pool_ptr = pool_actor::stateful_pointer<pool_state>;

// resource_pool.cpp
event make_event(pool_ptr self, event_kind kind, const held_task& task, invocation_id invocation);
/// Tells jobs and the monitor all that has happened.
void send_news(pool_ptr self);
void send_news_in_time(pool_ptr self);
/// The job, which will have something to be told; null where it is not known.
pool_state::job* job_with_news(pool_ptr self, const job_id& name);
/// Tells the job of an attempt that it may not know.
void tell_of_earlier_attempt(pool_ptr self, const attempt_start& attempt);
/// Starts what can start, and tells what follows from that.
void schedule(pool_ptr self);

// resource_pool_nodes.cpp
void take_nodes(pool_ptr self, const nodes_changed& m);
void take_pending(pool_ptr self, pending_changed& m);
/// Other resources or levels make other demands of the same job.
void renew_demands(pool_ptr self);
void forget_seen(pool_state& s, const job_id& name, pool_state::job& job, const std::vector<std::uint64_t>& seen);

// resource_pool_workers.cpp
/// These results need not be kept any more.
void send_acknowledgements(pool_ptr self, const std::vector<invocation_id>& invocations);
void take_ends(pool_ptr self, worker_index worker, const std::vector<finished_task>& ends);
/// Ends that the pool concludes by itself.
void conclude(pool_ptr self, const std::vector<std::pair<invocation_id, held_task>>& tasks, attempt_result result,
              const std::string& reason);
void take_worker(pool_ptr self, const worker_joined& m);
control_answer kill(pool_ptr self, const kill_tasks& m);

// resource_pool_peers.cpp: where there are several pools
/// All pools are at the same forest, and each has told what it runs on nodes of others.
bool is_settled(const pool_state& s);
/// The job has heard of so many starts of each pool.
void forget_seen_elsewhere(pool_state& s, const job_id& job, const std::vector<std::uint64_t>& seen);
/// After a new forest: what runs here on nodes of others, and what has just ended there.
void tell_all_elsewhere(pool_ptr self);
/// The same of one more task, of which its job is told by this pool's start of that number.
void tell_elsewhere(pool_ptr self, invocation_id invocation, std::uint64_t start);
/// The same of one that had ended before this pool heard of it.
void tell_ended_elsewhere(pool_ptr self, const job_id& job, const node_id& node, std::uint64_t start);
void tell_end_elsewhere(pool_ptr self, invocation_id invocation);
void take_elsewhere(pool_ptr self, const tasks_elsewhere& m);
/// Keeps the ids of all pools about as far.
void skip_ids(pool_ptr self, invocation_id to);
void tell_ids(pool_ptr self);
/// The job is gone from here.
void forget_job_elsewhere(pool_ptr self, const job_id& job);
void take_forgotten(pool_state& s, const job_forgotten& m);
slot_report report_slots(const pool_state& s);
/// Lets the scheduler know when slots are lacking that others have, and when that is over.
void ask_for_leases(pool_ptr self);

}  // namespace bistro
