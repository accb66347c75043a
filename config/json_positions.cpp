#include "config/json_positions.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <optional>
#include <set>
#include <vector>

namespace bistro {

namespace {

namespace json = boost::json;

void advance(json_position& p, char c) {
    if (c == '\n') {
        p = {p.line + 1, 1};
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {  // a character's first byte
        ++p.column;
    }
}

// Notes the path of every key and array element when it begins or ends. The parser is fed byte by byte, so the offset
// of the moment is that of the event.
class position_handler {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    json_position now;
    std::map<std::string, json_position> positions;
    std::vector<json_positions::repeated_key> repeated;

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return open(false); }
    bool on_object_end(std::size_t, json::error_code&) { return close(); }
    bool on_array_begin(json::error_code&) { return open(true); }
    bool on_array_end(std::size_t, json::error_code&) { return close(); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        start_behind_quote();
        key_ += std::string_view{part};
        return true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        key_ += std::string_view{part};
        levels_.back().key = std::exchange(key_, {});
        const auto at = started_.value_or(now);
        auto here = path();
        // What is inside a repeated object is repeated with it.
        const bool inside = !repeated.empty() && here.starts_with(repeated.back().path + "/");
        positions.emplace(here, at);
        if (!levels_.back().keys.insert(levels_.back().key).second && !inside)
            repeated.push_back({std::move(here), at});
        started_.reset();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, json::error_code&) { return start_behind_quote(); }
    bool on_string(json::string_view, std::size_t, json::error_code&) { return scalar(); }
    bool on_number_part(json::string_view, json::error_code&) { return start(); }
    bool on_int64(std::int64_t, json::string_view, json::error_code&) { return scalar(); }
    bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return scalar(); }
    bool on_double(double, json::string_view, json::error_code&) { return scalar(); }
    bool on_bool(bool, json::error_code&) { return scalar(); }
    bool on_null(json::error_code&) { return scalar(); }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

private:
    struct level {
        bool is_array = false;
        std::size_t index = 0;
        std::string key;
        std::set<std::string> keys;  // of an object, so far
    };

    [[nodiscard]] std::string path() const {
        std::string result;
        for (const auto& l : levels_) result += "/" + (l.is_array ? std::to_string(l.index) : l.key);
        return result;
    }
    // Keys, strings and numbers are told when they end; where they began is known from their first part.
    bool start() {
        if (!started_) started_ = now;
        return true;
    }
    bool start_behind_quote() {
        if (!started_) started_ = {now.line, now.column - 1};
        return true;
    }
    void note_element() {
        if (!levels_.empty() && levels_.back().is_array) positions.emplace(path(), started_.value_or(now));
        started_.reset();
    }
    void step() {
        if (!levels_.empty() && levels_.back().is_array) ++levels_.back().index;
    }
    bool open(bool is_array) {
        note_element();
        levels_.push_back({is_array, 0, {}, {}});
        return true;
    }
    bool close() {
        levels_.pop_back();
        step();
        return true;
    }
    bool scalar() {
        note_element();
        step();
        return true;
    }

    std::vector<level> levels_;
    std::string key_;
    std::optional<json_position> started_;
};

}  // namespace

json_positions::json_positions(std::string_view text) {
    json::basic_parser<position_handler> parser{json::parse_options{}};
    auto& handler = parser.handler();
    for (std::size_t i = 0; i < text.size(); ++i) {
        json::error_code ec;
        parser.write_some(i + 1 < text.size(), text.data() + i, 1, ec);
        if (ec) break;
        advance(handler.now, text[i]);
    }
    positions_ = std::move(handler.positions);
    repeated_ = std::move(handler.repeated);
}

json_position json_positions::at(std::string path) const {
    for (;;) {
        if (auto found = positions_.find(path); found != positions_.end()) return found->second;
        const auto slash = path.rfind('/');
        if (slash == std::string::npos) return {};
        path.resize(slash);
    }
}

json_position json_positions::of_offset(std::string_view text, std::size_t offset) {
    json_position p;
    for (char c : text.substr(0, offset)) advance(p, c);
    return p;
}

}  // namespace bistro
