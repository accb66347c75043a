// What a message of a stranger says, read from its bytes alone: before CAF makes actors, or values of any size, of it.
#pragma once

#include <optional>
#include <string_view>

namespace bistro {

/// Messages that a gateway takes, and of which the type has no other parts than itself.
struct stranger_message {
    std::string_view type;                   ///< "bistro::hello"
    std::optional<std::string_view> secret;  ///< nothing where its type bears none

    bool operator==(const stranger_message&) const = default;
};

/// The payload of a direct message of CAF's protocol. Nothing where it is not one of the messages that a stranger may
/// send. O(1).
std::optional<stranger_message> read_stranger_message(std::string_view payload);

}  // namespace bistro
