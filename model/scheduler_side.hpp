// The scheduler's side of the protocol, as far as it is about tasks: what a worker's hello means for those that the
// scheduler counts as running there, and which results wait to be acknowledged. Pure. Who is a member is the matter of
// worker_registry; the worker's side is worker_side.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <span>
#include <vector>

#include "model/task_order.hpp"

namespace bistro {

/// What a hello says of tasks that differs from what the engine holds. Pointers are into the hello.
struct reconciliation {
    std::vector<const task_report*> unknown_runs;    ///< of an earlier life of the scheduler: they hold their slots
    std::vector<const finished_task*> unknown_ends;  ///< likewise, and they have ended
    std::vector<invocation_id> never_started;        ///< held, but not reported: their orders were lost on the way
};

/// The results that have come and are not durable yet, with the worker that waits for word of each. Its size is bounded
/// by what workers keep unacknowledged.
class result_ledger {
public:
    /// `first` is the first invocation of this life of the scheduler.
    explicit result_ledger(invocation_id first = {}) : first_{first} {}

    /// A result came, perhaps again. `owner` is who decides what it means.
    void came(invocation_id invocation, worker_index worker, std::uint64_t owner = 0) {
        waiting_[invocation.value] = {worker, owner};
        if (invocation < first_) ended_.insert(invocation.value);
    }
    /// Of an invocation that the engine does not hold: whether that is because it has ended. All that is of this life
    /// was held once; of earlier lives, the results that came tell, as many as ran at the restart.
    [[nodiscard]] bool has_ended(invocation_id invocation) const {
        return !(invocation < first_) || ended_.contains(invocation.value);
    }
    /// These need not be kept any more. Whom to tell of which; those that were told already are left out.
    std::map<worker_index, std::vector<invocation_id>> settle(std::span<const invocation_id> invocations);
    /// Some result waits for this owner's word. O(size()).
    [[nodiscard]] bool awaits(std::uint64_t owner) const;
    /// Nobody is there to be told.
    void forget(worker_index worker);
    [[nodiscard]] std::size_t size() const { return waiting_.size(); }

private:
    invocation_id first_;
    struct waiting {
        worker_index worker;
        std::uint64_t owner = 0;
    };
    boost::unordered_flat_map<std::uint64_t, waiting> waiting_;
    boost::unordered_flat_set<std::uint64_t> ended_;
};

/// O(held + reported). A hello voids the session before it, so that an order which it does not report can't be carried
/// out any more. But it may be older than results which came before it, so what has ended is no run.
reconciliation reconcile(const engine& engine, const result_ledger& results, worker_index worker,
                         std::span<const task_report> running, std::span<const finished_task> unacknowledged);

}  // namespace bistro
