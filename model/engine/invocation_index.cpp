#include "model/engine/invocation_index.hpp"

#include <algorithm>
#include <utility>

namespace bistro {

std::uint32_t invocation_index::find(std::uint64_t id) const {
    if (in_ring(id)) return ring_[id & mask()];
    const auto found = others_.find(id);
    return found == others_.end() ? none : found->second;
}

void invocation_index::insert(std::uint64_t id, std::uint32_t value) {
    if (ring_.empty()) {
        ring_.assign(least_places, none);
        first_ = id;
    }
    ++size_;
    if (id < first_) {
        others_.emplace(id, value);
        return;
    }
    if (!in_ring(id)) make_room(id);
    ring_[id & mask()] = value;
}

std::uint32_t invocation_index::erase(std::uint64_t id) {
    auto value = none;
    if (in_ring(id)) {
        value = std::exchange(ring_[id & mask()], none);
    } else if (const auto found = others_.find(id); found != others_.end()) {
        value = found->second;
        others_.erase(found);
    }
    if (value != none) --size_;
    return value;
}

// The ring moves on to its id. Whoever stands in the way makes it larger, up to a bound.
void invocation_index::make_room(std::uint64_t id) {
    if (id - first_ >= 2 * ring_.size()) {  // far ahead
        for (std::size_t i = 0; i < ring_.size(); ++i, ++first_) leave_first();
        first_ = id;
        return;
    }
    for (; !in_ring(id); ++first_) {
        while (ring_[first_ & mask()] != none && ring_.size() < places_each * size_) grow();
        if (in_ring(id)) return;
        leave_first();
    }
}

void invocation_index::leave_first() {
    if (const auto value = std::exchange(ring_[first_ & mask()], none); value != none) others_.emplace(first_, value);
}

void invocation_index::grow() {
    std::vector<std::uint32_t> larger(2 * ring_.size(), none);
    for (auto id = first_; id < first_ + ring_.size(); ++id) larger[id & (larger.size() - 1)] = ring_[id & mask()];
    ring_ = std::move(larger);
}

}  // namespace bistro
