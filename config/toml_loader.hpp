// The parts of the TOML loader, for its own sources only. Each reads one section into the settings.
#pragma once

#include <algorithm>

#include "config/settings.hpp"
#include "config/toml_reader.hpp"

namespace bistro {

/// What the sections share while a file is read.
struct load_context {
    settings& config;
    error_sink& sink;
    std::string folder;                       ///< of the file; relative paths start there
    std::set<std::string> manual_nodes = {};  ///< of all manual sources so far
    bool nodes_are_valid = false;             ///< the section of the nodes
    bool membership_is_valid = false;         ///< the sections that say where the scheduler is

    /// A task must be dead when its worker counts as lost, so it can't have more time to end by itself.
    [[nodiscard]] std::int64_t longest_kill_wait_s() const {
        return std::max<std::int64_t>((config.liveness.kill_ms - config.liveness.heartbeat_ms) / 1000, 0);
    }

    /// `path`, relative to the file's folder.
    [[nodiscard]] std::string resolve(const std::string& path) const;
    /// Reports an unknown level of the forest; the instance counts only where `with_instance`.
    bool check_level(const toml::node& at, const std::string& level, bool with_instance, bool with_worker);
};

void load_nodes(toml_reader& nodes, load_context& context);
void load_jobs(const toml::table& jobs, load_context& context);
/// [] of seconds with "repeat" or "fail" at its end.
std::optional<backoff_policy> load_backoff(toml_reader& reader, std::string_view key);
/// false: never; true: at once; or seconds.
std::optional<std::int64_t> load_orphan_rule(toml_reader& reader, std::optional<std::int64_t> otherwise);
/// What is wrong with what jobs say of others: unknown ones, cycles, levels that differ.
struct reference_problem {
    job_id job;
    std::string key;  ///< of the list that names the other
    job_id other;
    std::string message;
};
std::vector<reference_problem> job_reference_problems(const std::vector<job_spec>& jobs);
/// Reports those of a config.
void check_job_references(const toml::table& jobs, load_context& context);

/// A TOML value as JSON text.
std::string to_json(const toml::node& node);

}  // namespace bistro
