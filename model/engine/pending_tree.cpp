#include "model/engine/pending_tree.hpp"

#include <algorithm>

namespace bistro {

// The tournament tree of a parent with k children lies in the 2k values from twice its first edge: values 1..k-1 are
// matches, k..2k-1 the children, and value i is the minimum of 2i and 2i+1. Value 1 is the parent's own. (With one
// child, value 1 is that child.)

pending_tree::pending_tree(const forest& nodes, level_index level, node_rank rank,
                           std::shared_ptr<const bit_set> closed)
    : level_{level}, rank_{std::move(rank)}, closed_{std::move(closed)} {
    values_.assign(lay_out(nodes, bit_set::bits), nothing);
    pending_ = bit_set{nodes.size_of(level)};
    parked_ = bit_set{first_task_ + nodes.size_of(level)};
}

// Where things are in this forest. Gives how many values there are.
std::size_t pending_tree::lay_out(const forest& nodes, std::size_t most_bits) {
    first_task_ = end_of_parents_ = nodes.first_of(level_).value;
    if (level_.value == 0) return 0;
    const level_index above{level_.value - 1U};
    look_at_bits_ = !nodes.has_replicas() && nodes.most_children(above) <= most_bits;
    if (look_at_bits_) end_of_parents_ = nodes.first_of(above).value;
    return std::size_t{2} * nodes.edges_begin(node_index{end_of_parents_});
}

bool pending_tree::keeps_nothing(const forest& nodes, node_index node) const {
    return look_at_bits_ && nodes.level_of(node).value + 1U == level_.value;
}

// The least rank of the pending tasks below their parent that are not set aside, and whose it is.
std::pair<std::uint32_t, node_index> pending_tree::first_below(const forest& nodes, node_index parent) const {
    std::pair<std::uint32_t, node_index> best{nothing, {}};
    const auto count = nodes.edges_end(parent) - nodes.edges_begin(parent);
    if (count == 0) return best;
    const auto first = nodes.edge_target(nodes.edges_begin(parent)).value;
    for (std::uint32_t place = 0; place < count; place += bit_set::bits) {
        auto bits = pending_.some(first + place - first_task_, std::min<std::size_t>(count - place, bit_set::bits));
        if (closed_ != nullptr || parked_tasks_ > 0)
            for (auto left = bits; left != 0; left &= left - 1)
                if (shut(node_index{first + place + static_cast<std::size_t>(std::countr_zero(left))}))
                    bits &= ~(left & -left);
        if (bits == 0) continue;
        if (const auto found = rank_.least(nodes, parent, place, bits); found.first < best.first) best = found;
    }
    return best;
}

std::uint32_t node_rank::operator()(const forest& nodes, node_index task) const {
    if (table_) return (*table_)[task.value];
    if (declared_) return nodes.declared_position(task);
    const auto parents = nodes.parents(task);
    if (parents.empty()) return by_chance(0, 0);
    return by_chance(nodes.chance(parents[0]), nodes.edge_to(task, 0) - nodes.edges_begin(parents[0]));
}

std::pair<std::uint32_t, node_index> node_rank::least(const forest& nodes, node_index parent, std::uint32_t begin,
                                                      std::uint64_t bits) const {
    // Rank and place in one number: to take the least of two is no branch that a processor would have to guess.
    auto best = static_cast<std::uint64_t>(-1);
    const auto first = nodes.edge_target(nodes.edges_begin(parent)).value;
    const auto look = [&](auto&& rank_of) {
        for (; bits != 0; bits &= bits - 1) {
            const auto place = begin + static_cast<std::uint32_t>(std::countr_zero(bits));
            best = std::min(best, std::uint64_t{rank_of(place)} << 32 | place);
        }
    };
    if (table_ || declared_)
        look([&](std::uint32_t place) { return (*this)(nodes, node_index{first + std::size_t{place}}); });
    else
        look([&, by = std::uint64_t{nodes.chance(parent)}](std::uint32_t place) { return by_chance(by, place); });
    return {static_cast<std::uint32_t>(best >> 32), node_index{first + std::size_t{static_cast<std::uint32_t>(best)}}};
}

bool pending_tree::contains(node_index task) const {
    return task.value >= first_task_ && task.value - first_task_ < pending_.size() &&
           pending_[task.value - first_task_];
}

bool pending_tree::shut(node_index node) const { return closed(node) || parked(node); }

std::uint32_t pending_tree::own_value(const forest& nodes, node_index node) const {
    if (nodes.level_of(node) == level_) {
        const auto position = node.value - first_task_;
        return pending_[position] ? rank_(nodes, node) : nothing;
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

void pending_tree::follow(const forest& before, const forest& nodes, const forest_change& change, node_rank rank,
                          bool same_order, std::shared_ptr<const bit_set> closed) {
    const auto tasks = change.kept.within(first_task_, first_task_ + static_cast<std::uint32_t>(pending_.size()),
                                          nodes.first_of(level_).value);
    rank_ = std::move(rank);
    closed_ = std::move(closed);
    pending_ = moved(pending_, tasks, nodes.size_of(level_));
    size_ = pending_.count(0, pending_.size());
    const auto all = change.kept.within(0, static_cast<std::uint32_t>(parked_.size()), 0);
    parked_ = moved(parked_, all, nodes.first_of(level_).value + nodes.size_of(level_));
    if (parked_tasks_ > 0) parked_tasks_ = parked_.count(nodes.first_of(level_).value, nodes.size_of(level_));
    const bool looked_at_bits = look_at_bits_;
    // Few parents grow beyond one word of bits; not all have to be arranged anew for that.
    const auto count = lay_out(nodes, looked_at_bits ? words_to_look_at * bit_set::bits : 0);
    if (!same_order || look_at_bits_ != looked_at_bits) {
        values_.assign(count, nothing);
        return recompute(nodes);
    }
    const bool all_stay = change.kept.kept() == before.size() && change.kept.kept() == nodes.size();
    std::vector<node_index> moved_replicas;
    if (!all_stay) moved_replicas = move_values(before, nodes, change, count);
    publish_changes(nodes, change, moved_replicas);
}

// A match among children that are as before has the same outcome, and lies as far from its parent's first edge. Gives
// the tasks that other parents have to hear of (see regroup).
std::vector<node_index> pending_tree::move_values(const forest& before, const forest& nodes,
                                                  const forest_change& change, std::size_t count) {
    const auto old = std::exchange(values_, {});
    values_.reserve(count);
    const auto value_of = [](const forest& f, std::uint32_t parent) {
        return static_cast<std::ptrdiff_t>(2) * f.edges_begin(node_index{parent});
    };
    const auto inner = std::lower_bound(change.regrouped.begin(), change.regrouped.end(), node_index{end_of_parents_});
    auto regrouped = change.regrouped.begin();
    // Of parents that are neighbours, from one that is regrouped to the next.
    for (const auto& run : change.kept.runs()) {
        const auto run_end = std::min(run.to + run.count, end_of_parents_);
        for (auto begin = run.to; begin < run_end;) {
            while (regrouped != inner && regrouped->value < begin) ++regrouped;
            const auto end = regrouped == inner ? run_end : std::min(run_end, regrouped->value);
            values_.resize(static_cast<std::size_t>(value_of(nodes, begin)), nothing);
            values_.insert(values_.end(), old.begin() + value_of(before, run.from + (begin - run.to)),
                           old.begin() + value_of(before, run.from + (end - run.to)));
            begin = std::max(end, begin + 1);
        }
    }
    values_.resize(count, nothing);
    std::vector<node_index> moved_replicas;
    for (auto parent = change.regrouped.begin(); parent != inner; ++parent)
        regroup(before, nodes, change, *parent, old, moved_replicas);
    return moved_replicas;
}

// From below: each tells those above it.
void pending_tree::publish_changes(const forest& nodes, const forest_change& change,
                                   const std::vector<node_index>& moved_replicas) {
    for (const auto task : moved_replicas) publish(nodes, task);
    const auto inner = std::lower_bound(change.regrouped.begin(), change.regrouped.end(), node_index{first_task_});
    const auto end = node_index{first_task_ + pending_.size()};
    auto altered = change.altered.rbegin();
    const auto publish_altered = [&](node_index until) {
        for (; altered != change.altered.rend() && *altered >= until; ++altered)
            if (*altered < end) publish(nodes, *altered);
    };
    for (auto parent = std::make_reverse_iterator(inner); parent != change.regrouped.rend(); ++parent) {
        publish_altered(*parent);
        publish(nodes, *parent);
    }
    publish_altered(forest::instance());
    publish(nodes, forest::instance());
}

// Fills the tournament tree of a parent that has other children than before. Other parents of a task have to hear of
// its place among the children of its first one.
void pending_tree::regroup(const forest& before, const forest& nodes, const forest_change& change, node_index parent,
                           const std::vector<std::uint32_t>& values, std::vector<node_index>& moved_replicas) {
    const auto begin = nodes.edges_begin(parent);
    const auto count = nodes.edges_end(parent) - begin;
    auto* tree = values_.data() + std::size_t{2} * begin;
    const bool by_place = rank_.is_by_place() && nodes.level_of(parent).value + 1U == level_.value;
    const auto old_parent = change.kept.back(parent.value);
    const bool is_new = old_parent == index_shift::none;  // and so are its children
    const auto old_begin = is_new ? 0 : before.edges_begin(node_index{old_parent});
    const auto old_count = is_new ? 0 : before.edges_end(node_index{old_parent}) - old_begin;
    std::fill_n(tree + count, count, nothing);
    std::uint32_t place = 0;
    for (std::uint32_t old = 0; old < old_count; ++old) {
        const auto child = change.kept(before.edge_target(old_begin + old).value);
        if (child == index_shift::none) continue;
        while (nodes.edge_target(begin + place).value != child) ++place;
        tree[count + place] = values[std::size_t{2} * old_begin + old_count + old];
        const node_index task{child};
        const bool has_moved = by_place && place != old && nodes.parents(task)[0] == parent;
        if (!has_moved) continue;
        tree[count + place] = shut(task) ? nothing : own_value(nodes, task);
        if (nodes.parents(task).size() > 1) moved_replicas.push_back(task);
    }
    for (auto k = count; k-- > 1;) tree[k] = std::min(tree[2 * k], tree[2 * k + 1]);
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
