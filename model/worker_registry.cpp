#include "model/worker_registry.hpp"

#include <algorithm>

namespace bistro {

std::string shard_name_problem(std::string_view name) {
    constexpr std::size_t longest = 1024;
    if (name.empty()) return "it is empty";
    if (name.size() > longest) return "it is longer than 1024 bytes";
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return std::any_of(name.begin(), name.end(), is_control) ? "it holds control characters" : "";
}

worker_index worker_registry::restore(worker_instance who, time_ms now) {
    const worker_index index{next_index_++};
    members_[index] = {.index = index,
                       .who = std::move(who),
                       .health = worker_health::unhealthy,
                       .last_heard_ms = now,
                       .session = {},
                       .awaited = true};
    return index;
}

std::optional<worker_registry::hello_result> worker_registry::hello(worker_instance who, std::uint64_t session,
                                                                    time_ms now) {
    if (lost_instances_.contains(who.instance)) return hello_result{hello_verdict::given_up, {}};
    for (auto& [index, m] : members_) {
        if (m.who.info.shard != who.info.shard) continue;
        if (m.who.instance != who.instance) return hello_result{hello_verdict::shard_taken, {}};
        // Sessions count from a random number, which may be near the end of the range.
        if (m.session && static_cast<std::int64_t>(session - *m.session) < 0) return std::nullopt;
        // It does not know shorter ones before it hears the answer, if ever: until its end the longer count.
        if (m.who.timeouts.lost_after_ms > who.timeouts.lost_after_ms) who.timeouts = m.who.timeouts;
        m.who = std::move(who);
        m.health = worker_health::healthy;
        m.last_heard_ms = now;
        m.session = session;
        m.connected = true;
        return hello_result{hello_verdict::rejoined, index};
    }
    const worker_index index{next_index_++};
    members_[index] = {.index = index,
                       .who = std::move(who),
                       .health = worker_health::fresh,
                       .last_heard_ms = now,
                       .session = session,
                       .connected = true};
    return hello_result{hello_verdict::joined, index};
}

void worker_registry::confirm(worker_index worker) {
    const auto found = members_.find(worker);
    if (found == members_.end()) return;
    found->second.awaited = false;
    if (found->second.health == worker_health::fresh) found->second.health = worker_health::healthy;
}

bool worker_registry::heard(worker_index worker, std::uint64_t instance, time_ms now) {
    auto found = members_.find(worker);
    if (found == members_.end() || found->second.who.instance != instance || !found->second.connected) return false;
    found->second.last_heard_ms = now;
    return true;
}

bool worker_registry::leaves(worker_index worker, std::uint64_t instance) {
    auto found = members_.find(worker);
    if (found == members_.end() || found->second.who.instance != instance) return false;
    return found->second.leaving = true;
}

std::optional<health_change> worker_registry::disconnected(worker_index worker, std::uint64_t instance) {
    auto found = members_.find(worker);
    if (found == members_.end() || found->second.who.instance != instance) return std::nullopt;
    auto& m = found->second;
    m.connected = false;
    if (m.health == worker_health::unhealthy) return std::nullopt;
    m.health = worker_health::unhealthy;
    return health_change{worker, m.who.info.shard, m.health, instance};
}

std::optional<health_change> worker_registry::left(worker_index worker, std::uint64_t instance) {
    auto found = members_.find(worker);
    if (found == members_.end() || found->second.who.instance != instance) return std::nullopt;
    health_change change{worker, found->second.who.info.shard, worker_health::lost, instance};
    remember_lost(instance);
    members_.erase(found);
    return change;
}

std::vector<health_change> worker_registry::advance(time_ms now) {
    std::vector<health_change> changes;
    for (auto& [index, m] : members_) {
        auto health = health_after(now - m.last_heard_ms, m.who.timeouts);
        if (health == worker_health::healthy && !m.connected) health = worker_health::unhealthy;
        if (health == m.health || (health == worker_health::healthy && m.health == worker_health::fresh)) continue;
        m.health = health;
        changes.push_back({index, m.who.info.shard, health, m.who.instance});
    }
    for (const auto& change : changes) {
        if (change.health != worker_health::lost) continue;
        remember_lost(members_[change.worker].who.instance);
        members_.erase(change.worker);
    }
    return changes;
}

void worker_registry::remember_lost(std::uint64_t instance) {
    if (!lost_instances_.insert(instance).second) return;
    lost_in_order_.push_back(instance);
    if (lost_in_order_.size() <= max_remembered_lost) return;
    lost_instances_.erase(lost_in_order_.front());
    lost_in_order_.pop_front();
}

std::vector<shard_name> worker_registry::awaited() const {
    std::vector<shard_name> result;
    for (const auto& [index, m] : members_)
        if (m.awaited) result.push_back(m.who.info.shard);
    return result;
}

const worker_registry::member* worker_registry::find(worker_index worker) const {
    auto found = members_.find(worker);
    return found == members_.end() ? nullptr : &found->second;
}

}  // namespace bistro
