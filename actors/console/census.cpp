#include "actors/console/census.hpp"

#include <algorithm>
#include <chrono>

namespace bistro {

tick_ns now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// -- seen_messages ----------------------------------------------------------------------------------------------------

void seen_messages::add(seen_message m) {
    const std::lock_guard lock{mutex_};
    if (wanted_until_.load(std::memory_order_relaxed) == 0) return;
    m.number = ++numbers_;
    kept_.push_back(std::move(m));
    if (kept_.size() > max_kept) kept_.pop_front();
}

void seen_messages::forget() {
    const std::lock_guard lock{mutex_};
    // Somebody may have come meanwhile.
    if (now_ns() <= wanted_until_.load(std::memory_order_relaxed)) return;
    wanted_until_.store(0, std::memory_order_relaxed);
    kept_.clear();
}

seen_messages::batch seen_messages::take(std::optional<std::uint64_t> after) {
    const std::lock_guard lock{mutex_};
    wanted_until_.store(now_ns() + patience_ns, std::memory_order_relaxed);
    batch result;
    result.last = numbers_;
    if (!after) return result;
    for (const auto& m : kept_)
        if (m.number > *after) result.messages.push_back(m);
    const auto first = result.messages.empty() ? numbers_ + 1 : result.messages.front().number;
    if (first > *after + 1) result.dropped = first - *after - 1;
    return result;
}

// -- actor_record -----------------------------------------------------------------------------------------------------

void actor_record::count(const std::type_info& type) {
    // Only the actor itself writes, so that what is read here is not older than what was written.
    handled.store(handled.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    for (auto& entry : types) {
        const auto* known = entry.type.load(std::memory_order_relaxed);
        if (!known) entry.type.store(&type, std::memory_order_release);
        if (!known || known == &type) {
            entry.count.store(entry.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return;
        }
    }
    other_types.store(other_types.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// -- census -----------------------------------------------------------------------------------------------------------

void census::add(const std::shared_ptr<actor_record>& record) {
    const std::lock_guard lock{mutex_};
    records_.emplace(record->id, record);
}

void census::remove(caf::actor_id id) {
    const std::lock_guard lock{mutex_};
    if (records_.erase(id) > 0) ended_.fetch_add(1, std::memory_order_relaxed);
}

std::vector<std::shared_ptr<actor_record>> census::all() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::shared_ptr<actor_record>> result;
    result.reserve(records_.size());
    for (const auto& [id, record] : records_) result.push_back(record);
    return result;
}

void census::follow(traced_task task) {
    {
        const std::lock_guard lock{mutex_};
        followed_ = std::make_shared<const traced_task>(std::move(task));
    }
    traced_invocation.store(0, std::memory_order_relaxed);
    static_cast<void>(trace_.take(std::nullopt));  // from now on, it is wanted
}

std::shared_ptr<const traced_task> census::followed() const {
    const std::lock_guard lock{mutex_};
    return followed_;
}

}  // namespace bistro
