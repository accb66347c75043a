// How fast a job gets on, and when it will be through, from the tasks that have finished.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/task_status.hpp"

namespace bistro {

/// Seconds from now, with the bounds that hold in 19 of 20 cases if what is left is like what has finished.
struct time_left {
    double likely_s = 0;
    double low_s = 0;
    double high_s = 0;

    bool operator==(const time_left&) const = default;
};

/// Counts the tasks of one job that finish, over a window. O(1) for each, O(windows) for a question.
class pace {
public:
    /// A task is done, or has failed for good, after an attempt of this length.
    void finished(time_ms now, time_ms took_ms);

    /// Tasks a second over the window, or over the time since the first of them; 0 where none has finished lately.
    [[nodiscard]] double rate(time_ms now) const;
    /// Nothing where no task has finished in the window, or nothing is left to finish.
    [[nodiscard]] std::optional<time_left> left(std::uint64_t unfinished, time_ms now) const;

    static constexpr time_ms bucket_ms = 5'000;
    static constexpr std::size_t buckets = 60;  ///< five minutes

private:
    struct bucket {
        time_ms number = -1;  // of the time since the epoch
        std::uint64_t count = 0;
        double sum_s = 0;
        double sum_of_squares = 0;
    };
    [[nodiscard]] bucket total(time_ms now) const;

    std::array<bucket, buckets> window_;
    std::optional<time_ms> first_ms_;
};

}  // namespace bistro
