#include "model/backoff.hpp"

namespace bistro {

namespace {
constexpr std::int64_t default_incomplete_delay_s = 60;
}

std::optional<std::int64_t> backoff_policy::delay_s(std::size_t step) const {
    if (step < delays_s.size()) return delays_s[step];
    if (then == ending::fail || delays_s.empty()) return std::nullopt;
    return delays_s.back();
}

std::int64_t backoff_policy::incomplete_delay_s(std::size_t step) const {
    if (delays_s.empty()) return default_incomplete_delay_s;
    return step < delays_s.size() ? delays_s[step] : delays_s.back();
}

std::string backoff_policy::problem() const {
    if (then == ending::repeat && delays_s.empty()) return "\"repeat\" needs a delay before it";
    std::int64_t previous = 0;
    for (auto delay : delays_s) {
        if (delay <= 0) return "delays are positive seconds, but one is " + std::to_string(delay);
        if (delay <= previous)
            return "delays are strictly increasing, but " + std::to_string(delay) + " follows " +
                   std::to_string(previous);
        previous = delay;
    }
    return {};
}

}  // namespace bistro
