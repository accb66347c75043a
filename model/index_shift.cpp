#include "model/index_shift.hpp"

namespace bistro {

index_shift index_shift::within(std::uint32_t from_begin, std::uint32_t from_end, std::uint32_t to_begin) const {
    index_shift result;
    auto run = std::upper_bound(runs_.begin(), runs_.end(), from_begin,
                                [](std::uint32_t k, const index_run& r) { return k < r.from; });
    if (run != runs_.begin()) --run;
    for (; run != runs_.end() && run->from < from_end; ++run) {
        const auto begin = std::max(run->from, from_begin);
        const auto end = std::min(run->from + run->count, from_end);
        if (begin < end) result.add(begin - from_begin, run->to + (begin - run->from) - to_begin, end - begin);
    }
    return result;
}

index_shift index_shift::then(const index_shift& other) const {
    index_shift result;
    auto next = other.runs_.begin();
    for (const auto& run : runs_) {
        while (next != other.runs_.end() && next->from + next->count <= run.to) ++next;
        for (auto at = next; at != other.runs_.end() && at->from < run.to + run.count; ++at) {
            const auto begin = std::max(run.to, at->from);
            const auto end = std::min(run.to + run.count, at->from + at->count);
            result.add(run.from + (begin - run.to), at->to + (begin - at->from), end - begin);
        }
    }
    return result;
}

index_shift index_shift::without(std::span<const std::uint32_t> gone) const {
    index_shift result;
    auto next = gone.begin();
    for (const auto& run : runs_) {
        auto begin = run.to;
        const auto end = run.to + run.count;
        next = std::lower_bound(next, gone.end(), begin);
        for (; next != gone.end() && *next < end; ++next) {
            result.add(run.from + (begin - run.to), begin, *next - begin);
            begin = *next + 1;
        }
        result.add(run.from + (begin - run.to), begin, end - begin);
    }
    return result;
}

bit_set moved(const bit_set& before, const index_shift& shift, std::size_t size) {
    bit_set after{size};
    for (const auto& run : shift.runs())
        for (std::size_t done = 0; done < run.count; done += bit_set::bits) {
            const auto count = std::min<std::size_t>(run.count - done, bit_set::bits);
            if (const auto some = before.some(run.from + done, count); some != 0) after.add(run.to + done, some);
        }
    return after;
}

}  // namespace bistro
