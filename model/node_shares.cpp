#include "model/node_shares.hpp"

namespace bistro {

namespace {

void count(node_share& share, task_situation situation) {
    switch (situation) {
        case task_situation::done: ++share.done; break;
        case task_situation::failed: ++share.failed; break;
        case task_situation::running: ++share.running; break;
        case task_situation::filtered_out:
        case task_situation::node_disabled:
        case task_situation::no_such_task: return;
        default: ++share.waiting;
    }
    ++share.total;
}

}  // namespace

std::vector<node_share> shares_below(const task_table& table, node_index below) {
    const auto& nodes = table.nodes();
    if (!nodes || below.value >= nodes->size()) return {};
    const auto first = nodes->edges_begin(below);
    std::vector<node_share> shares(nodes->edges_end(below) - first);
    const auto child_level = nodes->level_of(below).value + 1;
    table.for_each_node([&](node_index node, task_situation situation) {
        const auto level = nodes->level_of(node).value;
        if (level < child_level) return;
        auto at = node;
        for (auto l = level; l > child_level; --l) at = nodes->parents(at).front();
        if (nodes->parents(at).front() == below) count(shares[nodes->edge_to(at, 0) - first], situation);
    });
    return shares;
}

}  // namespace bistro
