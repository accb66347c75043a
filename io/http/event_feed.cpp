#include "io/http/event_feed.hpp"

#include <algorithm>
#include <charconv>

namespace bistro {

void event_feed::publish(std::uint64_t number, std::string_view kind, const std::string& json) {
    auto text =
        "id: " + life_ + "-" + std::to_string(number) + "\nevent: " + std::string{kind} + "\ndata: " + json + "\n\n";
    std::erase_if(readers_, [&](const auto& reader) { return !reader->send(text); });
    events_.push_back(std::move(text));
    if (events_.size() > kept) events_.pop_front();
    next_ = number + 1;
}

void event_feed::subscribe(std::shared_ptr<http_events> reader, const std::string& last_id) {
    if (!last_id.empty()) {
        const auto dash = last_id.find('-');
        std::uint64_t last = 0;
        const auto* const end = last_id.data() + last_id.size();
        const auto is_number = [&] {
            const auto [stop, ec] = std::from_chars(last_id.data() + dash + 1, end, last);
            return ec == std::errc{} && stop == end;
        };
        const bool of_this_life =
            dash != std::string::npos && last_id.compare(0, dash, life_) == 0 && is_number() && last < next_;
        const auto first_kept = next_ - events_.size();
        const auto wanted = of_this_life ? last + 1 : first_kept;
        if (!of_this_life || wanted < first_kept) {
            if (!reader->send("event: gap\ndata: {}\n\n")) return;
        }
        for (auto number = std::max(wanted, first_kept); number < next_; ++number)
            if (!reader->send(events_[number - first_kept])) return;
    }
    readers_.push_back(std::move(reader));
}

}  // namespace bistro
