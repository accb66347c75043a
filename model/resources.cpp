#include "model/resources.hpp"

namespace bistro {

const std::vector<resource_def>& resource_table::of(const std::string& level) const {
    static const std::vector<resource_def> nothing;
    auto found = by_level.find(level);
    return found == by_level.end() ? nothing : found->second;
}

std::vector<std::int64_t> demand_at(const resource_table& table, const std::string& level, const amounts& explicit_) {
    std::vector<std::int64_t> result;
    for (const auto& def : table.of(level)) {
        auto own = explicit_.find(def.name);
        result.push_back(own == explicit_.end() ? def.default_demand : own->second);
    }
    return result;
}

std::vector<std::int64_t> worker_limits(const resource_table& table, const std::string& shard, const std::string& host,
                                        const amounts& declared) {
    auto override_for = [&](const std::string& worker, const std::string& resource) -> const std::int64_t* {
        auto entry = table.worker_overrides.find(worker);
        if (entry == table.worker_overrides.end()) return nullptr;
        auto amount = entry->second.find(resource);
        return amount == entry->second.end() ? nullptr : &amount->second;
    };
    std::vector<std::int64_t> result;
    for (const auto& def : table.of(worker_level)) {
        if (const auto* by_shard = override_for(shard, def.name)) {
            result.push_back(*by_shard);
        } else if (const auto* by_host = override_for(host, def.name)) {
            result.push_back(*by_host);
        } else if (auto own = declared.find(def.name); own != declared.end()) {
            result.push_back(own->second);
        } else {
            result.push_back(def.limit);
        }
    }
    return result;
}

}  // namespace bistro
