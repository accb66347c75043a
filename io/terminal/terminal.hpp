// What a terminal can show, and text laid out for it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace bistro {

[[nodiscard]] bool is_terminal(std::FILE* file);
/// A terminal on which lines can be written over.
[[nodiscard]] bool has_cursor(std::FILE* file);
/// Columns of the terminal behind `file`, 80 where it has none.
[[nodiscard]] std::size_t terminal_width(std::FILE* file);
[[nodiscard]] std::size_t terminal_height(std::FILE* file);
/// Colours are for terminals, unless $NO_COLOR is set or $TERM is "dumb".
[[nodiscard]] bool wants_colour(std::FILE* file);

enum class colour : std::uint8_t { plain, bold, dim, green, red, yellow };

/// The text in that colour; unchanged unless `enabled`.
std::string coloured(std::string_view text, colour c, bool enabled);

/// The text without control characters, which could do anything to a terminal.
std::string printable(std::string_view text);
/// Columns that a text takes, as the C library has it: East Asian letters and pictures take two, combining marks none.
/// What is no UTF-8 counts as one column a byte.
std::size_t display_width(std::string_view text);
/// Cut to at most `width` columns, with an ellipsis where something is missing.
std::string shortened(std::string_view text, std::size_t width);

enum class align : std::uint8_t { left, right };

/// Rows of cells under a header, in columns as wide as they need to be.
class text_table {
public:
    struct column {
        std::string title;
        align alignment = align::left;
    };
    explicit text_table(std::vector<column> columns) : columns_{std::move(columns)} {}
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    /// One line a row, each with its end; text is cut to fit `width`. Where that is not enough, one line a cell, with
    /// its title before it.
    [[nodiscard]] std::string render(std::size_t width, bool colours) const;

private:
    [[nodiscard]] std::string render_records(std::size_t width, bool colours) const;

    std::vector<column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace bistro
