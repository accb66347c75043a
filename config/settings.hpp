// A config, read and checked: everything that a process of the system needs to know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/defaults.hpp"
#include "config/diagnostic.hpp"
#include "model/engine/engine.hpp"
#include "model/forest.hpp"
#include "model/job.hpp"
#include "model/liveness.hpp"
#include "model/partition.hpp"
#include "model/resources.hpp"
#include "model/retention.hpp"
#include "model/simulation.hpp"

namespace bistro {

enum class source_kind : std::uint8_t { manual, range_label, script, file };

/// Where nodes come from.
struct source_settings {
    source_kind kind = source_kind::manual;
    std::string name;              ///< for messages: kind and number
    std::vector<node_decl> nodes;  ///< manual
    std::string parent_level;      ///< empty: nodes hang where their kind says (see the README)
    std::string format = defaults::range_format;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::vector<std::string> command;  ///< script
    std::string path;                  ///< file
    std::int64_t period_s = 0;         ///< between two fetches; 0: fetched once
    std::int64_t timeout_s = defaults::script_timeout_s;
    std::int64_t retries = defaults::source_retries;
    std::int64_t retry_wait_s = defaults::source_retry_wait_s;
    text_place at{};

    bool operator==(const source_settings&) const = default;
};

struct tls_settings {
    std::string ca;
    std::string certificate;
    std::string key;

    bool operator==(const tls_settings&) const = default;
};

struct endpoint {
    std::string host;
    std::uint16_t port = 0;

    bool operator==(const endpoint&) const = default;
};

/// Where the scheduler answers HTTP, and to whom.
struct http_settings {
    endpoint listen;
    std::string token_file;   ///< empty: only to the user that runs it, and root, of the same host
    std::string certificate;  ///< PEM, with its chain; empty: without TLS
    std::string key;

    bool operator==(const http_settings&) const = default;
};

struct network_settings {
    endpoint listen{"127.0.0.1", 0};
    std::optional<http_settings> http;
    std::optional<tls_settings> tls;
    std::string secret_file;  ///< what workers and clients must know; empty: one in the data directory

    bool operator==(const network_settings&) const = default;
};

/// The [worker] section: what a worker process needs.
struct worker_settings {
    std::optional<endpoint> scheduler;
    std::string shard;  ///< empty: the host name
    std::string data_dir = defaults::worker_data_dir;
    amounts resources;
    std::optional<tls_settings> tls;
    std::string secret_file;  ///< a copy of the scheduler's; empty: found on the same host, or in $BISTRO_SECRET
    retention log_lines;      ///< as [scheduler.history] of its own file says

    bool operator==(const worker_settings&) const = default;
};

/// [scheduler.history]: how much of the past the stores keep.
struct history_settings {
    retention attempts{static_cast<std::uint64_t>(defaults::max_attempts), defaults::history_days* ms_per_day};
    retention log_lines{static_cast<std::uint64_t>(defaults::max_log_lines), defaults::history_days* ms_per_day};

    static constexpr time_ms ms_per_day = time_ms{24} * 3600 * 1000;
    bool operator==(const history_settings&) const = default;
};

struct settings {
    std::string file;  ///< that it was read from
    engine_options engine;
    std::uint32_t partitions = 1;  ///< of the forest, each decided by an actor of its own
    std::string data_dir = defaults::data_dir;
    history_settings history;
    std::vector<std::string> levels;  ///< below the instance, outermost first
    std::string instance_name = instance_level;
    std::vector<source_settings> sources;
    resource_table resources;
    liveness_timeouts liveness;
    std::vector<job_spec> jobs;
    job_spec job_defaults;  ///< what holds where a job says nothing, and for jobs that are in no config any more
    network_settings network;
    worker_settings worker;
    simulation_options simulation;

    bool operator==(const settings&) const = default;
};

/// A config, or what is wrong with it. Every error of the file at once, as far as one does not hide another.
struct load_result {
    std::optional<settings> config;
    diagnostics errors;
    std::optional<settings> so_far;  ///< where there are errors, but some of it is valid, as these say
    bool nodes_are_valid = false;
    bool membership_is_valid = false;

    /// Settings of which the nodes are valid, whatever else is not; null where they are not.
    [[nodiscard]] const settings* nodes() const { return config ? &*config : nodes_are_valid ? &*so_far : nullptr; }
    /// Settings of which that is valid which says where the scheduler is, and how to reach it.
    [[nodiscard]] const settings* membership() const {
        return config ? &*config : membership_is_valid ? &*so_far : nullptr;
    }
};

/// Which parts a config must have.
enum class config_purpose : std::uint8_t {
    scheduler,  ///< levels, a node source and a job
    worker,     ///< only a [worker] section
};

/// Reads a TOML file. Relative paths in it become relative to its folder.
load_result load_config(const std::string& path, config_purpose purpose = config_purpose::scheduler);
/// The same from text; `path` is for messages and relative paths.
load_result parse_config(std::string_view text, const std::string& path,
                         config_purpose purpose = config_purpose::scheduler);

/// "host:port", "[::1]:port" or ":port" (loopback).
std::optional<endpoint> parse_endpoint(std::string_view text);
/// True for 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(const endpoint& e);
std::string to_string(const endpoint& e);

/// The nodes that a range source makes below `parents`.
std::vector<node_decl> range_nodes(const source_settings& source, const std::string& level,
                                   const std::vector<std::string>& parents);

/// What manual and range sources declare, in the order of the sources, and the forest of it.
struct declared_nodes {
    std::vector<node_decl> declarations;
    forest_result forest;
};
/// Nothing where some source has to be read, a file or a script.
std::optional<declared_nodes> nodes_of_config(const settings& config);

/// The nodes in the lines of a file or of a script without parents: "name" or "parent/child", whose first part is of
/// `first_level`. Problems are appended, with their lines; `file` is for these.
std::vector<node_decl> nodes_of_lines(std::string_view text, const std::vector<std::string>& levels,
                                      std::size_t first_level, bool first_is_implied, const std::string& file,
                                      diagnostics& problems);

}  // namespace bistro
