#include "model/engine/pending_tree.hpp"

#include <algorithm>

namespace bistro {

// The tournament tree of a parent with k children lies in the 2k values from twice its first edge: values 1..k-1 are
// matches, k..2k-1 the children, and value i is the minimum of 2i and 2i+1. Value 1 is the parent's own. (With one
// child, value 1 is that child.)

pending_tree::pending_tree(const forest& nodes, level_index level, node_rank rank, std::vector<bool> closed)
    : level_{level},
      first_task_{nodes.first_of(level).value},
      rank_{std::move(rank)},
      closed_{std::move(closed)},
      pending_{nodes.size_of(level)},
      parked_{first_task_ + nodes.size_of(level)} {
    if (level.value == 0) return;
    const auto first_parent = nodes.first_of(level_index{level.value - 1U}).value;
    look_at_bits_ = !nodes.has_replicas();
    for (auto i = first_parent; i < first_task_ && look_at_bits_; ++i)
        look_at_bits_ = nodes.edges_end(node_index{i}) - nodes.edges_begin(node_index{i}) <= bit_set::bits;
    const auto last = look_at_bits_ ? first_parent : first_task_;
    values_.assign(last == 0 ? 0 : std::size_t{2} * nodes.edges_end(node_index{last - 1}), nothing);
}

bool pending_tree::keeps_nothing(const forest& nodes, node_index node) const {
    return look_at_bits_ && nodes.level_of(node).value + 1U == level_.value;
}

// The least rank of the pending tasks below their parent that are not set aside, and whose it is.
std::pair<std::uint32_t, node_index> pending_tree::first_below(const forest& nodes, node_index parent) const {
    std::pair<std::uint32_t, node_index> best{nothing, {}};
    const auto count = nodes.edges_end(parent) - nodes.edges_begin(parent);
    const auto first = nodes.edge_target(nodes.edges_begin(parent)).value;
    auto bits = count == 0 ? 0 : pending_.some(first - first_task_, count);
    if (!closed_.empty() || parked_tasks_ > 0)
        for (auto left = bits; left != 0; left &= left - 1)
            if (shut(node_index{first + static_cast<std::size_t>(std::countr_zero(left))})) bits &= ~(left & -left);
    if (bits == 0) return best;
    const auto [rank, task] = rank_.least(bits, first, first_task_);
    return {rank, node_index{task}};
}

std::pair<std::uint32_t, std::uint32_t> node_rank::least(std::uint64_t bits, std::uint32_t first,
                                                         std::uint32_t first_task) const {
    std::pair<std::uint32_t, std::uint32_t> best{static_cast<std::uint32_t>(-1), 0};
    const auto look = [&](auto&& rank_of) {
        for (; bits != 0; bits &= bits - 1) {
            const auto task = first + static_cast<std::uint32_t>(std::countr_zero(bits));
            if (const std::uint32_t rank = rank_of(task); rank < best.first) best = {rank, task};
        }
    };
    if (table_ || nodes_ != nullptr)
        look([&](std::uint32_t task) { return (*this)(node_index{task}, first_task); });
    else
        look([&](std::uint32_t task) { return by_chance(task - first_task); });
    return best;
}

bool pending_tree::contains(node_index task) const {
    return task.value >= first_task_ && task.value - first_task_ < pending_.size() &&
           pending_[task.value - first_task_];
}

bool pending_tree::shut(node_index node) const { return closed(node) || parked(node); }

std::uint32_t pending_tree::own_value(const forest& nodes, node_index node) const {
    if (nodes.level_of(node) == level_) {
        const auto position = node.value - first_task_;
        return pending_[position] ? rank_(node, first_task_) : nothing;
    }
    if (keeps_nothing(nodes, node)) return first_below(nodes, node).first;
    const auto begin = nodes.edges_begin(node);
    return nodes.edges_end(node) == begin ? nothing : values_[std::size_t{2} * begin + 1];
}

// Makes a node's value known to its parents, and theirs to theirs as far as something changes.
void pending_tree::publish(const forest& nodes, node_index node) {
    const auto parents = nodes.parents(node);
    if (!parents.empty() && keeps_nothing(nodes, parents[0])) {
        if (!shut(parents[0])) publish(nodes, parents[0]);
        return;
    }
    const auto value = shut(node) ? nothing : own_value(nodes, node);
    if (parents.empty()) {
        root_ = value;
        return;
    }
    for (std::size_t i = 0; i < parents.size(); ++i) {
        const auto begin = nodes.edges_begin(parents[i]);
        const auto count = nodes.edges_end(parents[i]) - begin;
        auto* tree = values_.data() + std::size_t{2} * begin;
        const auto before = tree[1];
        std::size_t at = nodes.edge_to(node, i) - begin + count;
        tree[at] = value;
        for (at /= 2; at >= 1; at /= 2) {
            const auto winner = std::min(tree[2 * at], tree[2 * at + 1]);
            if (tree[at] == winner) break;
            tree[at] = winner;
        }
        if (tree[1] != before && !shut(parents[i])) publish(nodes, parents[i]);
    }
}

void pending_tree::insert(const forest& nodes, node_index task) {
    if (!pending_.set(task.value - first_task_)) return;
    ++size_;
    publish(nodes, task);
}

void pending_tree::insert(const forest& nodes, std::span<const node_index> tasks) {
    constexpr std::size_t share = 16;  // of all tasks, from where on it is cheaper to do all
    if (tasks.size() < pending_.size() / share + 1) {
        for (auto task : tasks) insert(nodes, task);
        return;
    }
    for (auto task : tasks)
        if (pending_.set(task.value - first_task_)) ++size_;
    recompute(nodes);
}

void pending_tree::recompute(const forest& nodes) {
    for (auto level = level_.value; level-- > 0;) {
        if (look_at_bits_ && level + 1U == level_.value) continue;
        const auto first = nodes.first_of(level_index{level}).value;
        for (auto i = first; i < first + nodes.size_of(level_index{level}); ++i) {
            const auto begin = nodes.edges_begin(node_index{i});
            const auto count = nodes.edges_end(node_index{i}) - begin;
            auto* tree = values_.data() + std::size_t{2} * begin;
            for (std::uint32_t k = 0; k < count; ++k) {
                const auto child = nodes.edge_target(begin + k);
                tree[count + k] = shut(child) ? nothing : own_value(nodes, child);
            }
            for (auto k = count; k-- > 1;) tree[k] = std::min(tree[2 * k], tree[2 * k + 1]);
        }
    }
    root_ = shut(forest::instance()) ? nothing : own_value(nodes, forest::instance());
}

std::optional<node_index> pending_tree::first_pending() const {
    const auto position = pending_.first();
    if (!position) return std::nullopt;
    return node_index{first_task_ + *position};
}

void pending_tree::erase(const forest& nodes, node_index task) {
    if (!contains(task)) return;
    pending_.reset(task.value - first_task_);
    --size_;
    publish(nodes, task);
}

void pending_tree::erase(const forest& nodes, std::span<const node_index> path) {
    const auto task = path.front();
    const bool known_to_nobody = look_at_bits_ && path.size() > 1 && shut(path[1]);
    if (!known_to_nobody) return erase(nodes, task);
    if (pending_.reset(task.value - first_task_)) --size_;
}

void pending_tree::park(const forest& nodes, node_index node) {
    if (!parked_.set(node.value)) return;
    if (node.value >= first_task_) ++parked_tasks_;
    publish(nodes, node);
}

void pending_tree::unpark(const forest& nodes, node_index node) {
    if (!parked_.reset(node.value)) return;
    if (node.value >= first_task_) --parked_tasks_;
    publish(nodes, node);
}

node_index pending_tree::next_below(const forest& nodes, node_index node) const {
    if (keeps_nothing(nodes, node)) return first_below(nodes, node).second;
    if (own_value(nodes, node) == nothing) return {};
    return nodes.level_of(node) == level_ ? node : next_child(nodes, node);
}

node_index pending_tree::next_child(const forest& nodes, node_index node) const {
    if (keeps_nothing(nodes, node)) return first_below(nodes, node).second;
    const auto begin = nodes.edges_begin(node);
    const auto count = nodes.edges_end(node) - begin;
    const auto* tree = values_.data() + std::size_t{2} * begin;
    const auto value = tree[1];
    std::size_t at = 1;
    while (at < count) at = tree[2 * at] == value ? 2 * at : 2 * at + 1;
    return nodes.edge_target(begin + static_cast<std::uint32_t>(at - count));
}

bool pending_tree::sane(const forest& nodes) const {
    std::size_t pending = 0;
    const auto end = first_task_ + pending_.size();
    for (std::uint32_t i = 0; i < end; ++i) {
        const node_index node{i};
        const bool is_task = nodes.level_of(node) == level_;
        if (is_task && pending_[i - first_task_]) ++pending;
        auto expected = own_value(nodes, node);
        if (!is_task) {
            expected = nothing;
            for (auto child : nodes.children(node))
                if (!shut(child)) expected = std::min(expected, own_value(nodes, child));
            if (expected != own_value(nodes, node)) return false;
        }
        if (i == 0 && root_ != (shut(node) ? nothing : expected)) return false;
    }
    return pending == size_;
}

}  // namespace bistro
