#include "model/engine/pending_tree.hpp"

#include <algorithm>
#include <array>

namespace bistro {

// -- ranks ------------------------------------------------------------------------------------------------------------

namespace {

// Odd, so that a number by chance times one of them is any number, each as likely. One number for a block, and one
// multiplication for each of its children, gives them an order by chance.
constexpr auto factors = [] {
    std::array<std::uint64_t, forest::block_size> result{};
    for (std::uint64_t i = 0; i < result.size(); ++i) result[i] = mix64(i) | 1U;
    return result;
}();

}  // namespace

std::pair<std::uint32_t, std::uint32_t> node_rank::least(const forest& nodes, node_index parent, std::uint32_t block,
                                                         std::uint64_t bits) const {
    const auto begin = block * forest::block_size;
    // Rank and place in one number: to take the least of two is no branch that a processor would have to guess.
    auto best = static_cast<std::uint64_t>(-1);
    const auto look = [&](auto&& rank_of) {
        for (; bits != 0; bits &= bits - 1) {
            const auto place = begin + static_cast<std::uint32_t>(std::countr_zero(bits));
            best = std::min(best, std::uint64_t{rank_of(place)} << 32 | place);
        }
    };
    if (table_)
        look([&](std::uint32_t place) { return (*table_)[nodes.child(parent, place).value]; });
    else if (declared_)
        look([&](std::uint32_t place) { return nodes.declared_position(nodes.child(parent, place)); });
    else
        look([by = mix64(salt_ ^ (std::uint64_t{nodes.chance(parent)} << 32 | block))](std::uint32_t place) {
            return static_cast<std::uint32_t>(by * factors[place % forest::block_size] >> 32);
        });
    return {std::min(static_cast<std::uint32_t>(best >> 32), highest), static_cast<std::uint32_t>(best)};
}

// -- where things are -------------------------------------------------------------------------------------------------

// The tournament tree of a parent with k to compare lies in 2k values: values 1..k-1 are matches, k..2k-1 whom it
// compares, and value i is the minimum of 2i and 2i+1. Value 1 is the parent's own. (With one child, value 1 is that
// child.)

pending_tree::layout::layout(const forest& nodes, level_index level) {
    first_parent = first_task = nodes.first_of(level).value;
    if (level.value == 0) return;
    first_parent = nodes.first_of(level_index{level.value - 1U}).value;
    blocks = std::size_t{2} * nodes.children_before(node_index{first_parent});
}

std::size_t pending_tree::layout::begin_of(const forest& nodes, node_index parent) const {
    if (first_task == 0) return 0;
    if (parent.value < first_parent) return std::size_t{2} * nodes.children_before(parent);
    return blocks + std::size_t{2} * (nodes.blocks_begin(parent) - nodes.blocks_begin(node_index{first_parent}));
}

pending_tree::matches pending_tree::layout::matches_of(const forest& nodes, node_index parent) const {
    const auto children = nodes.child_count(parent);
    if (parent.value < first_parent) return {begin_of(nodes, parent), children};
    if (children <= forest::block_size) return {};
    return {begin_of(nodes, parent), nodes.blocks_end(parent) - nodes.blocks_begin(parent)};
}

pending_tree::pending_tree(const forest& nodes, level_index level, node_rank rank,
                           std::shared_ptr<const bit_set> closed)
    : level_{level},
      layout_{nodes, level},
      rank_{std::move(rank)},
      closed_{std::move(closed)},
      pending_{nodes.size_of(level)},
      values_(layout_.begin_of(nodes, node_index{first_task()}), nothing),
      parked_{first_task() + nodes.size_of(level)} {}

// -- values -----------------------------------------------------------------------------------------------------------

std::uint32_t pending_tree::winner(const matches& among) const {
    const auto* tree = values_.data() + among.begin;
    const auto value = tree[1];
    std::uint32_t at = 1;
    while (at < among.count) at = tree[2 * at] == value ? 2 * at : 2 * at + 1;
    return at - among.count;
}

// True where the parent's own value is another now.
bool pending_tree::settle(const matches& among, std::uint32_t who, std::uint32_t value) {
    auto* tree = values_.data() + among.begin;
    const auto before = tree[1];
    std::size_t at = std::size_t{among.count} + who;
    tree[at] = value;
    for (at /= 2; at >= 1; at /= 2) {
        const auto least = std::min(tree[2 * at], tree[2 * at + 1]);
        if (tree[at] == least) break;
        tree[at] = least;
    }
    return tree[1] != before;
}

void pending_tree::settle_all(const matches& among) {
    auto* tree = values_.data() + among.begin;
    for (std::size_t at = among.count; at-- > 1;) tree[at] = std::min(tree[2 * at], tree[2 * at + 1]);
}

namespace {

// Of so many children of a parent from a place on, at most one block, those in a set of nodes. The set is without the
// nodes before `first`.
std::uint64_t members_among(const bit_set& set, std::uint32_t first, const forest& nodes, node_index parent,
                            std::uint32_t place, std::uint32_t count) {
    const auto begin = nodes.own_begin(parent);
    const auto own = nodes.own_child_count(parent);
    if (place + count <= own) return set.some(begin + place - first, count);
    const auto neighbours = place < own ? own - place : 0;
    auto bits = set.some(begin + place - first, neighbours);
    for (auto i = neighbours; i < count; ++i)
        bits |= std::uint64_t{set[nodes.child(parent, place + i).value - first]} << i;
    return bits;
}

}  // namespace

// The least rank of the pending tasks in a block that are not set aside, and whose it is.
std::pair<std::uint32_t, std::uint32_t> pending_tree::first_of_block(const forest& nodes, node_index parent,
                                                                     std::uint32_t block) const {
    const auto place = block * forest::block_size;
    const auto count = std::min(nodes.child_count(parent) - place, forest::block_size);
    auto bits = members_among(pending_, first_task(), nodes, parent, place, count);
    if (bits != 0 && parked_tasks_ > 0) bits &= ~members_among(parked_, 0, nodes, parent, place, count);
    if (bits != 0 && closed_ != nullptr) bits &= ~members_among(*closed_, 0, nodes, parent, place, count);
    if (bits == 0) return {nothing, 0};
    return rank_.least(nodes, parent, block, bits);
}

node_index pending_tree::next_of_block(const forest& nodes, node_index parent, std::uint32_t block) const {
    const auto [value, place] = first_of_block(nodes, parent, block);
    return value == nothing ? node_index{} : nodes.child(parent, place);
}

bool pending_tree::shut(node_index node) const { return closed(node) || parked(node); }

// Of a node above the tasks, or of the instance where that is the task.
std::uint32_t pending_tree::own_value(const forest& nodes, node_index node) const {
    if (is_task(node)) return contains(node) ? 0 : nothing;
    const auto among = layout_.matches_of(nodes, node);
    if (among.count > 0) return values_[among.begin + 1];
    return has_tasks(node) ? first_of_block(nodes, node, 0).first : nothing;
}

// Makes a node's value known to its parents, and theirs to theirs as far as something changes.
void pending_tree::publish(const forest& nodes, node_index node) {
    const auto parents = nodes.parents(node);
    const bool by_block = is_task(node) && !parents.empty();
    const auto value = by_block || shut(node) ? nothing : own_value(nodes, node);
    if (parents.empty()) root_ = value;
    for (std::size_t i = 0; i < parents.size(); ++i) {
        const auto parent = parents[i];
        const auto among = layout_.matches_of(nodes, parent);
        bool changed = true;
        if (among.count > 0) {
            const auto place = nodes.place_of(node, i);
            const auto block = place / forest::block_size;
            changed = by_block ? settle(among, block, first_of_block(nodes, parent, block).first)
                               : settle(among, place, value);
        }
        if (changed && !shut(parent)) publish(nodes, parent);
    }
}

// -- tasks, and what is set aside -------------------------------------------------------------------------------------

void pending_tree::insert(const forest& nodes, node_index task) {
    if (!pending_.set(task.value - first_task())) return;
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
        if (pending_.set(task.value - first_task())) ++size_;
    recompute(nodes);
}

void pending_tree::recompute(const forest& nodes) {
    for (auto parent = first_task(); parent-- > 0;) {
        const node_index node{parent};
        const auto among = layout_.matches_of(nodes, node);
        for (std::uint32_t i = 0; i < among.count; ++i) {
            auto& value = values_[among.begin + among.count + i];
            if (has_tasks(node)) {
                value = first_of_block(nodes, node, i).first;
            } else {
                const auto child = nodes.child(node, i);
                value = shut(child) ? nothing : own_value(nodes, child);
            }
        }
        settle_all(among);
    }
    root_ = shut(forest::instance()) ? nothing : own_value(nodes, forest::instance());
}

std::optional<node_index> pending_tree::first_pending() const {
    const auto position = pending_.first();
    if (!position) return std::nullopt;
    return node_index{first_task() + *position};
}

bool pending_tree::contains(node_index task) const {
    return is_task(task) && task.value - first_task() < pending_.size() && pending_[task.value - first_task()];
}

void pending_tree::erase(const forest& nodes, node_index task) {
    if (!contains(task)) return;
    pending_.reset(task.value - first_task());
    --size_;
    publish(nodes, task);
}

void pending_tree::erase(const forest& nodes, std::span<const node_index> path) {
    const auto task = path.front();
    const bool known_to_nobody = path.size() > 1 && !nodes.has_several_parents(task) && shut(path[1]) &&
                                 nodes.child_count(path[1]) <= forest::block_size;
    if (!known_to_nobody) return erase(nodes, task);
    if (pending_.reset(task.value - first_task())) --size_;
}

void pending_tree::park(const forest& nodes, node_index node) {
    if (!parked_.set(node.value)) return;
    if (is_task(node)) ++parked_tasks_;
    publish(nodes, node);
}

void pending_tree::unpark(const forest& nodes, node_index node) {
    if (!parked_.reset(node.value)) return;
    if (is_task(node)) --parked_tasks_;
    publish(nodes, node);
}

node_index pending_tree::next_below(const forest& nodes, node_index node) const {
    if (is_task(node)) return contains(node) ? node : node_index{};
    const auto among = layout_.matches_of(nodes, node);
    if (among.count > 0) return values_[among.begin + 1] == nothing ? node_index{} : next_child(nodes, node);
    return has_tasks(node) ? next_of_block(nodes, node, 0) : node_index{};
}

node_index pending_tree::next_child(const forest& nodes, node_index node) const {
    const auto among = layout_.matches_of(nodes, node);
    const auto who = among.count > 0 ? winner(among) : 0;
    return has_tasks(node) ? next_of_block(nodes, node, who) : nodes.child(node, who);
}

bool pending_tree::sane(const forest& nodes) const {
    const auto value_towards = [&](node_index parent, std::uint32_t place) {
        const auto child = nodes.child(parent, place);
        if (shut(child)) return nothing;
        if (!is_task(child)) return own_value(nodes, child);
        if (!contains(child)) return nothing;
        const auto bit = std::uint64_t{1} << place % forest::block_size;
        return rank_.least(nodes, parent, place / forest::block_size, bit).first;
    };
    for (std::uint32_t i = 0; i < first_task(); ++i) {
        const node_index node{i};
        const auto among = layout_.matches_of(nodes, node);
        const auto of_each = has_tasks(node) ? forest::block_size : 1;
        std::vector<std::uint32_t> compared(std::max(among.count, 1U), nothing);
        for (std::uint32_t place = 0; place < nodes.child_count(node); ++place)
            compared[place / of_each] = std::min(compared[place / of_each], value_towards(node, place));
        const auto* tree = values_.data() + among.begin;
        if (!std::equal(compared.begin(), compared.begin() + among.count, tree + among.count)) return false;
        for (std::uint32_t at = 1; at < among.count; ++at)
            if (tree[at] != std::min(tree[2 * at], tree[2 * at + 1])) return false;
        if (own_value(nodes, node) != *std::min_element(compared.begin(), compared.end())) return false;
    }
    const auto instance = forest::instance();
    return root_ == (shut(instance) ? nothing : own_value(nodes, instance)) &&
           size_ == pending_.count(0, pending_.size());
}

// -- another forest ---------------------------------------------------------------------------------------------------

void pending_tree::follow(const forest& before, const forest& nodes, const forest_change& change, node_rank rank,
                          bool same_order, std::shared_ptr<const bit_set> closed) {
    const auto old_layout = std::exchange(layout_, layout{nodes, level_});
    const auto tasks = change.kept.within(
        old_layout.first_task, old_layout.first_task + static_cast<std::uint32_t>(pending_.size()), first_task());
    rank_ = std::move(rank);
    closed_ = std::move(closed);
    pending_ = moved(pending_, tasks, nodes.size_of(level_));
    size_ = pending_.count(0, pending_.size());
    const auto all = change.kept.within(0, static_cast<std::uint32_t>(parked_.size()), 0);
    parked_ = moved(parked_, all, first_task() + nodes.size_of(level_));
    if (parked_tasks_ > 0) parked_tasks_ = parked_.count(first_task(), nodes.size_of(level_));
    if (!same_order) {
        values_.assign(layout_.begin_of(nodes, node_index{first_task()}), nothing);
        return recompute(nodes);
    }
    const bool all_stay = change.kept.kept() == before.size() && change.kept.kept() == nodes.size();
    if (!all_stay) move_values(before, old_layout, nodes, change);
    publish_changes(nodes, change);
}

namespace {

// How many children of a parent that was kept are as before, and at the same place, up to the first that is not.
std::uint32_t same_children(const forest& before, node_index old_parent, const forest& nodes, node_index parent,
                            const index_shift& kept) {
    const auto count = std::min(before.child_count(old_parent), nodes.child_count(parent));
    const auto own = std::min(before.own_child_count(old_parent), nodes.own_child_count(parent));
    std::uint32_t same = 0;
    while (same < count) {
        const auto child = before.child(old_parent, same).value;
        if (kept(child) != nodes.child(parent, same).value) break;
        same += same < own ? std::min(kept.neighbours(child), own - same) : 1;
    }
    return same;
}

}  // namespace

// A match among those that are as before has the same outcome, and lies as far from where its tree begins.
void pending_tree::move_values(const forest& before, const layout& old_layout, const forest& nodes,
                               const forest_change& change) {
    const auto old = std::exchange(values_, {});
    const auto size = layout_.begin_of(nodes, node_index{first_task()});
    values_.reserve(size);
    const auto above = std::lower_bound(change.regrouped.begin(), change.regrouped.end(), node_index{first_task()});
    const auto old_begin = [&](std::uint32_t parent) {
        return old.begin() + static_cast<std::ptrdiff_t>(old_layout.begin_of(before, node_index{parent}));
    };
    auto regrouped = change.regrouped.begin();
    // Of parents that are neighbours, from one that is regrouped to the next.
    for (const auto& run : change.kept.runs()) {
        const auto run_end = std::min(run.to + run.count, first_task());
        for (auto begin = run.to; begin < run_end;) {
            while (regrouped != above && regrouped->value < begin) ++regrouped;
            const auto end = regrouped == above ? run_end : std::min(run_end, regrouped->value);
            values_.resize(layout_.begin_of(nodes, node_index{begin}), nothing);
            values_.insert(values_.end(), old_begin(run.from + (begin - run.to)), old_begin(run.from + (end - run.to)));
            begin = std::max(end, begin + 1);
        }
    }
    values_.resize(size, nothing);
    for (auto parent = change.regrouped.begin(); parent != above; ++parent)
        regroup(before, old_layout, old, nodes, change.kept, *parent);
}

// Fills the tournament tree of a parent that has other children than before. Those of a new one are new, too.
void pending_tree::regroup(const forest& before, const layout& old_layout, const std::vector<std::uint32_t>& old,
                           const forest& nodes, const index_shift& kept, node_index parent) {
    const auto among = layout_.matches_of(nodes, parent);
    const node_index old_parent{kept.back(parent.value)};
    if (among.count == 0 || !old_parent.valid()) return;
    const auto old_among = old_layout.matches_of(before, old_parent);
    const auto* old_values = old.data() + old_among.begin + old_among.count;
    auto* values = values_.data() + among.begin + among.count;
    auto same = same_children(before, old_parent, nodes, parent, kept);
    if (has_tasks(parent)) same = std::min(same / forest::block_size, old_among.count);
    std::copy_n(old_values, same, values);
    if (has_tasks(parent)) {
        for (auto block = same; block < among.count; ++block)
            values[block] = first_of_block(nodes, parent, block).first;
    } else {
        auto place = same;
        for (auto i = same; i < old_among.count; ++i) {
            const node_index child{kept(before.child(old_parent, i).value)};
            if (!child.valid()) continue;
            while (nodes.child(parent, place) != child) ++place;
            values[place] = old_values[i];
        }
    }
    settle_all(among);
}

// From below: each tells those above it.
void pending_tree::publish_changes(const forest& nodes, const forest_change& change) {
    const auto above = std::lower_bound(change.regrouped.begin(), change.regrouped.end(), node_index{first_task()});
    const auto end = node_index{first_task() + pending_.size()};
    auto altered = change.altered.rbegin();
    const auto publish_altered = [&](node_index until) {
        for (; altered != change.altered.rend() && *altered >= until; ++altered)
            if (*altered < end) publish(nodes, *altered);
    };
    for (auto parent = std::make_reverse_iterator(above); parent != change.regrouped.rend(); ++parent) {
        publish_altered(*parent);
        publish(nodes, *parent);
    }
    publish_altered(forest::instance());
    publish(nodes, forest::instance());
}

}  // namespace bistro
