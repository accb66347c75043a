// What a job is, as its owner wrote it. What became of its tasks is in task_table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/backoff.hpp"
#include "model/filters.hpp"
#include "model/ids.hpp"
#include "model/resources.hpp"

namespace bistro {

/// What decides how a task ended that wrote no status line.
enum class status_source : std::uint8_t {
    exit_code,  ///< exit code 0 is done, anything else an error
    pipe,       ///< only the status line counts; none is an error
};

/// What is appended to a job's command.
enum class command_arguments : std::uint8_t {
    full,  ///< node, status path, JSON
    node,  ///< only the node
    none,  ///< nothing; "{}" in the command's elements stands for the node
};

/// The command of a job whose tasks are done as soon as a worker has them, without a process: it measures what the way
/// there and back costs.
inline constexpr std::string_view null_command = "bistro:null";

/// A job. Seconds are seconds, amounts are slots.
struct job_spec {
    job_id name;
    std::string owner;
    bool enabled = true;
    bool paused = false;               ///< by a person, which is why it is not enabled
    bool submitted = false;            ///< it is not from the config
    std::vector<std::string> command;  ///< argv; never seen by a shell
    double priority = 1.0;
    std::string config_json = "{}";  ///< handed to every task as it is
    amounts resources;               ///< demands that differ from the resources' defaults
    backoff_policy backoff;
    std::map<std::string, filter_spec> filters;  ///< by level
    std::vector<job_id> depends_on;              ///< must be done on the same node
    std::vector<job_id> run_only_after_all_nodes_are_done_for;
    std::string level;  ///< of its tasks
    std::optional<std::string> host_placement;
    std::optional<std::string> level_for_host_placement;  ///< ignored where host_placement is set
    std::optional<std::int64_t> kill_orphan_tasks_after_s;
    std::int64_t timeout_s = 0;  ///< 0: none
    std::int64_t kill_wait_s = 10;
    std::string working_directory;  ///< empty: a folder of the job under the data directory
    status_source status = status_source::exit_code;
    command_arguments arguments = command_arguments::full;
    std::vector<std::string> errors;  ///< a job with errors is kept and never runs

    bool operator==(const job_spec&) const = default;
};

/// A number of a job's rules, by which others are told apart: of all that says which tasks may start, and when.
std::uint64_t number_of_rules(const job_spec& job);

/// At most this many bytes in a job name, so that it can be a folder.
inline constexpr std::size_t max_job_name_bytes = 239;

/// Why a name can't be a job's name, or an empty string: letters, digits, "_" and "-", under 240 bytes.
std::string job_name_problem(std::string_view name);

}  // namespace bistro
