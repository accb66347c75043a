// Reads one TOML table key by key, so that whatever was not asked for is an unknown key. Collects errors instead of
// stopping at the first.
#pragma once

#include <toml++/toml.h>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "model/resources.hpp"

namespace bistro {

/// Where errors of one file go.
struct error_sink {
    std::string file;
    diagnostics errors;

    void add(const toml::node& at, std::string message);
    void add(toml::source_position at, std::string message);
};

class toml_reader {
public:
    /// `where` names the table in messages, e.g. "scheduler" or "jobs.x".
    toml_reader(const toml::table& table, std::string where, error_sink& sink);

    [[nodiscard]] bool has(std::string_view key);
    [[nodiscard]] const toml::table& table() const { return table_; }
    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] error_sink& sink() { return sink_; }
    /// The position of a key's value, or of the table.
    [[nodiscard]] const toml::node& at(std::string_view key) const;

    // Each gives nothing where the key is missing, or of another type: then with an error.
    std::optional<std::string> string(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);
    std::optional<double> number(std::string_view key, double low, double high);
    std::optional<bool> boolean(std::string_view key);
    std::optional<std::vector<std::string>> strings(std::string_view key);
    std::optional<amounts> integers(std::string_view key);
    const toml::table* subtable(std::string_view key);
    const toml::array* array(std::string_view key);
    /// A value of an enumeration, by its parse function, whose accepted words are `words`.
    template <class Parse>
    auto word(std::string_view key, Parse parse, const std::vector<std::string>& words) -> decltype(parse("")) {
        auto text = string(key);
        if (!text) return std::nullopt;
        auto value = parse(*text);
        if (!value) add_bad_word(key, *text, words);
        return value;
    }

    void error(std::string_view key, std::string message);
    /// Reports every key that was not asked for, with the nearest that could have been.
    void finish();

private:
    const toml::node* take(std::string_view key);
    void wrong_type(std::string_view key, const toml::node& node, const char* wanted);
    void add_bad_word(std::string_view key, const std::string& text, const std::vector<std::string>& words);
    [[nodiscard]] std::string path(std::string_view key) const;

    const toml::table& table_;
    std::string where_;
    error_sink& sink_;
    std::vector<std::string> known_;
};

/// The entries of a table in the order in which they stand in the file, which toml++ does not keep.
std::vector<std::pair<std::string, const toml::node*>> in_file_order(const toml::table& table);

}  // namespace bistro
