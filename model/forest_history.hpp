// The last changes of a forest, so that what is said of it late can still be understood.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/forest.hpp"

namespace bistro {

class forest_history {
public:
    /// What is said of a forest is understood for so many changes more.
    static constexpr std::size_t most_changes = 16;
    using changes = std::span<const std::shared_ptr<const forest_change>>;

    /// The forest is another now; before it there may have been none.
    void note(const forest* before, const forest& now) {
        if (!before || !now.change_from(*before)) {
            changes_.clear();
        } else {
            if (changes_.size() == most_changes) changes_.erase(changes_.begin());
            changes_.push_back(now.change());
        }
        version_ = now.version();
    }
    /// The changes that led from that version to the one of now, which may be none. Nothing where no changes did, or
    /// too many.
    [[nodiscard]] std::optional<changes> since(std::uint64_t version) const {
        if (version == version_) return changes{};
        const auto first = std::find_if(changes_.begin(), changes_.end(),
                                        [&](const auto& change) { return change->from_version == version; });
        if (first == changes_.end()) return std::nullopt;
        return changes{first, changes_.end()};
    }

private:
    std::vector<std::shared_ptr<const forest_change>> changes_;
    std::uint64_t version_ = 0;
};

/// Makes a list of nodes one of the forest after a change, without those that are gone.
inline void renumber(std::vector<node_index>& nodes, const forest_change& change) {
    for (auto& node : nodes) node = node_index{change.kept(node.value)};
    std::erase_if(nodes, [](node_index node) { return !node.valid(); });
}

}  // namespace bistro
