// Cuts a stream of bytes into lines that are valid UTF-8 and not too long.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bistro {

/// A longer line is cut there, marked, and the rest of it dropped.
inline constexpr std::size_t max_line_bytes = 16'384;

/// The same for lines that are taken as they are.
inline constexpr std::size_t max_raw_line_bytes = std::size_t{1} << 20;

class line_splitter {
public:
    /// `raw`: bytes stay as they are, valid UTF-8 or not.
    explicit line_splitter(bool raw = false) : raw_{raw} {}

    /// Appends the lines that `bytes` complete.
    void feed(std::string_view bytes, std::vector<std::string>& lines);
    /// Appends what is left as a last line, if there is any.
    void finish(std::vector<std::string>& lines);

private:
    void take(std::string_view part);
    void emit(std::vector<std::string>& lines);

    bool raw_;
    std::string partial_;
    std::size_t dropped_ = 0;
};

}  // namespace bistro
