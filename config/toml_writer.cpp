#include "config/toml_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

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

namespace {

class value_writer {
public:
    explicit value_writer(const element_observer& observer) : observer_{observer} {}

    std::string write(const boost::json::value& root) && {
        value(root);
        return std::move(text_);
    }

private:
    void value(const boost::json::value& v) {
        switch (v.kind()) {
            case boost::json::kind::null: text_ += "\"\""; break;
            case boost::json::kind::bool_: text_ += v.as_bool() ? "true" : "false"; break;
            case boost::json::kind::int64: text_ += std::to_string(v.as_int64()); break;
            case boost::json::kind::uint64: text_ += std::to_string(v.as_uint64()); break;
            case boost::json::kind::double_: number(v.as_double()); break;
            case boost::json::kind::string: text_ += toml_string(v.as_string()); break;
            case boost::json::kind::array: array(v.as_array()); break;
            case boost::json::kind::object: object(v.as_object()); break;
        }
    }

    void number(double d) {
        std::ostringstream text;
        text.precision(17);
        text << d;
        auto s = text.str();
        if (s.find_first_of(".en") == std::string::npos) s += ".0";
        text_ += s;
    }

    void array(const boost::json::array& elements) {
        text_ += '[';
        std::size_t index = 0;
        for (const auto& element : elements) {
            if (index > 0) text_ += ", ";
            enter(std::to_string(index++), "", element);
        }
        text_ += ']';
    }

    void object(const boost::json::object& members) {
        text_ += '{';
        const char* separator = " ";
        for (const auto& [key, member] : members) {
            text_ += std::exchange(separator, ", ");
            enter(std::string{key}, toml_key(key) + " = ", member);
        }
        text_ += members.empty() ? "}" : " }";
    }

    void enter(const std::string& name, const std::string& prefix, const boost::json::value& element) {
        const auto outer = path_.size();
        path_ += "/" + name;
        if (observer_) observer_(count_code_points(text_), path_);
        text_ += prefix;
        value(element);
        path_.resize(outer);
    }

    const element_observer& observer_;
    std::string text_;
    std::string path_;
};

}  // namespace

std::string toml_value(const boost::json::value& value, const element_observer& observer) {
    return value_writer{observer}.write(value);
}

}  // namespace bistro
