#include "actors/repeat_filter.hpp"

namespace bistro {

namespace {

std::string text_of(spdlog::string_view_t text) { return {text.data(), text.size()}; }

}  // namespace

repeat_filter::~repeat_filter() { tell_of_those_before(spdlog::log_clock::time_point::max()); }

void repeat_filter::flush_() {
    tell_of_those_before(spdlog::log_clock::time_point::max());
    to_->flush();
}

void repeat_filter::tell_of_those_before(spdlog::log_clock::time_point now) {
    for (auto r = recent_.begin(); r != recent_.end();) {
        const auto& [what, seen] = *r;
        // A clock that was set back would hold messages back for good.
        if (now >= seen.first && now < seen.first + window_) {
            ++r;
            continue;
        }
        if (seen.held_back > 0) {
            const auto text = what.second + " (and " + std::to_string(seen.held_back) + " more times)";
            to_->log({seen.latest, {}, what.first.first, what.first.second, text});
        }
        r = recent_.erase(r);
    }
}

void repeat_filter::sink_it_(const spdlog::details::log_msg& m) {
    tell_of_those_before(m.time);
    key what{{text_of(m.logger_name), m.level}, text_of(m.payload)};
    if (const auto known = recent_.find(what); known != recent_.end()) {
        ++known->second.held_back;
        known->second.latest = m.time;
        return;
    }
    if (recent_.size() < max_remembered) recent_.emplace(std::move(what), repeats{m.time, m.time, 0});
    to_->log(m);
}

}  // namespace bistro
