// What is wrong with a config, and where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bistro {

struct diagnostic {
    std::string file;
    std::size_t line = 0;  ///< from 1; 0: the file as a whole
    std::size_t column = 0;
    std::string message;  ///< what is wrong and what to do about it

    bool operator==(const diagnostic&) const = default;
};

/// "file:line:column: error: message".
std::string to_string(const diagnostic& d, std::string_view severity = "error");

using diagnostics = std::vector<diagnostic>;

}  // namespace bistro
