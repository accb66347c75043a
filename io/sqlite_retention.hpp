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
    /// Keys grow with time; `time` is an SQL expression for the time of a row.
    sqlite_retention(SQLite::Database& db, const std::string& table, const std::string& key, const std::string& time,
                     const retention& keep);

    /// Within the transaction that added `added` rows; `newest` is the latest time of any. Where none was added, none
    /// is forgotten.
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
    std::optional<std::int64_t> count_;    // of the rows; counted at the first use
    std::optional<std::int64_t> pending_;  // the same, once the transaction is through
    time_ms newest_ = 0;
    time_ms next_look_at_age_ = 0;
};

}  // namespace bistro
