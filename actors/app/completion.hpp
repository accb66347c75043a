// What shells and man(1) know of the program, from the same definitions that its command line is read by.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace bistro {

/// A script for "bash", "zsh" or "fish" that completes commands and options.
std::string completion_script(const CLI::App& app, const std::string& shell);

/// Pages of section 1 as troff, by name: "bistro", and "bistro-jobs" and so on of each command.
std::map<std::string, std::string> manual_pages(const CLI::App& app, const std::string& version);

/// Prints the page of a command (empty: of all), or writes them all into a folder, where one is named. The exit code.
int command_manual(const std::map<std::string, std::string>& pages, const std::string& command,
                   const std::string& folder);

}  // namespace bistro
