// Progress for people: bars that stay in place on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "model/task_status.hpp"
#include "model/task_table.hpp"

namespace bistro {

/// A job as its bar shows it.
struct progress_row {
    std::string job;
    task_counts counts;
};

/// One line for a job, in `width` columns: name, bar, counts.
std::string render_bar(const progress_row& row, std::size_t name_width, std::size_t width, bool colours);
/// "extract: 12 of 100 done, 6 running, 1 failed".
std::string render_plain(const progress_row& row);

/// Thread-safe. Everything that is printed meanwhile goes through print(), so that it does not run into the bars.
class progress_view {
public:
    enum class style : std::uint8_t { bars, plain, silent };

    progress_view(std::FILE* file, style s);
    /// Called once, with errno, when stdout can't be written to; on the printing thread.
    void on_failure(std::function<void(int error)> f);
    ~progress_view();
    progress_view(const progress_view&) = delete;
    progress_view& operator=(const progress_view&) = delete;

    /// Shows this. Plain lines come for what changed, at most once a second.
    void show(const std::vector<progress_row>& rows, time_ms now);
    /// Prints whole lines, to `file`, above the bars.
    void print(std::FILE* file, std::string_view lines);
    /// The last state of the bars stays where it is.
    void finish();

private:
    void erase();
    void draw();

    std::mutex mutex_;
    std::function<void(int)> on_failure_;
    std::FILE* file_;
    style style_;
    bool colours_;
    std::vector<progress_row> rows_;
    std::vector<std::string> last_plain_;
    time_ms last_plain_ms_ = 0;
    std::size_t drawn_lines_ = 0;
};

}  // namespace bistro
