// The subcommands of the program. Each decides which actors its process hosts, and gives the exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"

namespace bistro {

/// Exit codes. A run that a signal ended gives 128 + its number, as shells do.
enum exit_code : int {
    all_well = 0,
    some_failed = 1,          ///< some task failed for good, or can never run; nothing there to kill
    bad_usage = 2,            ///< of the command line, a name that is unknown, or a config that is not valid
    could_not_reach_run = 3,  ///< the scheduler could not be reached, or nothing could be run
    not_in_time = 124,        ///< what was waited for did not come; as timeout(1) has it
};

struct run_arguments {
    std::string config;
    std::string nodes;                ///< a file, "-" is stdin; instead of a config
    std::vector<std::string> limits;  ///< LEVEL=N
    std::vector<std::string> command;
    unsigned slots = 0;  ///< tasks at once; 0: the cores
    std::string data_dir;
    std::string events;
    bool clean = false;
    bool quiet = false;
    bool tag = false;
    std::int64_t retries = 0;
    std::int64_t timeout_s = 0;
    bool json = false;  ///< the table at the end
};
int command_run(const run_arguments& arguments);

/// How a long-running process writes its log, and whether it can be looked into.
struct process_arguments {
    std::string log_format = "text";
    std::vector<std::string> log_levels;  ///< LEVEL or COMPONENT=LEVEL
    bool no_console = false;
};
struct scheduler_arguments {
    std::string config;
    std::string data_dir;
    std::string events;
    bool clean = false;
    bool in_memory = false;
    bool insecure = false;
    process_arguments process;
};
int command_scheduler(const scheduler_arguments& arguments);

struct worker_arguments {
    std::string config;  ///< may be empty
    std::string scheduler;
    std::string shard;
    std::string data_dir;
    process_arguments process;
};
int command_worker(const worker_arguments& arguments);

/// One line each on stderr, safe for a terminal whatever the file had in it.
void print_errors(const diagnostics& errors);

int command_check(const std::string& config, bool as_json);
int command_import(const std::string& file, const std::string& output, const std::vector<std::string>& command);

/// Issues the certificates of a cluster into a folder, and makes its secret; what is there stays.
int command_tls_init(const std::string& folder, const std::vector<std::string>& names);

struct simulate_arguments {
    std::string config;
    std::string events;
    std::optional<std::uint64_t> seed;
    bool json = false;
};
int command_simulate(const simulate_arguments& arguments);

/// How a command finds what it asks about: a running scheduler by its address, by $BISTRO_SCHEDULER or by the address
/// file in a data directory; else the stores in that directory.
struct target_arguments {
    std::string config;    ///< its data directory is meant
    std::string data_dir;  ///< beats the config's
    std::string scheduler;
    std::string profile;  ///< see use_profile()
    bool json = false;
};
int command_status(const target_arguments& target);
int command_jobs(const target_arguments& target);
/// The same and more, live, on a terminal.
int command_top(const target_arguments& target);
int command_workers(const target_arguments& target);
struct tasks_arguments {
    std::string job;
    std::string state;
    std::uint64_t limit = 1000;
};
int command_tasks(const target_arguments& target, const tasks_arguments& arguments);
/// An empty node: of the whole job.
int command_explain(const target_arguments& target, const std::string& job, const std::string& node);
struct logs_arguments {
    std::string job;
    std::string node;
    std::string stream;
    std::uint64_t limit = 1000;
    bool follow = false;
};
int command_logs(const target_arguments& target, const logs_arguments& arguments);
/// `verb` is kill, forgive, stop, delete, pause or resume.
int command_control(const target_arguments& target, const std::string& verb, const std::string& job,
                    const std::string& node);
/// Hands the jobs of a TOML file ("-": stdin) to a scheduler.
int command_submit(const target_arguments& target, const std::string& file);
/// What went wrong, by cause; an empty job: of all.
int command_failures(const target_arguments& target, const std::string& job);
/// How far a job is on each level of nodes.
int command_levels(const target_arguments& target, const std::string& job);
/// The tasks that take longest.
int command_slowest(const target_arguments& target, const std::string& job);
struct retry_arguments {
    std::string job;
    std::string cause;
    std::string error;  ///< see failure_filter
    std::string nodes;
    std::string status;
    bool yes = false;  ///< do not ask
    bool only_count = false;
};
int command_retry(const target_arguments& target, const retry_arguments& arguments);
struct nodes_arguments {
    std::string below;  ///< empty: the instance
    std::string job;    ///< empty: all
    std::uint64_t limit = 1000;
};
int command_nodes(const target_arguments& target, const nodes_arguments& arguments);
struct console_arguments {
    std::vector<std::string> commands;  ///< none: those of the standard input
    std::string worker;                 ///< look into its process first
    std::int64_t for_s = 0;             ///< how long tap and trace go on; 0: until Ctrl-C
};
/// Looks inside a running process.
int command_console(const target_arguments& target, const console_arguments& arguments);
/// Until a job is at rest, or for so many seconds (0: for ever).
int command_wait(const target_arguments& target, const std::string& job, std::int64_t timeout_s);

}  // namespace bistro
