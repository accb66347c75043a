// Events for whoever reads them over HTTP, as server-sent events that can be resumed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/http/http_server.hpp"

namespace bistro {

/// Keeps the latest events, and hands each to its readers. Not thread-safe.
class event_feed {
public:
    static constexpr std::size_t kept = 10'000;

    /// `life` tells this process from those before, whose events had the same numbers.
    explicit event_feed(std::uint64_t life) : life_{std::to_string(life)} {}

    /// Numbers count up by one. `json` has no line end.
    void publish(std::uint64_t number, std::string_view kind, const std::string& json);

    /// A reader who knows what came up to `last_id` (as it was given out; empty: wants what comes from now on) gets the
    /// rest. Where some of it is not known any more, an event "gap" says so first.
    void subscribe(std::shared_ptr<http_events> reader, const std::string& last_id);

    [[nodiscard]] std::size_t readers() const { return readers_.size(); }

private:
    std::string life_;
    std::uint64_t next_ = 0;          // the number behind the last one; 0: none yet
    std::deque<std::string> events_;  // the latest, up to next_ - 1
    std::vector<std::shared_ptr<http_events>> readers_;
};

}  // namespace bistro
