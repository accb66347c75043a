// What is remembered across restarts: the latest status of each task, the history of attempts, the workers that may
// still run something, and the count of the scheduler's starts. Two back ends pass one test suite.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/attempt.hpp"
#include "model/retention.hpp"
#include "model/worker_registry.hpp"

namespace bistro {

/// A status without an attempt behind it (a task was forgiven).
struct status_record {
    job_id job;
    node_id node;
    task_status status;
};

/// A task whose last attempt went wrong, or was lost, and is not forgiven.
struct failure_record {
    node_id node;
    std::string reason;
    bool for_good = false;
    time_ms ended_ms = 0;
};

inline constexpr const char* forgotten_reason = "(not remembered)";

/// One life of a worker that is over.
struct forgotten_worker {
    shard_name shard;
    std::uint64_t instance = 0;
};

/// Everything that one commit makes durable.
struct status_batch {
    std::vector<attempt_start> starts;
    std::vector<attempt_finish> finishes;
    std::vector<status_record> statuses;
    std::vector<worker_instance> workers;             ///< added or changed, by shard
    std::vector<forgotten_worker> forgotten_workers;  ///< a later instance of the shard stays

    [[nodiscard]] bool empty() const {
        return starts.empty() && finishes.empty() && statuses.empty() && workers.empty() && forgotten_workers.empty();
    }
};

/// Not thread-safe. Every function may throw io_error; then nothing of its effect has happened.
class status_store {
public:
    status_store() = default;
    status_store(const status_store&) = delete;
    status_store& operator=(const status_store&) = delete;
    virtual ~status_store() = default;

    /// Counts a start of the scheduler: 1 at first, and never the same number twice.
    virtual std::uint64_t begin_epoch() = 0;
    /// Tells this store from all others, whatever their names: random, and the same for ever.
    [[nodiscard]] virtual std::uint64_t cluster() = 0;
    /// All or nothing, and durable on return. Applying the same batch twice changes nothing. With attempts
    /// that start, it forgets those that started longest ago, as the store's retention says; statuses stay.
    virtual void commit(const status_batch& batch) = 0;
    /// How far apart the commits of a steady stream should start, so that their fixed cost is shared; 0: no matter.
    [[nodiscard]] virtual std::chrono::milliseconds commit_spacing() const { return std::chrono::milliseconds{0}; }

    /// Statuses of a job, in node order.
    virtual void for_each_status(const job_id& job, const std::function<void(const node_id&, task_status)>& visit) = 0;
    /// In node order. Of an attempt that is forgotten the reason is `forgotten_reason`. O(statuses of the job).
    virtual void for_each_failure(const job_id& job, const std::function<void(failure_record)>& visit) = 0;
    /// Those of which there is a status or an attempt, by name.
    [[nodiscard]] virtual std::vector<job_id> jobs() = 0;
    /// The attempts at a task, or at all tasks of a job (an empty node), the latest first.
    [[nodiscard]] virtual std::vector<attempt> attempts(const job_id& job, const node_id& node, std::size_t limit) = 0;
    [[nodiscard]] virtual std::vector<worker_instance> workers() = 0;
    /// Forgets all statuses and attempts. The epoch goes on, and workers stay: they may still run something.
    virtual void clear() = 0;
};

std::unique_ptr<status_store> make_memory_status_store(const retention& keep = {});

/// A file, created where there is none. Throws io_error.
std::unique_ptr<status_store> open_sqlite_status_store(const std::string& path, const retention& keep = {});
/// For looking only, beside a running scheduler or without one.
std::unique_ptr<status_store> open_sqlite_status_store_read_only(const std::string& path);

}  // namespace bistro
