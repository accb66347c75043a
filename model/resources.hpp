// Named integers that every node of a level has, and what jobs ask of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bistro {

/// The pseudo-level of worker hosts; it is no level of the forest.
inline constexpr const char* worker_level = "worker";
/// The implied root level.
inline constexpr const char* instance_level = "instance";

/// A resource of a level. Every node of the level has `limit` slots of it.
struct resource_def {
    std::string name;
    std::int64_t limit = 0;           ///< slots of each node
    std::int64_t default_demand = 0;  ///< what a task takes where its job says nothing
    std::int64_t weight = 0;          ///< of a free slot, when workers are compared

    bool operator==(const resource_def&) const = default;
};

/// Amounts by resource name.
using amounts = std::map<std::string, std::int64_t>;

/// Of a resource: no limit and no demand is larger.
inline constexpr std::int64_t max_amount = std::int64_t{1} << 40;

/// All resources, by the name of their level.
struct resource_table {
    std::map<std::string, std::vector<resource_def>> by_level;
    std::map<std::string, amounts> worker_overrides;  ///< limits of single workers, by shard or host name

    /// The resources of a level; none where the level has no entry.
    [[nodiscard]] const std::vector<resource_def>& of(const std::string& level) const;

    bool operator==(const resource_table&) const = default;
};

/// What a job with these explicit demands takes from each resource of `level`, in the table's order.
std::vector<std::int64_t> demand_at(const resource_table& table, const std::string& level, const amounts& explicit_);

/// The limits of a worker, in the order of the table's worker level. An override by shard name beats one by host
/// name, which beats what the worker says of itself, which beats the level's limit.
std::vector<std::int64_t> worker_limits(const resource_table& table, const std::string& shard, const std::string& host,
                                        const amounts& declared);

}  // namespace bistro
