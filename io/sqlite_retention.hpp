// Forgets the oldest rows of a table, a bounded number with each commit.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <optional>
#include <string>

#include "model/retention.hpp"

namespace bistro {

class sqlite_retention {
public:
    /// `may_go` is an SQL condition of the rows that may be forgotten at all, `time` the column of their time.
    sqlite_retention(SQLite::Database& db, const std::string& table, const std::string& key, const std::string& time,
                     const std::string& may_go, const retention& keep);

    /// Within the transaction that added `added` rows; `newest` is the latest time of any.
    void prune(std::size_t added, time_ms newest);
    /// That transaction is through.
    void committed() { count_ = pending_; }
    void cleared() { count_ = 0; }
    /// After an error.
    void reset() { forget_.tryReset(); }

private:
    std::int64_t forget(std::int64_t limit, time_ms before);

    SQLite::Database& db_;
    SQLite::Statement forget_;
    std::string count_rows_;
    retention keep_;
    std::optional<std::int64_t> count_;  // of the rows; counted at the first use
    std::int64_t pending_ = 0;           // the same, once the transaction is through
    time_ms newest_ = 0;
    time_ms next_look_at_age_ = 0;
};

}  // namespace bistro
