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
    std::vector<node_share> shares(nodes->child_count(below));
    const auto child_level = nodes->level_of(below).value + 1;
    table.for_each_node([&](node_index node, task_situation situation) {
        const auto level = nodes->level_of(node).value;
        if (level < child_level) return;
        auto at = node;
        for (auto l = level; l > child_level; --l) at = nodes->parents(at).front();
        if (nodes->parents(at).front() == below) count(shares[nodes->place_of(at, 0)], situation);
    });
    return shares;
}

std::vector<level_share> shares_by_level(const task_table& table) {
    enum : std::uint8_t { has_task = 1, fails = 2, runs = 4, waits = 8 };
    const auto& nodes = table.nodes();
    const auto level = nodes ? nodes->find_level(table.spec().level) : std::nullopt;
    if (!level) return {};
    std::vector<std::uint8_t> marks(nodes->first_of(*level).value + nodes->size_of(*level), 0);
    table.for_each_node([&](node_index node, task_situation situation) {
        node_share one;
        count(one, situation);
        if (one.total == 0) return;
        const auto what = one.failed > 0 ? fails : one.running > 0 ? runs : one.waiting > 0 ? waits : has_task;
        marks[node.value] = static_cast<std::uint8_t>(has_task | what);
    });
    for (std::size_t n = marks.size(); n-- > 0;)
        for (const auto parent : nodes->parents(node_index{n})) marks[parent.value] |= marks[n];
    std::vector<level_share> result;
    for (std::size_t l = 0; l <= level->value; ++l) {
        level_share share{nodes->levels()[l], {}};
        const auto first = nodes->first_of(level_index{l}).value;
        for (std::size_t n = first; n < first + nodes->size_of(level_index{l}); ++n) {
            const auto mark = marks[n];
            if (mark == 0) continue;
            ++share.nodes.total;
            ++((mark & fails) != 0   ? share.nodes.failed
               : (mark & runs) != 0  ? share.nodes.running
               : (mark & waits) != 0 ? share.nodes.waiting
                                     : share.nodes.done);
        }
        result.push_back(std::move(share));
    }
    return result;
}

}  // namespace bistro
