// The tasks of one job that may start, arranged so that the next one in node order is found without a look at the
// others, and so that a whole subtree can be set aside while a node blocks it.
//
// Every node of the job's levels has a value: a pending task has its rank in the job's node order, an inner node the
// smallest value of its children; whatever is set aside, or has nothing pending, counts as `nothing` towards its
// parents. Each parent keeps what it has to compare in a tournament tree, so a change costs O(depth x log fan-out) and
// the next task is found in the same time. A replica has a value in each of its parents, and by chance another in each:
// the least of them is when it comes.
//
// What a parent compares are the values of its children; but a parent of tasks compares blocks of 64 of them. Within a
// block nothing is kept: a look at the bits of those that are pending, which are mostly neighbours, is faster than
// memory that is not in a cache. So a parent of up to 64 tasks, which is one block, keeps nothing. Many insertions at
// once cost as much as they have to: a change of the whole is linear in the edges. Memory: 1 bit a task and a node, and
// 8 bytes for each edge above the parents of tasks, and for each block of larger ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/bit_set.hpp"
#include "model/forest.hpp"
#include "model/hash.hpp"

namespace bistro {

/// The order in which a job takes its nodes. Smaller ranks come first; ranks may repeat.
class node_rank {
public:
    /// As declared.
    static node_rank as_declared() {
        node_rank rank;
        rank.declared_ = true;
        return rank;
    }
    /// By chance, the same for the same salt, parent, and place among its children.
    explicit node_rank(std::uint64_t salt) : salt_{salt} {}
    /// By a table of all nodes.
    explicit node_rank(std::shared_ptr<const std::vector<std::uint32_t>> table) : table_{std::move(table)} {}
    node_rank() = default;

    /// Of some children of a parent, given as bits of a block of them, the least, and the place where it is.
    [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> least(const forest& nodes, node_index parent,
                                                                std::uint32_t block, std::uint64_t bits) const;
    static constexpr std::uint32_t highest = static_cast<std::uint32_t>(-2);

private:
    bool declared_ = false;
    std::uint64_t salt_ = 0;
    std::shared_ptr<const std::vector<std::uint32_t>> table_;
};

class pending_tree {
public:
    static constexpr std::uint32_t nothing = static_cast<std::uint32_t>(-1);

    pending_tree() = default;
    /// Tasks are nodes of `level`. Nodes that are `closed` never lead to one (null: none is).
    pending_tree(const forest& nodes, level_index level, node_rank rank, std::shared_ptr<const bit_set> closed);

    /// The same in a forest that came of the one before by a change: what that kept stays pending, or set aside. Where
    /// the order of what was kept is another now, too, the rank is not `same_order`. Costs a copy of what is known; of
    /// each parent that has other children now what it compares is settled anew; and where these are blocks of tasks,
    /// those from the first on that is another are looked at. All are where the order is another.
    void follow(const forest& before, const forest& nodes, const forest_change& change, node_rank rank, bool same_order,
                std::shared_ptr<const bit_set> closed);

    void insert(const forest& nodes, node_index task);
    void insert(const forest& nodes, std::span<const node_index> tasks);
    void erase(const forest& nodes, node_index task);
    /// The same of the first node of a path: who its parent is need not be looked up.
    void erase(const forest& nodes, std::span<const node_index> path);
    [[nodiscard]] bool contains(node_index task) const;
    [[nodiscard]] std::size_t size() const { return size_; }

