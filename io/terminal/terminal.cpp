#include "io/terminal/terminal.hpp"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cwchar>
#include <utility>

#include "model/text.hpp"

namespace bistro {

namespace {

winsize size_of(std::FILE* file) {
    winsize size{};
    if (::ioctl(::fileno(file), TIOCGWINSZ, &size) != 0) size = {};
    return size;
}

constexpr std::size_t default_width = 80;
// What goes to a file is not cut.
constexpr std::size_t no_terminal_width = 1 << 20;
constexpr std::size_t default_height = 24;

// For the functions of the C library that depend on a locale, on this thread: one that every glibc brings along.
class utf8_locale {
public:
    utf8_locale() : before_{::uselocale(utf8())} {}
    ~utf8_locale() { ::uselocale(before_); }
    utf8_locale(const utf8_locale&) = delete;
    utf8_locale& operator=(const utf8_locale&) = delete;

private:
    static locale_t utf8() {
        static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return locale;
    }

    locale_t before_;
};

// The first character of a text that is not empty: its bytes, and its columns. Needs utf8_locale.
std::pair<std::size_t, std::size_t> first_character(std::string_view text) {
    wchar_t c = 0;
    std::mbstate_t state{};
    const auto bytes = std::mbrtowc(&c, text.data(), text.size(), &state);
    if (bytes == 0 || bytes > text.size()) return {1, 1};  // NUL, or no UTF-8
    const auto columns = ::wcwidth(c);
    return {bytes, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

}  // namespace

bool is_terminal(std::FILE* file) { return ::isatty(::fileno(file)) == 1; }

bool has_cursor(std::FILE* file) {
    const char* term = std::getenv("TERM");
    return is_terminal(file) && term != nullptr && *term != '\0' && std::string_view{term} != "dumb";
}

std::size_t terminal_width(std::FILE* file) {
    if (!is_terminal(file)) return no_terminal_width;
    const auto columns = size_of(file).ws_col;
    return columns > 0 ? columns : default_width;
}

std::size_t terminal_height(std::FILE* file) {
    const auto rows = size_of(file).ws_row;
    return rows > 0 ? rows : default_height;
}

bool wants_colour(std::FILE* file) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return is_terminal(file) && (no_colour == nullptr || *no_colour == '\0') &&
           (term == nullptr || std::string_view{term} != "dumb");
}

std::string coloured(std::string_view text, colour c, bool enabled) {
    if (!enabled || c == colour::plain) return std::string{text};
    const char* code = "";
    switch (c) {
        case colour::plain: break;
        case colour::bold: code = "1"; break;
        case colour::dim: code = "2"; break;
        case colour::green: code = "32"; break;
        case colour::red: code = "31"; break;
        case colour::yellow: code = "33"; break;
    }
    return std::string{"\x1b["} + code + "m" + std::string{text} + "\x1b[0m";
}

std::string printable(std::string_view text) {
    std::string result = valid_utf8(text);
    std::string safe;
    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto byte = static_cast<unsigned char>(result[i]);
        const auto next = i + 1 < result.size() ? static_cast<unsigned char>(result[i + 1]) : 0U;
        if (byte == 0xC2 && next >= 0x80 && next <= 0x9F) {  // the C1 control characters
            safe += "\xEF\xBF\xBD";
            ++i;
        } else if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            safe += "\xEF\xBF\xBD";
        } else {
            safe += result[i];
        }
    }
    return safe;
}

std::size_t display_width(std::string_view text) {
    const utf8_locale scope;
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto [bytes, width] = first_character(text);
        columns += width;
        text.remove_prefix(bytes);
    }
    return columns;
}

std::string shortened(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) return std::string{text};
    if (width == 0) return {};
    const utf8_locale scope;
    std::size_t columns = 0;
    std::size_t end = 0;
    while (end < text.size()) {
        const auto [bytes, more] = first_character(text.substr(end));
        if (columns + more > width - 1) break;
        columns += more;
        end += bytes;
    }
    return std::string{text.substr(0, end)} + "…";
}

std::string text_table::render(std::size_t width, bool colours) const {
    std::vector<std::size_t> widths;
    for (const auto& c : columns_) widths.push_back(display_width(c.title));
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    // Text gives way to numbers, the widest first.
    constexpr std::size_t narrowest = 6;
    auto sum = 2 * (widths.size() - 1);
    for (auto w : widths) sum += w;
    while (sum > width) {
        std::size_t widest = widths.size();
        for (std::size_t i = 0; i < widths.size(); ++i)
            if (columns_[i].alignment == align::left && widths[i] > narrowest &&
                (widest == widths.size() || widths[i] > widths[widest]))
                widest = i;
        if (widest == widths.size()) return render_records(width, colours);
        --widths[widest];
        --sum;
    }

    auto line = [&](const std::vector<std::string>& cells, colour c) {
        std::string text;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const auto cell = shortened(cells[i], widths[i]);
            const std::string padding(widths[i] - std::min(widths[i], display_width(cell)), ' ');
            if (i > 0) text += "  ";
            text += columns_[i].alignment == align::right ? padding + cell : cell + padding;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return coloured(text, c, colours) + "\n";
    };
    std::vector<std::string> titles;
    for (const auto& c : columns_) titles.push_back(c.title);
    auto text = line(titles, colour::bold);
    for (const auto& row : rows_) text += line(row, colour::plain);
    return text;
}

std::string text_table::render_records(std::size_t width, bool colours) const {
    std::size_t titles = 0;
    for (const auto& c : columns_) titles = std::max(titles, display_width(c.title));
    std::string text;
    for (const auto& row : rows_) {
        if (!text.empty()) text += "\n";
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i].empty()) continue;
            const std::string padding(titles - display_width(columns_[i].title) + 1, ' ');
            const auto left = width > titles + 1 ? width - titles - 1 : 1;
            text += coloured(columns_[i].title, colour::bold, colours) + padding + shortened(row[i], left) + "\n";
        }
    }
    return text;
}

}  // namespace bistro
