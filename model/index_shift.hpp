// How one dense numbering goes over into another when some of its members go and others come: the members that stay
// keep their order, so a few runs say where all of them are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "model/bit_set.hpp"

namespace bistro {

/// `count` neighbours that are neighbours in both numberings.
struct index_run {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t count = 0;

    bool operator==(const index_run&) const = default;
};

/// Runs in ascending order of both numberings.
class index_shift {
public:
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

    index_shift() = default;
    /// All of so many stay where they are.
    explicit index_shift(std::uint32_t count) { add(0, 0, count); }

    /// Behind all others.
    void add(std::uint32_t from, std::uint32_t to, std::uint32_t count) {
        if (count == 0) return;
        kept_ += count;
        if (!runs_.empty() && runs_.back().from + runs_.back().count == from &&
            runs_.back().to + runs_.back().count == to)
            runs_.back().count += count;
        else
            runs_.push_back({from, to, count});
    }

    /// Where it is in the second numbering, or none. O(log runs).
    [[nodiscard]] std::uint32_t operator()(std::uint32_t from) const {
        return find<&index_run::from, &index_run::to>(from);
    }
    /// The inverse.
    [[nodiscard]] std::uint32_t back(std::uint32_t to) const { return find<&index_run::to, &index_run::from>(to); }

    /// How many from this one on are neighbours in both numberings; 0 where it does not stay. O(log runs).
    [[nodiscard]] std::uint32_t neighbours(std::uint32_t from) const {
        const auto* run = run_of<&index_run::from>(from);
        return run ? run->count - (from - run->from) : 0;
    }

    /// Calls `visit` for each of the second numbering that is not in the first, up to `end`.
    template <class F>
    void for_each_new(std::uint32_t end, F&& visit) const {
        std::uint32_t next = 0;
        for (const auto& run : runs_) {
            for (; next < std::min(run.to, end); ++next) visit(next);
            next = run.to + run.count;
        }
        for (; next < end; ++next) visit(next);
    }

    [[nodiscard]] std::span<const index_run> runs() const { return runs_; }
    /// How many stay.
    [[nodiscard]] std::uint32_t kept() const { return kept_; }

    /// Of what lies in a range of each numbering, as positions within it. Whatever of the one range stays is in the
    /// other.
    [[nodiscard]] index_shift within(std::uint32_t from_begin, std::uint32_t from_end, std::uint32_t to_begin) const;
    /// This one and then the other.
    [[nodiscard]] index_shift then(const index_shift& other) const;
    /// Without some of the second numbering, given in ascending order.
    [[nodiscard]] index_shift without(std::span<const std::uint32_t> gone) const;

private:
    template <auto Key, auto Value>
    [[nodiscard]] std::uint32_t find(std::uint32_t key) const {
        const auto* run = run_of<Key>(key);
        return run ? run->*Value + (key - run->*Key) : none;
    }
    template <auto Key>
    [[nodiscard]] const index_run* run_of(std::uint32_t key) const {
        auto after = std::upper_bound(runs_.begin(), runs_.end(), key,
                                      [](std::uint32_t k, const index_run& run) { return k < run.*Key; });
        if (after == runs_.begin()) return nullptr;
        const auto& run = *--after;
        return key - run.*Key < run.count ? &run : nullptr;
    }

    std::vector<index_run> runs_;
    std::uint32_t kept_ = 0;
};

/// What is known of each member, `width` values each, in the second numbering of so many members; `fill` of new ones.
template <class T>
std::vector<T> moved(const std::vector<T>& before, const index_shift& shift, std::size_t size, std::size_t width = 1,
                     const T& fill = T{}) {
    std::vector<T> after;
    after.reserve(size * width);
    for (const auto& run : shift.runs()) {
        after.resize(run.to * width, fill);
        const auto begin = before.begin() + static_cast<std::ptrdiff_t>(run.from * width);
        after.insert(after.end(), begin, begin + static_cast<std::ptrdiff_t>(run.count * width));
    }
    after.resize(size * width, fill);
    return after;
}

/// The same of a set.
bit_set moved(const bit_set& before, const index_shift& shift, std::size_t size);

}  // namespace bistro
