// How often the log hears that a peer was refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bistro {

/// Of the refusals of a peer, the log hears at most one in this time.
inline constexpr std::chrono::seconds refusal_log_interval{10};
/// Beyond so many peers, of each of which a line was due not long ago, all others count as one.
inline constexpr std::size_t max_refused_peers = 100;

/// Counts refusals of peers, so that one who knocks all the time does not fill the log. Used by one thread at a time.
class refusal_log {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Where a line is due: how many refusals of that peer went without since the last one.
    std::optional<std::uint64_t> refused(const std::string& peer, time_point now);

private:
    struct of_peer {
        time_point next_line{};  ///< refusals before it are only counted
        std::uint64_t unmentioned = 0;
    };
    std::map<std::string, of_peer> peers_;
};

/// What a line says of those that went without one: "", or " (and 3 times before)".
std::string also_before(std::uint64_t unmentioned);

}  // namespace bistro
