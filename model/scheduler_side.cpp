#include "model/scheduler_side.hpp"

#include <algorithm>

namespace bistro {

reconciliation reconcile(const engine& engine, const result_ledger& results, worker_index worker,
                         std::span<const task_report> running, std::span<const finished_task> unacknowledged) {
    reconciliation result;
    boost::unordered_flat_set<std::uint64_t> reported;
    for (const auto& report : running) {
        reported.insert(report.invocation.value);
        if (!engine.holds(report.invocation) && !results.has_ended(report.invocation))
            result.unknown_runs.push_back(&report);
    }
    for (const auto& finished : unacknowledged) {
        reported.insert(finished.end.invocation.value);
        if (!engine.holds(finished.end.invocation)) result.unknown_ends.push_back(&finished);
    }
    for (auto invocation : engine.held_by(worker))
        if (!reported.contains(invocation.value)) result.never_started.push_back(invocation);
    return result;
}

std::map<worker_index, std::vector<invocation_id>> result_ledger::settle(std::span<const invocation_id> invocations) {
    std::map<worker_index, std::vector<invocation_id>> by_worker;
    for (auto invocation : invocations) {
        const auto found = waiting_.find(invocation.value);
        if (found == waiting_.end()) continue;
        by_worker[found->second.worker].push_back(invocation);
        waiting_.erase(found);
    }
    return by_worker;
}

void result_ledger::forget(worker_index worker) {
    boost::unordered::erase_if(waiting_, [&](const auto& entry) { return entry.second.worker == worker; });
}

bool result_ledger::awaits(std::uint64_t owner) const {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [&](const auto& entry) { return entry.second.owner == owner; });
}

}  // namespace bistro
