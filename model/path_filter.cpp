#include "model/path_filter.hpp"

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
    for (; passes_itself(node); node = nodes_.parents(node)[0])
        if (node == forest::instance()) return true;
    return false;
}

std::pair<std::uint32_t, std::uint32_t> range_below(const forest& nodes, node_index node, level_index level) {
    auto begin = node.value;
    auto end = node.value + 1;
    auto at = nodes.level_of(node).value;
    if (at > level.value) return {0, 0};
    for (; at < level.value; ++at) {
        begin = nodes.edges_begin(node_index{begin}) + 1;
        end = nodes.edges_begin(node_index{end}) + 1;
    }
    return {begin, end};
}

}  // namespace bistro
