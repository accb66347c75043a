// Where in a JSON text each value stands; Boost.JSON does not keep it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bistro {

struct json_position {
    std::size_t line = 1;
    std::size_t column = 1;
};

/// Positions by path: keys and array indexes, each after a "/". Of invalid JSON, those before the error.
class json_positions {
public:
    explicit json_positions(std::string_view text);

    /// The position of a path, or of the nearest of its ancestors that is known.
    [[nodiscard]] json_position at(std::string path) const;
    /// The position of a byte.
    [[nodiscard]] static json_position of_offset(std::string_view text, std::size_t offset);

    /// Keys that an object has a second time: Boost.JSON keeps the last value and says nothing.
    struct repeated_key {
        std::string path;
        json_position at;
    };
    [[nodiscard]] const std::vector<repeated_key>& repeated() const { return repeated_; }

private:
    std::map<std::string, json_position> positions_;
    std::vector<repeated_key> repeated_;
};

}  // namespace bistro
