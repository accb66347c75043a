#include "model/refusal_log.hpp"

#include <utility>

namespace bistro {

std::optional<std::uint64_t> refusal_log::refused(const std::string& peer, time_point now) {
    if (peers_.size() >= max_refused_peers && !peers_.contains(peer))
        std::erase_if(peers_, [now](const auto& p) { return now >= p.second.next_line + refusal_log_interval; });
    const auto known = peers_.find(peer);
    auto& of = known == peers_.end() && peers_.size() >= max_refused_peers ? peers_["others"] : peers_[peer];
    if (now < of.next_line) {
        ++of.unmentioned;
        return std::nullopt;
    }
    of.next_line = now + refusal_log_interval;
    return std::exchange(of.unmentioned, 0);
}

std::string also_before(std::uint64_t unmentioned) {
    return unmentioned == 0 ? "" : " (and " + std::to_string(unmentioned) + " times before)";
}

}  // namespace bistro
