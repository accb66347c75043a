#include "model/pace.hpp"

#include <algorithm>
#include <cmath>

namespace bistro {

void pace::finished(time_ms now, time_ms took_ms) {
    const auto number = now / bucket_ms;
    auto& b = window_[static_cast<std::size_t>(number) % buckets];
    if (b.number != number) b = {number, 0, 0, 0};
    const auto took_s = static_cast<double>(std::max<time_ms>(took_ms, 0)) / 1000;
    ++b.count;
    b.sum_s += took_s;
    b.sum_of_squares += took_s * took_s;
    // What ran when the first one finished had begun before.
    if (!first_ms_) first_ms_ = now - std::max<time_ms>(took_ms, 0);
}

pace::bucket pace::total(time_ms now) const {
    bucket all;
    const auto newest = now / bucket_ms;
    for (const auto& b : window_) {
        if (b.number <= newest - static_cast<time_ms>(buckets) || b.number > newest) continue;
        all.count += b.count;
        all.sum_s += b.sum_s;
        all.sum_of_squares += b.sum_of_squares;
    }
    return all;
}

double pace::rate(time_ms now) const {
    const auto all = total(now);
    if (all.count == 0) return 0;
    // The bucket of now has not ended.
    const auto window_begin = (now / bucket_ms - static_cast<time_ms>(buckets) + 1) * bucket_ms;
    constexpr time_ms shortest_ms = 1;
    const auto span = std::max(now - std::max(window_begin, *first_ms_), shortest_ms);
    return static_cast<double>(all.count) * 1000 / static_cast<double>(span);
}

std::optional<time_left> pace::left(std::uint64_t unfinished, time_ms now) const {
    const auto all = total(now);
    if (unfinished == 0 || all.count == 0) return std::nullopt;
    const auto seen = static_cast<double>(all.count);
    const auto mean = all.sum_s / seen;
    const auto variance = std::max(all.sum_of_squares / seen - mean * mean, 0.0);
    // The sum of what is left varies, and the mean of what was seen is only known so well. At least as much as counting
    // varies by itself.
    const auto variation = mean > 0 ? std::max(std::sqrt(variance) / mean, 1.0) : 1.0;
    const auto relative = variation * std::sqrt(1 / static_cast<double>(unfinished) + 1 / seen);
    constexpr double nineteen_of_twenty = 1.96;
    const auto speed = rate(now);
    const auto likely = static_cast<double>(unfinished) / speed;
    // At the end not all that ran at once has a successor, and the last of them is waited for.
    const auto tail = mean * (1 + std::log(std::max(speed * mean, 1.0)));
    return time_left{likely, std::max(likely * (1 - nineteen_of_twenty * relative), 0.0),
                     likely * (1 + nineteen_of_twenty * relative) + tail};
}

}  // namespace bistro
