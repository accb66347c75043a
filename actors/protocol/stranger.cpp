#include "actors/protocol/stranger.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace bistro {

namespace {

// As CAF 0.17.6 writes them: numbers in network order, sizes in groups of seven bits, the lowest first.
class reader {
public:
    explicit reader(std::string_view bytes) : rest_{bytes} {}

    std::optional<std::string_view> take(std::size_t count) {
        if (count > rest_.size()) return std::nullopt;
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    std::optional<std::size_t> size() {
        std::size_t result = 0;
        for (unsigned shift = 0; shift < 35; shift += 7) {
            const auto byte = take(1);
            if (!byte) return std::nullopt;
            const auto bits = static_cast<unsigned char>(byte->front());
            result |= static_cast<std::size_t>(bits & 0x7fU) << shift;
            if ((bits & 0x80U) == 0) return result;
        }
        return std::nullopt;
    }

    std::optional<std::string_view> text() {
        const auto length = size();
        return length ? take(*length) : std::nullopt;
    }

private:
    std::string_view rest_;
};

constexpr std::size_t version_bytes = 4;
constexpr std::string_view types_of_message = "@<>+";
constexpr std::string_view asked_for_version = "bistro::protocol_asked";
constexpr std::string_view said_hello = "bistro::hello";
constexpr std::array<std::string_view, 10> with_secret_first = {
    "bistro::secret_told",   "bistro::jobs_asked",    "bistro::tasks_asked", "bistro::logs_asked",
    "bistro::control_asked", "bistro::explain_asked", "bistro::wait_asked",  "bistro::console_asked",
    "bistro::details_asked", "bistro::nodes_asked"};

}  // namespace

std::optional<stranger_message> read_stranger_message(std::string_view payload) {
    reader read{payload};
    // No stages of forwarding, and a type by name.
    if (read.take(3) != std::string_view{"\0\0\0", 3}) return std::nullopt;
    const auto types = read.text();
    if (!types || !types->starts_with(types_of_message)) return std::nullopt;
    const auto type = types->substr(types_of_message.size());
    if (type == asked_for_version)
        return read.take(version_bytes) ? std::optional{stranger_message{type, {}}} : std::nullopt;
    if (type == said_hello) {
        if (!read.take(version_bytes)) return std::nullopt;
    } else if (std::find(with_secret_first.begin(), with_secret_first.end(), type) == with_secret_first.end()) {
        return std::nullopt;
    }
    const auto secret = read.text();
    return secret ? std::optional{stranger_message{type, secret}} : std::nullopt;
}

}  // namespace bistro
