// What tasks wrote to stdout and stderr, line by line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.hpp"
#include "model/retention.hpp"
#include "model/task_status.hpp"

namespace bistro {

enum class log_stream : std::uint8_t { out, err, status };
inline constexpr log_stream last_log_stream = log_stream::status;

std::string_view to_string(log_stream stream);  ///< "stdout", "stderr", "statuses"
std::optional<log_stream> parse_log_stream(std::string_view text);

/// A line without its end, as valid UTF-8.
struct log_line {
    std::int64_t id = 0;  ///< given by the store: 32 bits of epoch seconds above a 32-bit counter, so ids sort by time
    job_id job;
    node_id node;
    invocation_id invocation;
    log_stream stream = log_stream::out;
    time_ms written_ms = 0;
    std::string text;
};

/// Lines that all parts of the query match; empty parts match all.
struct log_query {
    job_id job;
    node_id node;
    invocation_id invocation;
    bool any_stream = true;
    log_stream stream = log_stream::out;  ///< unless any_stream
    std::int64_t after_id = 0;            ///< only later lines
    std::int64_t before_id = 0;           ///< only earlier lines; 0: all
    std::size_t limit = 1000;
    bool latest = false;  ///< the last `limit` of them rather than the first; oldest first either way
};

/// Not thread-safe. Every function may throw io_error.
class log_store {
public:
    log_store() = default;
    log_store(const log_store&) = delete;
    log_store& operator=(const log_store&) = delete;
    virtual ~log_store() = default;

    /// Gives the lines their ids and keeps them; forgets old ones, as the store's retention says.
    virtual void append(std::vector<log_line>& lines) = 0;
    [[nodiscard]] virtual std::vector<log_line> query(const log_query& query) = 0;
    virtual void clear() = 0;
};

std::unique_ptr<log_store> make_memory_log_store(const retention& keep = {});
std::unique_ptr<log_store> open_sqlite_log_store(const std::string& path, const retention& keep = {});
std::unique_ptr<log_store> open_sqlite_log_store_read_only(const std::string& path);

}  // namespace bistro
