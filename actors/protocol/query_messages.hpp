// What the command line asks a scheduler process, and the answers. All questions carry the cluster's secret; with a
// wrong one they are refused. An answer that is lost with its connection may be asked for again.
#pragma once

#include <bit>
#include <caf/meta/type_name.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/log_store/log_store.hpp"
#include "model/explanation.hpp"
#include "model/failure_groups.hpp"
#include "model/ids.hpp"
#include "model/node_shares.hpp"
#include "model/slowest.hpp"
#include "model/task_status.hpp"
#include "model/task_table.hpp"

namespace bistro {

struct jobs_asked {
    std::string secret;
};
/// A number that travels as its bits: CAF 0.17.6 never ends writing an infinite one.
class exact_double {
public:
    exact_double(double value = 0) : bits_{std::bit_cast<std::uint64_t>(value)} {}
    operator double() const { return std::bit_cast<double>(bits_); }

    template <class Inspector>
    friend auto inspect(Inspector& f, exact_double& x) {
        return f(caf::meta::type_name("exact_double"), x.bits_);
    }

private:
    std::uint64_t bits_;
};
struct job_row {
    job_id job;
    std::string owner;
    bool enabled = true;
    exact_double priority = 1;
    std::string level;
    task_counts counts;
    std::string waiting;    ///< why its next task does not start; empty: nothing waits
    exact_double rate = 0;  ///< tasks that finish in a second, lately
    /// Seconds until it is through: likely, and the bounds in 19 of 20 cases; below 0: not known.
    exact_double left_s = -1;
    exact_double left_low_s = -1;
    exact_double left_high_s = -1;
};
struct worker_row {
    shard_name shard;
    std::string host;
    std::int64_t pid = 0;
    std::string health;      ///< "new", "healthy", "unhealthy"
    bool connected = false;  ///< or expected back
    bool awaited = false;    ///< of before the scheduler's restart, and not heard of since
    bool leaving = false;    ///< takes no more tasks
    time_ms silent_ms = 0;   ///< since it was last heard
    amounts declared;        ///< its own limits
};
struct jobs_answer {
    std::vector<job_row> jobs;
    std::vector<std::pair<std::string, std::string>> problems;
    std::string policy;
    std::string suspended;  ///< why nothing starts; empty: it does
    std::vector<worker_row> workers;
    std::uint64_t fenced = 0;  ///< messages of workers so far that were of an earlier session, and dropped
};
struct tasks_asked {
    std::string secret;
    job_id job;         ///< empty: of all jobs
    std::string state;  ///< a word of the answer; empty: all
    std::uint64_t limit = 0;
    node_id after = {};      ///< only those of the job behind this one; empty: all
    bool count_rest = true;  ///< else `left_out` says only whether there are more, and costs less
};
struct task_row {
    job_id job;
    node_id node;
    std::string state;
    std::uint32_t errors = 0;
    time_ms retry_at_ms = 0;
    std::string worker;
    time_ms started_ms = 0;
    invocation_id invocation;
    std::string data_json;
};
struct tasks_answer {
    std::vector<task_row> tasks;
    std::uint64_t left_out = 0;
};
/// Why a task does what it does, or, with an empty node, what the job's tasks wait for. Answered by an explanation.
struct explain_asked {
    std::string secret;
    job_id job;
    node_id node;
};
struct logs_asked {
    std::string secret;
    log_query query;
    std::map<std::string, std::int64_t> after;  ///< by shard name, instead of query.after_id: ids are a worker's own
};
struct logs_answer {
    std::vector<log_line> lines;
    std::map<std::string, std::int64_t> last;  ///< where to go on: what to ask for next as `after`
    std::vector<std::string> missing;          ///< shard names of workers that could not be asked
};
/// Whoever waits asks again after so long at the latest: so nobody is kept who has gone.
inline constexpr std::int64_t longest_wait_at_once_s = 60;
/// Answered when every task of the job is done or has failed for good, or the time is over, and with an error when the
/// job is gone.
struct wait_asked {
    std::string secret;
    job_id job;
    std::int64_t timeout_s = longest_wait_at_once_s;
};
struct wait_answer {
    task_counts counts;
    bool at_rest = true;  ///< false: the time is over
};
enum class control_verb : std::uint8_t { kill, forgive, stop, submit, remove, pause, resume };
inline constexpr control_verb last_control_verb = control_verb::resume;
struct control_asked {
    std::string secret;
    control_verb verb = control_verb::kill;
    job_id job;
    node_id node;
    std::string text = {};  ///< of submit: the job, as JSON
    /// Of forgive: which failed tasks (see failure_filter), and whether they are only counted.
    std::string cause = {};
    std::string error = {};
    std::string nodes = {};
    std::string state = {};
    bool only_count = false;
};
struct control_answer {
    bool ok = false;
    std::string text;
    std::uint64_t tasks = 0;  ///< that it is about, of forgive
};
/// The children of a node, how tasks stand below each of them, and how full they are.
struct nodes_asked {
    std::string secret;
    node_id below;  ///< empty: the instance
    job_id job;     ///< empty: of all jobs together
    std::uint64_t limit = 0;
    node_id after = {};  ///< only those behind this one; empty: all
};
struct node_row {
    node_id node;
    std::string level;
    bool enabled = true;
    std::vector<std::string> tags;
    std::uint64_t children = 0;
    node_share share;
    std::vector<std::pair<std::string, std::pair<std::int64_t, std::int64_t>>> resources;  ///< by name: used, limit
};
struct nodes_answer {
    node_id below;
    std::vector<std::string> path;  ///< to it, the instance first
    std::vector<node_row> nodes;
    std::uint64_t left_out = 0;  ///< behind the last one
};
/// What went wrong in a job, and what takes long.
struct details_asked {
    std::string secret;
    job_id job;
};
struct job_details {
    job_id job;
    std::vector<failure_group> failures;  ///< by cause, most tasks first
    std::vector<timed_task> slowest;      ///< of those that were done or failed in this life of the scheduler
    std::vector<timed_task> running;      ///< the longest
    std::vector<level_share> levels;
};
/// To a console actor, by way of the gateway: a command, word by word, about the scheduler's process or that of a
/// worker.
struct console_asked {
    std::string secret;
    std::string worker;  ///< shard name; empty: the scheduler's process
    std::vector<std::string> words;
    std::uint64_t after = 0;  ///< where tap and trace go on: `last` of the answer before; 0: they begin
};
/// More rows are left out of an answer.
inline constexpr std::size_t max_console_rows = 10'000;
/// A table, and remarks.
struct console_answer {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> notes;
    std::uint64_t last = 0;
};

}  // namespace bistro
