// Keeps a log readable while something goes wrong again and again.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace bistro {

/// Hands messages on to another sink, but for those that were handed on less than `window` before, whatever came in
/// between: they are counted, and their number is told before the first message behind the window, at the latest at a
/// flush or at the end, with the time of the last of them.
class repeat_filter final : public spdlog::sinks::base_sink<std::mutex> {
public:
    /// Of more texts at once none is held back.
    static constexpr std::size_t max_remembered = 256;

    repeat_filter(spdlog::sink_ptr to, std::chrono::seconds window) : to_{std::move(to)}, window_{window} {}
    ~repeat_filter() override;
    repeat_filter(const repeat_filter&) = delete;
    repeat_filter& operator=(const repeat_filter&) = delete;

private:
    struct repeats {
        spdlog::log_clock::time_point first;
        spdlog::log_clock::time_point latest;
        std::size_t held_back = 0;
    };
    using key = std::pair<std::pair<std::string, spdlog::level::level_enum>, std::string>;  // logger, level, text

    void sink_it_(const spdlog::details::log_msg& m) override;
    void flush_() override;
    void tell_of_those_before(spdlog::log_clock::time_point now);

    spdlog::sink_ptr to_;
    std::chrono::seconds window_;
    std::map<key, repeats> recent_;
};

}  // namespace bistro
