// What shells and man(1) know of the program, from the same definitions that its command line is read by.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace bistro {

/// A script for "bash", "zsh" or "fish" that completes commands and options.
std::string completion_script(const CLI::App& app, const std::string& shell);

/// The page of section 1, as troff.
std::string manual_page(const CLI::App& app, const std::string& version);

}  // namespace bistro
