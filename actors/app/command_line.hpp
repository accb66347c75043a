// The command line: every command, its options, and what carries it out.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/app/commands.hpp"

namespace bistro {

/// Lives while it is parsed.
class command_line {
public:
    command_line();
    command_line(const command_line&) = delete;
    command_line& operator=(const command_line&) = delete;

    /// Carries out what the words say, and gives the exit code.
    int run(std::vector<std::string> words);

private:
    void add_processes();
    void add_tools();
    void add_questions();
    void add_troubles();
    void add_actions();
    void add_rest();

    CLI::App app;
    int code = all_well;
    run_arguments run_;
    scheduler_arguments scheduler;
    worker_arguments worker;
    std::string check_config;
    std::string import_file;
    std::string import_output;
    std::vector<std::string> import_command;
    std::string tls_folder = "tls";
    std::vector<std::string> tls_names;
    simulate_arguments simulate;
    target_arguments target;
    std::int64_t watch_s = 0;
    tasks_arguments tasks;
    std::string explained_job;
    std::string explained_node;
    logs_arguments logs;
    std::string job;
    std::string node;
    std::string submitted;
    std::int64_t wait_s = 0;
    retry_arguments retry;
    nodes_arguments nodes;
    console_arguments look;
    std::string shell;
    std::string manual_of;
    std::string manual_folder;
};

}  // namespace bistro
