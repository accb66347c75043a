#include "model/partition.hpp"

namespace bistro {

bool moves_partitions(const forest& before, const forest& after, const forest_change& change, std::uint32_t count) {
    if (count == 1 || (!before.has_replicas() && !after.has_replicas())) return false;
    const auto first = before.first_of(level_index{1}).value;
    const auto end = first + static_cast<std::uint32_t>(before.size_of(level_index{1}));
    const auto kept = change.kept.within(first, end, 0);
    for (const auto& run : kept.runs())
        for (std::uint32_t i = 0; i < run.count; ++i)
            if (partition_of(before, node_index{first + run.from + i}, count) !=
                partition_of(after, node_index{run.to + i}, count))
                return true;
    return false;
}

}  // namespace bistro
