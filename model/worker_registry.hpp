// The workers that a scheduler knows: who they are, how they are, and who may take whose place. Pure: the time is an
// argument, and what is to be done comes back as a value.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/engine/worker_table.hpp"
#include "model/liveness.hpp"

namespace bistro {

/// Why a text can't name a worker or its host, or an empty string: it stands in logs and tables.
std::string shard_name_problem(std::string_view name);

/// One life of a worker process.
struct worker_instance {
    worker_info info;
    std::uint64_t instance = 0;  ///< random, drawn when the process starts
    std::int64_t pid = 0;
    liveness_timeouts timeouts;  ///< those that it was told last
    bool local = false;          ///< lives and dies with the scheduler's process

    bool operator==(const worker_instance&) const = default;
};

enum class hello_verdict : std::uint8_t {
    joined,       ///< a new worker
    rejoined,     ///< the same instance, over a new connection or to a new scheduler
    shard_taken,  ///< another instance with this shard name is not lost yet: ask again
    given_up,     ///< this very instance was declared lost: its tasks run elsewhere, it must exit
};
inline constexpr hello_verdict last_hello_verdict = hello_verdict::given_up;

/// A change of health that somebody must hear of.
struct health_change {
    worker_index worker;
    shard_name shard;
    worker_health health = worker_health::fresh;
    std::uint64_t instance = 0;
};

class worker_registry {
public:
    struct member {
        worker_index index;
        worker_instance who;
        worker_health health = worker_health::fresh;
        time_ms last_heard_ms = 0;
        std::optional<std::uint64_t> session;  ///< of its last hello to this life of the scheduler
        bool connected = false;
        bool awaited = false;  ///< of an earlier life of the scheduler, and not heard of since
        bool leaving = false;  ///< takes no more tasks, and will say goodbye
    };
    struct hello_result {
        hello_verdict verdict = hello_verdict::joined;
        worker_index worker;

        bool operator==(const hello_result&) const = default;
    };

    /// An instance that may still run tasks of an earlier life of the scheduler. It counts as heard at `now`, since
    /// nothing says when it last was.
    worker_index restore(worker_instance who, time_ms now);

    /// A member that comes back keeps its timeouts where they are longer than the new ones. Nothing where a later hello
    /// of the same instance was heard before: over an older connection one may come late, and what it tells is not
    /// true.
    std::optional<hello_result> hello(worker_instance who, std::uint64_t session, time_ms now);
    /// Its tasks are accounted for: nobody has to wait for it any more, and a new one is healthy from now on.
    void confirm(worker_index worker);
    /// False where this is no member's instance.
    bool heard(worker_index worker, std::uint64_t instance, time_ms now);
    /// It takes no more tasks. False where this is no member's instance.
    bool leaves(worker_index worker, std::uint64_t instance);
    /// Its connection broke: no new tasks until it is back. Gives the change, if it is one.
    std::optional<health_change> disconnected(worker_index worker, std::uint64_t instance);
    /// It said goodbye, with nothing running: it is gone at once.
    std::optional<health_change> left(worker_index worker, std::uint64_t instance);
    /// Judges everybody by the time. The lost are no members afterwards.
    std::vector<health_change> advance(time_ms now);

    /// Instances from an earlier life that have neither come back nor are lost: nothing may start.
    [[nodiscard]] std::vector<shard_name> awaited() const;
    [[nodiscard]] const std::map<worker_index, member>& members() const { return members_; }
    [[nodiscard]] const member* find(worker_index worker) const;

private:
    void remember_lost(std::uint64_t instance);

    static constexpr std::size_t max_remembered_lost = 10'000;

    std::map<worker_index, member> members_;
    std::set<std::uint64_t> lost_instances_;
    std::deque<std::uint64_t> lost_in_order_;  // the oldest first
    std::uint32_t next_index_ = 0;
};

}  // namespace bistro
