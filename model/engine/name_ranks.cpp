#include "model/engine/name_ranks.hpp"

#include <algorithm>
#include <numeric>

#include "model/engine/pending_tree.hpp"

namespace bistro {

// Of new names between two others: those that count up come again and again between the last of them and the same
// other.
std::uint64_t name_ranks::close_together() const {
    constexpr std::uint64_t least = 8;
    constexpr std::uint64_t many = 256;
    return std::max(gap_ / many, least);
}

void name_ranks::build(const forest& nodes) {
    sorted_.resize(nodes.size());
    std::iota(sorted_.begin(), sorted_.end(), 0U);
    std::sort(sorted_.begin(), sorted_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return nodes.name(node_index{a}) < nodes.name(node_index{b}); });
    // Half of all ranks, in the middle: names that count up come behind all others.
    gap_ = node_rank::highest / 2 / sorted_.size();
    auto ranks = std::make_shared<std::vector<std::uint32_t>>(sorted_.size());
    for (std::uint32_t i = 0; i < sorted_.size(); ++i)
        (*ranks)[sorted_[i]] = static_cast<std::uint32_t>(node_rank::highest / 4 + i * gap_);
    ranks_ = std::move(ranks);
}

bool name_ranks::follow(const forest& nodes, const forest_change& change) {
    std::vector<std::uint32_t> here(sorted_.size(), index_shift::none);
    std::vector<std::uint32_t> added;
    std::uint32_t next = 0;
    for (const auto& run : change.kept.runs()) {
        std::iota(here.begin() + run.from, here.begin() + run.from + run.count, run.to);
        for (; next < run.to; ++next) added.push_back(next);
        next = run.to + run.count;
    }
    for (; next < nodes.size(); ++next) added.push_back(next);
    const auto name = [&](std::uint32_t node) { return nodes.name(node_index{node}); };
    std::sort(added.begin(), added.end(), [&](std::uint32_t a, std::uint32_t b) { return name(a) < name(b); });
    auto ranks = moved(*ranks_, change.kept, nodes.size());
    std::vector<std::uint32_t> kept;
    kept.reserve(sorted_.size());
    for (const auto node : sorted_)
        if (here[node] != index_shift::none) kept.push_back(here[node]);
    sorted_.clear();
    sorted_.reserve(nodes.size());
    auto at = kept.begin();
    for (auto first = added.begin(); first != added.end();) {
        const auto before = std::lower_bound(at, kept.end(), *first,
                                             [&](std::uint32_t a, std::uint32_t b) { return name(a) < name(b); });
        sorted_.insert(sorted_.end(), at, before);
        at = before;
        // Those that come in front of the same one share the room there.
        auto last = first;
        while (last != added.end() && (at == kept.end() || name(*last) < name(*at))) ++last;
        const auto shares = static_cast<std::uint64_t>(last - first + 1);
        std::uint64_t low = sorted_.empty() ? 0 : ranks[sorted_.back()];
        std::uint64_t high = at == kept.end() ? node_rank::highest : ranks[*at];
        if (at == kept.end()) high = std::min(high, low + gap_ * shares);
        if (sorted_.empty() && at != kept.end()) low = high - std::min(high, gap_ * shares);
        const bool between = !sorted_.empty() && at != kept.end();
        const auto step = between ? std::min((high - low) / shares, close_together()) : (high - low) / shares;
        if (step == 0) {
            build(nodes);
            return false;
        }
        for (auto rank = low + step; first != last; ++first, rank += step) {
            ranks[*first] = static_cast<std::uint32_t>(rank);
            sorted_.push_back(*first);
        }
    }
    sorted_.insert(sorted_.end(), at, kept.end());
    ranks_ = std::make_shared<const std::vector<std::uint32_t>>(std::move(ranks));
    return true;
}

}  // namespace bistro
