// Pieces of TOML text, and whole configs from parts.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace bistro {

/// A basic string, quoted and escaped.
std::string toml_string(std::string_view text);
/// A key, bare where it can be.
std::string toml_key(std::string_view key);
/// A value on one line. A null becomes an empty string: TOML has none.
std::string toml_value(const boost::json::value& value);

}  // namespace bistro
