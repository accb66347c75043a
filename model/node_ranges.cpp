#include "model/node_ranges.hpp"

#include <algorithm>

namespace bistro {

std::vector<node_range> joined(std::vector<node_range> ranges) {
    std::sort(ranges.begin(), ranges.end());
    std::vector<node_range> result;
    for (const auto& r : ranges)
        if (!result.empty() && r.first <= result.back().second)
            result.back().second = std::max(result.back().second, r.second);
        else
            result.push_back(r);
    return result;
}

std::vector<node_range> children_of(const forest& nodes, const std::vector<node_range>& parents) {
    std::vector<node_range> result;
    for (const auto& [first, last] : parents) {
        const auto begin = nodes.own_begin(node_index{first});
        const auto end = nodes.own_begin(node_index{last});
        if (begin < end) result.emplace_back(begin, end);
        for (const auto guest : nodes.guests(node_index{first}, node_index{last}))
            result.emplace_back(guest.value, guest.value + 1);
    }
    return result;
}

std::vector<node_range> nodes_below(const forest& nodes, std::vector<node_index> places, level_index level) {
    std::sort(places.begin(), places.end());
    std::vector<node_range> here;
    auto place = places.begin();
    for (std::uint32_t l = 0; l <= level.value; ++l) {
        here = children_of(nodes, here);
        for (; place != places.end() && nodes.level_of(*place).value == l; ++place)
            here.emplace_back(place->value, place->value + 1);
        here = joined(std::move(here));
    }
    return here;
}

}  // namespace bistro
