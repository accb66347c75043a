#include <boost/json.hpp>
#include <sstream>

#include "config/toml_loader.hpp"

namespace bistro {

std::string to_json(const toml::node& node) {
    std::ostringstream text;
    text << toml::json_formatter{node};
    boost::system::error_code ec;
    const auto value = boost::json::parse(text.str(), ec);
    return ec ? std::string{"{}"} : boost::json::serialize(value);
}

}  // namespace bistro
