#include "model/strangers.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace bistro {

std::string address_group(const std::string& address) {
    in6_addr parsed{};
    if (::inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    constexpr std::size_t host_part = 8;
    if (IN6_IS_ADDR_V4MAPPED(&parsed)) {
        const void* last_four = &parsed.s6_addr[12];
        return ::inet_ntop(AF_INET, last_four, text.data(), text.size());
    }
    std::fill(std::begin(parsed.s6_addr) + host_part, std::end(parsed.s6_addr), std::uint8_t{0});
    return ::inet_ntop(AF_INET6, &parsed, text.data(), text.size());
}

std::optional<std::int64_t> strangers::add(std::int64_t number, const std::string& address, time_point now) {
    remove(number);
    std::optional<std::int64_t> leaves;
    if (known_.size() >= max_strangers) {
        std::size_t most = 0;
        for (const auto& [group, count] : of_group_) most = std::max(most, count);
        const stranger* oldest = nullptr;
        for (const auto& [other, s] : known_) {
            if (of_group_[s.group] != most || (oldest && oldest->order < s.order)) continue;
            oldest = &s;
            leaves = other;
        }
        remove(*leaves);
    }
    auto group = address_group(address);
    ++of_group_[group];
    known_[number] = {std::move(group), now, next_order_++};
    return leaves;
}

void strangers::remove(std::int64_t number) {
    const auto found = known_.find(number);
    if (found == known_.end()) return;
    const auto group = of_group_.find(found->second.group);
    if (--group->second == 0) of_group_.erase(group);
    known_.erase(found);
}

std::vector<std::int64_t> strangers::overdue(time_point now) const {
    std::vector<std::int64_t> result;
    for (const auto& [number, s] : known_)
        if (now - s.since >= stranger_deadline) result.push_back(number);
    return result;
}

}  // namespace bistro
