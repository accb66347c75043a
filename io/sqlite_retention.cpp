#include "io/sqlite_retention.hpp"

#include <algorithm>
#include <limits>

namespace bistro {

namespace {
constexpr time_ms age_is_looked_at_every_ms = 60'000;
}

sqlite_retention::sqlite_retention(SQLite::Database& db, const std::string& table, const std::string& key,
                                   const std::string& time, const retention& keep)
    : db_{db},
      forget_{db, "DELETE FROM " + table + " WHERE " + key + " IN (SELECT " + key + " FROM " + table + " ORDER BY " +
                      key + " LIMIT ?1) AND " + time + " < ?2"},
      count_rows_{"SELECT count(*) FROM " + table},
      keep_{keep} {}

void sqlite_retention::prune(std::size_t added, time_ms newest) {
    if (added == 0) {
        pending_ = count_;
        return;
    }
    pending_ = count_ ? *count_ + static_cast<std::int64_t>(added) : db_.execAndGet(count_rows_).getInt64();
    const auto most = static_cast<std::int64_t>(most_deleted(added));
    if (const auto surplus = *pending_ - static_cast<std::int64_t>(keep_.max_count); surplus > 0)
        forget(std::min(surplus, most), std::numeric_limits<time_ms>::max());
    newest_ = std::max(newest_, newest);
    if (newest_ >= next_look_at_age_ && forget(most, newest_ - keep_.max_age_ms) < most)
        next_look_at_age_ = newest_ + age_is_looked_at_every_ms;
}

std::int64_t sqlite_retention::forget(std::int64_t limit, time_ms before) {
    forget_.bind(1, limit);
    forget_.bind(2, before);
    const std::int64_t forgotten = forget_.exec();
    forget_.reset();
    *pending_ -= forgotten;
    return forgotten;
}

}  // namespace bistro
