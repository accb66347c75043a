// What an actor says of its own state.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bistro {

/// Filled by `describe(state, description&)`, which an actor's state may have, in the actor's own turn.
class description {
public:
    enum class section : std::uint8_t { state, queue, lease };
    struct line {
        section part = section::state;
        std::string key;
        std::string value;
    };

    void state(std::string key, std::string value) { add(section::state, std::move(key), std::move(value)); }
    template <class Number>
    requires std::is_arithmetic_v<Number>
    void state(std::string key, Number value) {
        if constexpr (std::is_same_v<Number, bool>)
            state(std::move(key), std::string{value ? "yes" : "no"});
        else
            state(std::move(key), std::to_string(value));
    }
    /// How long something is that grows with load.
    void queue(std::string key, std::uint64_t length) { add(section::queue, std::move(key), std::to_string(length)); }
    /// A promise with an end.
    void lease(std::string key, std::string value) { add(section::lease, std::move(key), std::move(value)); }

    [[nodiscard]] const std::vector<line>& lines() const { return lines_; }

private:
    void add(section part, std::string key, std::string value) {
        lines_.push_back({part, std::move(key), std::move(value)});
    }

    std::vector<line> lines_;
};

/// To any observed actor, answered by its description: a question from within the process only.
struct describe_asked {};

}  // namespace bistro
