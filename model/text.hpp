// Text for people: quoting whatever came from outside, guessing what was meant, durations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bistro {

/// The text in double quotes, cut to about 80 bytes, with control characters and invalid UTF-8 made visible.
std::string quote(std::string_view text);

/// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD, so that any reader takes it.
std::string valid_utf8(std::string_view text);

/// How many characters (Unicode code points) valid UTF-8 has.
std::size_t count_code_points(std::string_view text);

/// The candidate nearest to `text` by edit distance, or an empty string where none is near.
std::string nearest(std::string_view text, std::span<const std::string> candidates);

/// "340 ms", "12.3 s", "4 min 05 s", "3 h 07 min", "2 d 04 h".
std::string duration_text(std::int64_t milliseconds);

/// "1 task", "2 tasks".
std::string counted(std::uint64_t count, std::string_view noun);

/// The parts joined by `separator`.
std::string join(std::span<const std::string> parts, std::string_view separator);

}  // namespace bistro
