#include "config/toml_reader.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "model/text.hpp"

namespace bistro {

std::string to_string(const diagnostic& d, std::string_view severity) {
    std::string text = d.file;
    if (d.line > 0) text += ":" + std::to_string(d.line) + ":" + std::to_string(d.column);
    return text.append(": ").append(severity).append(": ").append(d.message);
}

void error_sink::add(toml::source_position at, std::string message) {
    errors.push_back({file, at.line, at.column, std::move(message)});
}

void error_sink::add(const toml::node& at, std::string message) { add(at.source().begin, std::move(message)); }

toml_reader::toml_reader(const toml::table& table, std::string where, error_sink& sink)
    : table_{table}, where_{std::move(where)}, sink_{sink} {}

std::string toml_reader::path(std::string_view key) const {
    return where_.empty() ? std::string{key} : where_ + "." + std::string{key};
}

const toml::node* toml_reader::take(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
}

bool toml_reader::has(std::string_view key) { return take(key) != nullptr; }

const toml::node& toml_reader::at(std::string_view key) const {
    const auto* node = table_.get(key);
    return node != nullptr ? *node : static_cast<const toml::node&>(table_);
}

void toml_reader::error(std::string_view key, std::string message) { sink_.add(at(key), std::move(message)); }

void toml_reader::wrong_type(std::string_view key, const toml::node& node, const char* wanted) {
    std::ostringstream type;
    type << node.type();
    sink_.add(node, "\"" + path(key) + "\" must be " + wanted + "; what stands here is of type " + type.str());
}

std::optional<std::string> toml_reader::string(std::string_view key) {
    const auto* node = take(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_string()) return value->get();
    wrong_type(key, *node, "a string");
    return std::nullopt;
}

std::optional<std::int64_t> toml_reader::integer(std::string_view key, std::int64_t low, std::int64_t high) {
    const auto* node = take(key);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->as_integer();
    if (value == nullptr) {
        wrong_type(key, *node, "an integer");
        return std::nullopt;
    }
    if (value->get() < low || value->get() > high) {
        error(key, "\"" + path(key) + "\" is " + std::to_string(value->get()) + "; it must be between " +
                       std::to_string(low) + " and " + std::to_string(high));
        return std::nullopt;
    }
    return value->get();
}

std::optional<double> toml_reader::number(std::string_view key, double low, double high) {
    const auto* node = take(key);
    if (node == nullptr) return std::nullopt;
    std::optional<double> value;
    if (const auto* real = node->as_floating_point()) value = real->get();
    if (const auto* whole = node->as_integer()) value = static_cast<double>(whole->get());
    if (!value) {
        wrong_type(key, *node, "a number");
        return std::nullopt;
    }
    if (!(*value >= low && *value <= high)) {
        std::ostringstream text;
        text << "\"" << path(key) << "\" is " << *value << "; it must be ";
        if (low == std::numeric_limits<double>::lowest())
            text << "at most " << high;
        else
            text << "between " << low << " and " << high;
        error(key, text.str());
        return std::nullopt;
    }
    return value;
}

std::optional<bool> toml_reader::boolean(std::string_view key) {
    const auto* node = take(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_boolean()) return value->get();
    wrong_type(key, *node, "true or false");
    return std::nullopt;
}

std::optional<std::vector<std::string>> toml_reader::strings(std::string_view key) {
    const auto* list = array(key);
    if (list == nullptr) return std::nullopt;
    std::vector<std::string> result;
    for (const auto& element : *list) {
        const auto* value = element.as_string();
        if (value == nullptr) {
            wrong_type(key, element, "a list of strings");
            return std::nullopt;
        }
        result.push_back(value->get());
    }
    return result;
}

std::optional<amounts> toml_reader::integers(std::string_view key) {
    const auto* table = subtable(key);
    if (table == nullptr) return std::nullopt;
    amounts result;
    toml_reader entries{*table, path(key), sink_};
    for (const auto& [name, node] : *table)
        if (auto value = entries.integer(name.str(), 0, std::int64_t{1} << 40))
            result[std::string{name.str()}] = *value;
    return result;
}

const toml::table* toml_reader::subtable(std::string_view key) {
    const auto* node = take(key);
    if (node == nullptr) return nullptr;
    if (const auto* value = node->as_table()) return value;
    wrong_type(key, *node, "a table");
    return nullptr;
}

const toml::array* toml_reader::array(std::string_view key) {
    const auto* node = take(key);
    if (node == nullptr) return nullptr;
    if (const auto* value = node->as_array()) return value;
    wrong_type(key, *node, "a list");
    return nullptr;
}

void toml_reader::add_bad_word(std::string_view key, const std::string& text, const std::vector<std::string>& words) {
    auto near = nearest(text, words);
    std::string message = "\"" + path(key) + "\" is " + quote(text) + "; it must be one of " + join(words, ", ");
    if (!near.empty()) message += "; did you mean " + quote(near) + "?";
    error(key, message);
}

void toml_reader::finish() {
    for (const auto& [key, node] : table_) {
        const std::string name{key.str()};
        if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
        std::string message = "unknown key " + quote(path(name));
        if (auto near = nearest(name, known_); !near.empty()) message += "; did you mean " + quote(near) + "?";
        sink_.add(key.source().begin, message);
    }
}

std::vector<std::pair<std::string, const toml::node*>> in_file_order(const toml::table& table) {
    std::vector<std::tuple<toml::source_position, std::string, const toml::node*>> entries;
    for (const auto& [key, node] : table) entries.emplace_back(key.source().begin, std::string{key.str()}, &node);
    std::sort(entries.begin(), entries.end());
    std::vector<std::pair<std::string, const toml::node*>> result;
    for (auto& [position, key, node] : entries) result.emplace_back(std::move(key), node);
    return result;
}

}  // namespace bistro
