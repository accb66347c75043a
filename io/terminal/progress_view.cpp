#include "io/terminal/progress_view.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/terminal/terminal.hpp"

namespace bistro {

namespace {
constexpr std::size_t max_name_width = 24;
constexpr time_ms plain_interval_ms = 1000;
}  // namespace

std::string render_plain(const progress_row& row) {
    const auto& c = row.counts;
    auto text = printable(row.job) + ": " + std::to_string(c.done) + " of " + std::to_string(c.total) + " done";
    if (c.running > 0) text += ", " + std::to_string(c.running) + " running";
    if (c.backoff > 0) text += ", " + std::to_string(c.backoff) + " wait to retry";
    if (c.failed > 0) text += ", " + std::to_string(c.failed) + " failed";
    return text;
}

std::string render_bar(const progress_row& row, std::size_t name_width, std::size_t width, bool colours) {
    const auto& c = row.counts;
    auto name = shortened(printable(row.job), name_width);
    name += std::string(name_width - display_width(name), ' ');
    auto counts = std::to_string(c.done) + "/" + std::to_string(c.total);
    std::string notes;
    if (c.running > 0) notes += "  " + std::to_string(c.running) + " running";
    if (c.backoff > 0) notes += "  " + std::to_string(c.backoff) + " retry";
    const std::string failed = c.failed > 0 ? "  " + std::to_string(c.failed) + " failed" : "";
    const auto fixed = name_width + 2 + 2 + counts.size() + notes.size() + failed.size() + 1;
    if (width < fixed + 8) {  // no room for a bar
        return shortened(name + " " + counts + notes + failed, width > 0 ? width - 1 : 0);
    }
    const auto cells = std::min<std::size_t>(width - fixed, 40);
    auto share = [&](std::uint64_t n) {
        return c.total == 0 ? std::size_t{0} : static_cast<std::size_t>(n * cells / c.total);
    };
    const auto done = c.total == 0 ? cells : share(c.done);
    const auto bad = std::min(share(c.failed), cells - done);
    const auto live = std::min(share(c.running + c.ending + c.total / cells), c.alive() ? cells - done - bad : 0);
    std::string bar;
    auto repeat = [](const char* cell, std::size_t n) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) text += cell;
        return text;
    };
    bar += coloured(repeat("█", done), colour::green, colours);
    bar += coloured(repeat("▓", bad), colour::red, colours);
    bar += coloured(repeat("▒", live), colour::yellow, colours);
    bar += coloured(repeat("░", cells - done - bad - live), colour::dim, colours);
    return name + "  " + bar + "  " + counts + notes + coloured(failed, colour::red, colours);
}

progress_view::progress_view(std::FILE* file, style s) : file_{file}, style_{s}, colours_{wants_colour(file)} {}

progress_view::~progress_view() { finish(); }

void progress_view::erase() {
    if (drawn_lines_ > 0) std::fprintf(file_, "\x1b[%zuA\r\x1b[J", drawn_lines_);
    drawn_lines_ = 0;
}

void progress_view::draw() {
    const auto width = terminal_width(file_);
    const auto height = std::max<std::size_t>(terminal_height(file_), 3);
    std::size_t name_width = 0;
    for (const auto& row : rows_) name_width = std::max(name_width, display_width(printable(row.job)));
    name_width = std::min({name_width, max_name_width, std::max<std::size_t>(width / 3, 4)});
    const auto shown = std::min(rows_.size(), height - 2);
    std::string text;
    for (std::size_t i = 0; i < shown; ++i) text += render_bar(rows_[i], name_width, width, colours_) + "\n";
    drawn_lines_ = shown;
    if (shown < rows_.size()) {
        text += "... and " + std::to_string(rows_.size() - shown) + " more jobs\n";
        ++drawn_lines_;
    }
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
}

void progress_view::show(const std::vector<progress_row>& rows, time_ms now) {
    const std::lock_guard lock{mutex_};
    rows_ = rows;
    if (style_ == style::bars) {
        erase();
        draw();
    } else if (style_ == style::plain && now - last_plain_ms_ >= plain_interval_ms) {
        last_plain_ms_ = now;
        std::vector<std::string> lines;
        for (const auto& row : rows_) lines.push_back(render_plain(row));
        for (std::size_t i = 0; i < lines.size(); ++i)
            if (i >= last_plain_.size() || last_plain_[i] != lines[i]) std::fprintf(file_, "%s\n", lines[i].c_str());
        std::fflush(file_);
        last_plain_ = std::move(lines);
    }
}

void progress_view::print(std::FILE* file, std::string_view lines) {
    const std::lock_guard lock{mutex_};
    const bool bars = style_ == style::bars && drawn_lines_ > 0;
    if (bars) {
        erase();
        std::fflush(file_);
    }
    errno = 0;
    const bool written = std::fwrite(lines.data(), 1, lines.size(), file) == lines.size() && std::fflush(file) == 0;
    const int error = errno;
    if (!written && file == stdout && on_failure_) std::exchange(on_failure_, nullptr)(error);
    if (bars) draw();
}

void progress_view::on_failure(std::function<void(int error)> f) {
    const std::lock_guard lock{mutex_};
    on_failure_ = std::move(f);
}

void progress_view::finish() {
    const std::lock_guard lock{mutex_};
    drawn_lines_ = 0;
    style_ = style::silent;
}

}  // namespace bistro