    /// Leaves a node and all below it out of the search until unpark().
    void park(const forest& nodes, node_index node);
    void unpark(const forest& nodes, node_index node);
    /// True where no task below the node can start, whatever is free.
    [[nodiscard]] bool closed(node_index node) const { return closed_ != nullptr && (*closed_)[node.value]; }
    [[nodiscard]] const std::shared_ptr<const bit_set>& closed_nodes() const { return closed_; }
    [[nodiscard]] bool parked(node_index node) const { return parked_[node.value]; }
    /// Calls `visit` for each parked node.
    template <class F>
    void for_each_parked(F&& visit) const {
        parked_.for_each([&](std::size_t i) { visit(node_index{i}); });
    }
    /// Of tasks that are neighbours.
    [[nodiscard]] std::size_t count_pending(node_index first, std::size_t count) const {
        return pending_.count(first.value - first_task(), count);
    }
    /// The first pending task in the forest's order.
    [[nodiscard]] std::optional<node_index> first_pending() const;
    template <class F>
    void for_each_pending(F&& visit) const {
        pending_.for_each([&](std::size_t i) { visit(node_index{first_task() + i}); });
    }

    /// False where nothing is left to search.
    [[nodiscard]] bool searchable() const { return root_ != nothing; }
    /// The child of an inner node on the way to the next task. Only where searchable() and the way led here.
    [[nodiscard]] node_index next_child(const forest& nodes, node_index node) const;
    /// The same below a node that has itself been set aside; the node itself where it is a pending task; invalid where
    /// nothing below it can be searched.
    [[nodiscard]] node_index next_below(const forest& nodes, node_index node) const;
    /// Asks for what is known of this task and its neighbours, so that it is in the cache soon.
    void fetch(node_index task) const { pending_.fetch(task.value - first_task()); }
    [[nodiscard]] level_index level() const { return level_; }

    /// True where every inner value is the minimum of its children's. For tests; costs the whole forest.
    [[nodiscard]] bool sane(const forest& nodes) const;

private:
    // A tournament tree: among so many; none of a parent that compares but one block.
    struct matches {
        std::size_t begin = 0;
        std::uint32_t count = 0;
    };
    // Where things are: the tournament trees of parents of inner nodes, by edge, and then those of parents of tasks, by
    // block.
    struct layout {
        layout() = default;
        layout(const forest& nodes, level_index level);
        // Where the tree of a node above the tasks begins, and where that of the last of them ends.
        [[nodiscard]] std::size_t begin_of(const forest& nodes, node_index parent) const;
        [[nodiscard]] matches matches_of(const forest& nodes, node_index parent) const;

        std::uint32_t first_parent = 0;  // of tasks
        std::uint32_t first_task = 0;
        std::size_t blocks = 0;  // where the trees by block begin
    };

    [[nodiscard]] std::uint32_t first_task() const { return layout_.first_task; }
    [[nodiscard]] bool is_task(node_index node) const { return node.value >= layout_.first_task; }
    [[nodiscard]] bool has_tasks(node_index parent) const { return parent.value >= layout_.first_parent; }
    [[nodiscard]] std::uint32_t winner(const matches& among) const;
    bool settle(const matches& among, std::uint32_t who, std::uint32_t value);
    void settle_all(const matches& among);
    [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> first_of_block(const forest& nodes, node_index parent,
                                                                         std::uint32_t block) const;
    [[nodiscard]] node_index next_of_block(const forest& nodes, node_index parent, std::uint32_t block) const;
    [[nodiscard]] std::uint32_t own_value(const forest& nodes, node_index node) const;
    [[nodiscard]] bool shut(node_index node) const;
    void publish(const forest& nodes, node_index node);
    void recompute(const forest& nodes);
    void move_values(const forest& before, const layout& old_layout, const forest& nodes, const forest_change& change);
    void regroup(const forest& before, const layout& old_layout, const std::vector<std::uint32_t>& old,
                 const forest& nodes, const index_shift& kept, node_index parent);
    void publish_changes(const forest& nodes, const forest_change& change);

    level_index level_;
    layout layout_;
    node_rank rank_;
    std::shared_ptr<const bit_set> closed_;  // by node; null: none
    bit_set pending_;                        // by position within the level
    std::vector<std::uint32_t> values_;      // as layout_ says
    bit_set parked_;                         // by node
    std::size_t parked_tasks_ = 0;           // of them, those that are tasks
    std::uint32_t root_ = nothing;
    std::size_t size_ = 0;
};

}  // namespace bistro
