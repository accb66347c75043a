// Finds what an invocation holds. Ids count up, so the latest lie side by side in a ring, each at a place that its id
// says: a new one costs next to nothing, and one that ends a single look. Those that outlive many others are in a map;
// and most, where ids are more than four apart, as those of many partitions are.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "model/fetch_line.hpp"

namespace bistro {

class invocation_index {
public:
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool contains(std::uint64_t id) const { return find(id) != none; }
    /// Or none.
    [[nodiscard]] std::uint32_t find(std::uint64_t id) const;
    /// One that is not known. O(1) amortised.
    void insert(std::uint64_t id, std::uint32_t value);
    /// What was known of it; or none.
    std::uint32_t erase(std::uint64_t id);
    /// Asks for what is known of an id, so that it is in the cache soon.
    void fetch(std::uint64_t id) const {
        if (in_ring(id)) fetch_line(&ring_[id & mask()]);
    }

private:
    static constexpr std::size_t least_places = 1024;
    static constexpr std::size_t places_each = 4;  // of the ring, at most, for each id that is known

    [[nodiscard]] bool in_ring(std::uint64_t id) const { return id - first_ < ring_.size(); }
    [[nodiscard]] std::uint64_t mask() const { return ring_.size() - 1; }
    void make_room(std::uint64_t id);
    void leave_first();
    void grow();

    std::vector<std::uint32_t> ring_;  // a power of two of places, for ids from first_ on; none where unknown
    std::uint64_t first_ = 0;
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> others_;
    std::size_t size_ = 0;
};

}  // namespace bistro
