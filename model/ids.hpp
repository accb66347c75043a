// Strong identifiers. Indexes are dense and belong to one table (a forest, an engine); names are what people and
// processes exchange. Neither converts to the other, or to a bare integer or string, by itself.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace bistro {

/// A dense index into the table that `Tag` names.
template <class Tag>
struct strong_index {
    std::uint32_t value = none_value;

    static constexpr std::uint32_t none_value = std::numeric_limits<std::uint32_t>::max();

    constexpr strong_index() = default;
    constexpr explicit strong_index(std::size_t v) : value{static_cast<std::uint32_t>(v)} {}

    /// False for a default-constructed index, which refers to nothing.
    [[nodiscard]] constexpr bool valid() const { return value != none_value; }
    constexpr auto operator<=>(const strong_index&) const = default;
};

/// A name that `Tag` says the kind of.
template <class Tag>
struct strong_name {
    std::string value;

    strong_name() = default;
    explicit strong_name(std::string v) : value{std::move(v)} {}
    explicit strong_name(std::string_view v) : value{v} {}
    explicit strong_name(const char* v) : value{v} {}

    [[nodiscard]] bool empty() const { return value.empty(); }
    auto operator<=>(const strong_name&) const = default;
};

using node_index = strong_index<struct node_index_tag>;      ///< a node within one forest version
using level_index = strong_index<struct level_index_tag>;    ///< 0 is the instance, then outermost first
using job_index = strong_index<struct job_index_tag>;        ///< a job within one engine
using worker_index = strong_index<struct worker_index_tag>;  ///< a worker within one engine

using job_id = strong_name<struct job_id_tag>;          ///< unique name of a job
using node_id = strong_name<struct node_id_tag>;        ///< unique name of a node
using shard_name = strong_name<struct shard_name_tag>;  ///< unique name of a worker, stable across its restarts

/// One attempt at running a task. Never reused: the high 24 bits count the starts of the scheduler on this data
/// directory (its epoch), the low 40 bits the attempts since. A larger id is a later attempt, so an id also fences off
/// whatever arrives for an earlier one.
struct invocation_id {
    std::uint64_t value = 0;

    static constexpr int counter_bits = 40;

    /// The first id of an epoch; ids count up from there.
    static constexpr invocation_id first_of_epoch(std::uint64_t epoch) {
        return invocation_id{(epoch << counter_bits) + 1};
    }
    [[nodiscard]] constexpr bool valid() const { return value != 0; }
    constexpr auto operator<=>(const invocation_id&) const = default;
};

/// "epoch-counter", e.g. "3-17".
std::string to_string(invocation_id id);

/// The inverse of to_string; an id that is not valid() where the text is not one.
invocation_id parse_invocation_id(std::string_view text);

}  // namespace bistro

template <class Tag>
struct std::hash<bistro::strong_index<Tag>> {
    std::size_t operator()(bistro::strong_index<Tag> i) const noexcept { return std::hash<std::uint32_t>{}(i.value); }
};

template <class Tag>
struct std::hash<bistro::strong_name<Tag>> {
    std::size_t operator()(const bistro::strong_name<Tag>& n) const noexcept {
        return std::hash<std::string>{}(n.value);
    }
};

template <>
struct std::hash<bistro::invocation_id> {
    std::size_t operator()(bistro::invocation_id i) const noexcept { return std::hash<std::uint64_t>{}(i.value); }
};
