// The parts of the pool actor, for its own sources only.
#pragma once

#include <caf/all.hpp>

#include "actors/resource_pool.hpp"

namespace bistro {

using pool_ptr = pool_actor::stateful_pointer<pool_state>;

// resource_pool.cpp
/// Tells jobs and the monitor all that has happened.
void send_news(pool_ptr self);
/// Starts what can start, and tells what follows from that.
void schedule(pool_ptr self);

// resource_pool_peers.cpp: where there are several pools
/// All pools are at the same forest, and each has told what it runs on nodes of others.
bool is_settled(const pool_state& s);
/// A start on this node that the job has not heard of: it is not offered before.
void note_unseen(pool_ptr self, pool_state::job& job, const std::string& node);
/// That there are starts which the job has heard of from others.
void tell_of_count(pool_ptr self, const pool_state::job& job);
/// After a new forest: what runs here on nodes of others, and what has just ended there.
void tell_all_elsewhere(pool_ptr self);
/// The same of one more task.
void tell_elsewhere(pool_ptr self, invocation_id invocation);
/// Of a task that had ended before this pool heard of it.
void tell_ended_elsewhere(pool_ptr self, const job_id& job, const node_id& node);
void tell_end_elsewhere(pool_ptr self, invocation_id invocation);
void take_elsewhere(pool_ptr self, const tasks_elsewhere& m);
/// Keeps the ids of all pools about as far.
void skip_ids(pool_ptr self, invocation_id to);
void tell_ids(pool_ptr self);
slot_report report_slots(const pool_state& s);
/// Lets the scheduler know when slots are lacking that others have, and when that is over.
void ask_for_leases(pool_ptr self);

}  // namespace bistro
