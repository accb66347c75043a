// Pieces of TOML text, and whole configs from parts.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace bistro {

/// A basic string, quoted and escaped.
std::string toml_string(std::string_view text);
/// A key, bare where it can be.
std::string toml_key(std::string_view key);
/// Called for each element inside a value, in the order of the text: how many characters of the value come before it,
/// and its path below the value, keys and array indexes each after a "/".
using element_observer = std::function<void(std::size_t, const std::string&)>;
/// A value on one line. A null becomes an empty string: TOML has none.
std::string toml_value(const boost::json::value& value, const element_observer& observer = {});

}  // namespace bistro
