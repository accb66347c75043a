// Reads the JSON config of the seed system and writes it as TOML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace bistro {

struct import_result {
    std::string toml;                ///< empty where there are errors
    diagnostics errors;              ///< with line and column of the JSON
    std::vector<std::string> notes;  ///< what was left out or filled in, for the user to know
};

/// `file` is for messages. `command` is given to jobs that have none (the seed system's workers brought it along).
import_result import_json(std::string_view text, const std::string& file, const std::vector<std::string>& command);

}  // namespace bistro
