#include "model/path_filter.hpp"

#include <algorithm>

namespace bistro {

path_filter::path_filter(const job_spec& job, const forest& nodes, level_index level)
    : nodes_{nodes}, by_level_(level.value + std::size_t{1}) {
    if (!job.errors.empty()) return;
    for (const auto& [name, spec] : job.filters)
        if (const auto index = nodes.find_level(name); index && index->value <= level.value)
            by_level_[index->value].emplace(spec, job.name.value);
}

bool path_filter::passes_itself(node_index node) const {
    const auto& own = by_level_[nodes_.level_of(node).value];
    return nodes_.enabled(node) && (!own || own->passes(nodes_.name(node), nodes_.tags(node)));
}

bool path_filter::passes(node_index node) const {
    if (!nodes_.has_replicas()) {
        for (; passes_itself(node); node = nodes_.parents(node)[0])
            if (node == forest::instance()) return true;
        return false;
    }
    const auto passes_above = [&](node_index parent) {
        if (const auto known = known_.find(parent.value); known != known_.end()) return known->second;
        const bool result = passes(parent);
        known_.emplace(parent.value, result);
        return result;
    };
    const auto parents = nodes_.parents(node);
    return passes_itself(node) && (parents.empty() || std::any_of(parents.begin(), parents.end(), passes_above));
}

}  // namespace bistro
