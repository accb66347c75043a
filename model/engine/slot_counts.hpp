// Slots in use, many of them: one byte each, since most are few and all should lie in a cache. What does not fit a byte
// is in a map.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "model/fetch_line.hpp"
#include "model/index_shift.hpp"

namespace bistro {

class slot_counts {
public:
    slot_counts() = default;
    /// So many; none is in use.
    explicit slot_counts(std::size_t size) : small_(size, 0) {}

    [[nodiscard]] std::size_t size() const { return small_.size(); }
    [[nodiscard]] std::int64_t operator[](std::size_t i) const { return small_[i] != elsewhere ? small_[i] : large(i); }
    void add(std::size_t i, std::int64_t more) {
        const auto now = small_[i] + more;
        if (small_[i] != elsewhere && now >= 0 && now < elsewhere)
            small_[i] = static_cast<std::uint8_t>(now);
        else
            add_large(i, more);
    }
    /// Asks for one of them, so that it is in the cache soon.
    void fetch(std::size_t i) const { fetch_line(small_.data() + i); }

    /// `width` of them belong to each member of a numbering; these are the ones of the next numbering.
    [[nodiscard]] slot_counts follow(const index_shift& kept, std::size_t members, std::size_t width) const {
        slot_counts after;
        after.small_ = moved(small_, kept, members, width);
        for (const auto& [i, value] : large_)
            if (const auto member = kept(static_cast<std::uint32_t>(i / width)); member != index_shift::none)
                after.large_.emplace(std::size_t{member} * width + i % width, value);
        return after;
    }

private:
    static constexpr std::uint8_t elsewhere = 255;

    // Apart, so that what is common stays small enough to be part of its callers.
    [[nodiscard]] std::int64_t large(std::size_t i) const;
    void add_large(std::size_t i, std::int64_t more);

    std::vector<std::uint8_t> small_;
    boost::unordered_flat_map<std::size_t, std::int64_t> large_;  // where small_ says so
};

}  // namespace bistro
