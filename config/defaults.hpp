// Every default of a config, in one place.
#pragma once

#include <cstdint>

namespace bistro::defaults {

inline constexpr const char* data_dir = "state";
inline constexpr const char* worker_data_dir = "worker-state";
inline constexpr const char* range_format = "{parent}__{i}";
inline constexpr const char* listen = "127.0.0.1:0";  ///< a loopback port of the system's choice

inline constexpr std::int64_t script_period_s = 300;
inline constexpr std::int64_t file_period_s = 10;
inline constexpr std::int64_t script_timeout_s = 60;
inline constexpr std::int64_t source_retries = 2;
inline constexpr std::int64_t source_retry_wait_s = 1;

inline constexpr std::int64_t backoff_s[] = {15, 30, 60, 300, 900, 3600, 7200, 21600, 86400};

inline constexpr std::int64_t history_days = 90;
inline constexpr std::int64_t max_attempts = 1'000'000;
inline constexpr std::int64_t max_log_lines = 1'000'000;

inline constexpr std::int64_t max_config_bytes = 64 << 20;
inline constexpr std::int64_t max_range_nodes = 10'000'000;

}  // namespace bistro::defaults
