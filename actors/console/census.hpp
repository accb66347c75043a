// Who lives in a process: what each actor has handled, what waits for it, and how long it is at it. Written by the
// actors as they go, a few counters a message, and read by the console at any time, also of an actor that hangs.
#pragma once

#include <array>
#include <atomic>
#include <caf/actor_addr.hpp>
#include <caf/actor_control_block.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <typeinfo>
#include <vector>

#include "model/ids.hpp"
#include "model/task_status.hpp"

namespace bistro {

/// Monotonic, of this process.
using tick_ns = std::int64_t;
tick_ns now_ns();

/// A message that was seen while somebody looked.
struct seen_message {
    std::uint64_t number = 0;  ///< counts those of one actor, or of one trace
    time_ms at_ms = 0;         ///< wall clock
    caf::actor_id actor = 0;
    std::string kind;
    std::string text;
    tick_ns took_ns = 0;
};

/// The latest messages, for a reader that comes again and again. Any thread.
class seen_messages {
public:
    /// More are dropped, the oldest first.
    static constexpr std::size_t max_kept = 1000;
    /// Nobody has come for so long: nothing is kept any more.
    static constexpr tick_ns patience_ns = 10'000'000'000;

    [[nodiscard]] bool wanted(tick_ns now) {
        const auto until = wanted_until_.load(std::memory_order_relaxed);
        if (until == 0) return false;
        if (now <= until) return true;
        forget();
        return false;
    }
    void add(seen_message m);
    struct batch {
        std::vector<seen_message> messages;
        std::uint64_t dropped = 0;  ///< that are gone already
        std::uint64_t last = 0;     ///< where to go on
    };
    /// Those behind that number (nothing: none yet), and keeps on keeping them.
    batch take(std::optional<std::uint64_t> after);

private:
    void forget();

    std::atomic<tick_ns> wanted_until_{0};
    std::mutex mutex_;
    std::deque<seen_message> kept_;
    std::uint64_t numbers_ = 0;
};

/// Tells who is told when the actor ends: by a link or a monitor.
class linked_actor {
public:
    /// Those among the candidates go to `found`; returns how many others there are, as peers. Any thread.
    virtual std::size_t told_at_end(const std::vector<caf::actor_addr>& candidates,
                                    std::vector<caf::actor_id>& found) = 0;

protected:
    ~linked_actor() = default;
};

/// One actor. Counters are written by the actor alone, but for `arrived`.
struct actor_record {
    /// Further types count as one.
    static constexpr std::size_t max_types = 32;
    struct handled_type {
        std::atomic<const std::type_info*> type{nullptr};
        std::atomic<std::uint64_t> count{0};
    };

    caf::actor_id id = 0;
    caf::actor_id parent = 0;  ///< who spawned it; 0: the process
    std::string kind;
    std::string label;  ///< which of its kind; empty: there is but one
    tick_ns born_ns = 0;
    caf::weak_actor_ptr handle;
    linked_actor* links = nullptr;  ///< lives as long as the handle can be locked

    std::atomic<std::uint64_t> arrived{0};
    std::atomic<std::uint64_t> handled{0};
    std::atomic<tick_ns> busy_ns{0};
    std::atomic<tick_ns> busy_since_ns{0};  ///< 0: it does nothing now
    std::atomic<const std::type_info*> busy_with{nullptr};
    std::array<handled_type, max_types> types;
    std::atomic<std::uint64_t> other_types{0};
    seen_messages tapped;

    void count(const std::type_info& type);
};

/// A task whose way is followed.
struct traced_task {
    job_id job;
    node_id node;
    std::uint64_t forest_version = 0;
    node_index index;  ///< in that forest
};

/// All actors of a process. Any thread.
class census {
public:
    void add(const std::shared_ptr<actor_record>& record);
    void remove(caf::actor_id id);
    [[nodiscard]] std::vector<std::shared_ptr<actor_record>> all() const;
    [[nodiscard]] std::uint64_t ended() const { return ended_.load(std::memory_order_relaxed); }

    /// One task at a time is followed; another takes its place.
    void follow(traced_task task);
    [[nodiscard]] bool follows(tick_ns now) { return trace_.wanted(now); }
    [[nodiscard]] std::shared_ptr<const traced_task> followed() const;
    [[nodiscard]] seen_messages& trace() { return trace_; }
    /// The attempt at it that was started last.
    std::atomic<std::uint64_t> traced_invocation{0};

private:
    mutable std::mutex mutex_;
    std::map<caf::actor_id, std::shared_ptr<actor_record>> records_;
    std::atomic<std::uint64_t> ended_{0};
    std::shared_ptr<const traced_task> followed_;
    seen_messages trace_;
};

}  // namespace bistro
