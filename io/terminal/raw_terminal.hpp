// A terminal that gives each key at once and shows one screen at a time.
#pragma once

#include <termios.h>

#include <chrono>
#include <string>
#include <vector>

namespace bistro {

/// Takes stdin and stdout for as long as it lives; what was there before comes back. One at a time.
class raw_terminal {
public:
    /// Throws io_error where stdin or stdout is no terminal.
    raw_terminal();
    ~raw_terminal();
    raw_terminal(const raw_terminal&) = delete;
    raw_terminal& operator=(const raw_terminal&) = delete;

    /// The next key: a character as UTF-8, or one of "up", "down", "page up", "page down", "home", "end", "enter",
    /// "escape", "backspace", "tab". Empty: none came in time, or the terminal's size has changed, or it is gone.
    std::string key(std::chrono::milliseconds patience);
    [[nodiscard]] bool gone() const { return gone_; }

    /// Replaces what is shown. Lines that are too many are left out.
    void show(const std::vector<std::string>& lines);

private:
    std::string read_escape();
    bool readable(std::chrono::milliseconds patience);
    int read_byte();

    termios before_{};
    bool gone_ = false;
};

}  // namespace bistro
