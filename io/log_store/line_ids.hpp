// Gives log lines ids that sort by time. For the back ends of the log store.
#pragma once

#include <algorithm>

#include "io/log_store/log_store.hpp"

namespace bistro {

/// Ids grow strictly, even where the clock steps back.
class line_ids {
public:
    explicit line_ids(std::int64_t last = 0) : last_{last} {}

    std::int64_t next(time_ms written_ms) {
        constexpr int counter_bits = 32;
        last_ = std::max(last_ + 1, (written_ms / 1000) << counter_bits);
        return last_;
    }

private:
    std::int64_t last_;
};

}  // namespace bistro
