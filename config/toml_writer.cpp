#include "config/toml_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "model/text.hpp"

namespace bistro {

std::string toml_string(std::string_view text) {
    std::string result = "\"";
    for (char c : valid_utf8(text)) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            result += escape;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

std::string toml_key(std::string_view key) {
    const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
    return bare ? std::string{key} : toml_string(key);
}

std::string toml_value(const boost::json::value& value) {
    switch (value.kind()) {
        case boost::json::kind::null: return "\"\"";
        case boost::json::kind::bool_: return value.as_bool() ? "true" : "false";
        case boost::json::kind::int64: return std::to_string(value.as_int64());
        case boost::json::kind::uint64: return std::to_string(value.as_uint64());
        case boost::json::kind::double_: {
            std::ostringstream text;
            text.precision(17);
            text << value.as_double();
            auto s = text.str();
            if (s.find_first_of(".en") == std::string::npos) s += ".0";
            return s;
        }
        case boost::json::kind::string: return toml_string(value.as_string());
        case boost::json::kind::array: {
            std::string text = "[";
            for (const auto& element : value.as_array()) text += (text.size() > 1 ? ", " : "") + toml_value(element);
            return text + "]";
        }
        case boost::json::kind::object: {
            std::string text = "{";
            for (const auto& [key, element] : value.as_object())
                text += (text.size() > 1 ? ", " : " ") + toml_key(key) + " = " + toml_value(element);
            return text + (text.size() > 1 ? " }" : "}");
        }
    }
    return {};
}

}  // namespace bistro
