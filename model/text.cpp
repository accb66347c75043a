#include "model/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bistro {

namespace {

constexpr std::size_t max_quoted_bytes = 80;

// Length in bytes of the valid UTF-8 sequence that starts at `i`, or 0 (the table of RFC 3629, section 4).
std::size_t sequence_length(std::string_view text, std::size_t i) {
    auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U; };
    auto tail = [&](std::size_t k) { return (byte(k) & 0xC0U) == 0x80U; };
    const unsigned first = byte(i);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(i + 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : 0xBF;
        return byte(i + 1) >= low && byte(i + 1) <= high && tail(i + 2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
        return byte(i + 1) >= low && byte(i + 1) <= high && tail(i + 2) && tail(i + 3) ? 4 : 0;
    }
    return 0;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string quote(std::string_view text) {
    std::string result = "\"";
    for (std::size_t i = 0; i < text.size();) {
        if (i >= max_quoted_bytes) {
            return result + "\"... (" + std::to_string(text.size()) + " bytes)";
        }
        const auto length = sequence_length(text, i);
        const auto byte = static_cast<unsigned char>(text[i]);
        if (length == 0 || byte < 0x20 || byte == 0x7F) {
            std::array<char, 8> escape{};
            if (byte == '\n') {
                result += "\\n";
            } else if (byte == '\t') {
                result += "\\t";
            } else {
                std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
                result += escape.data();
            }
            ++i;
        } else {
            if (byte == '"' || byte == '\\') result += '\\';
            result.append(text, i, length);
            i += length;
        }
    }
    return result + "\"";
}

std::string valid_utf8(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto length = sequence_length(text, i);
        if (length == 0) {
            result += "\xEF\xBF\xBD";
            ++i;
        } else {
            result.append(text, i, length);
            i += length;
        }
    }
    return result;
}

std::size_t count_code_points(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string nearest(std::string_view text, std::span<const std::string> candidates) {
    constexpr std::size_t longest_compared = 128;
    if (text.size() > longest_compared) return {};
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        const auto distance = edit_distance(text, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string duration_text(std::int64_t milliseconds) {
    std::array<char, 48> buffer{};
    const auto seconds = milliseconds / 1000;
    auto format = [&](const char* pattern, auto... values) {
        std::snprintf(buffer.data(), buffer.size(), pattern, values...);
        return std::string{buffer.data()};
    };
    if (milliseconds < 1000) return format("%lld ms", static_cast<long long>(milliseconds));
    if (seconds < 60) return format("%.1f s", static_cast<double>(milliseconds) / 1000.0);
    const auto minutes = static_cast<long long>(seconds / 60);
    if (minutes < 60) return format("%lld min %02lld s", minutes, static_cast<long long>(seconds % 60));
    if (minutes < 48 * 60) return format("%lld h %02lld min", minutes / 60, minutes % 60);
    return format("%lld d %02lld h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string result;
    for (const auto& part : parts) {
        if (&part != parts.data()) result += separator;
        result += part;
    }
    return result;
}

}  // namespace bistro
