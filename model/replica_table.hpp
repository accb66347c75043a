// The nodes of a forest that have several parents, which are few in most: a forest pays for those alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/bit_set.hpp"
#include "model/ids.hpp"

namespace bistro {

/// All parents of each of them, and its place among the children of each but the first. First they are added, then
/// sealed, then looked up, in O(1).
class replica_table {
public:
    /// In ascending order of nodes.
    template <class Parents>
    void add(std::uint32_t node, const Parents& parents) {
        nodes_.push_back(node);
        for (const auto parent : parents) parents_.emplace_back(parent);
        begin_.push_back(static_cast<std::uint32_t>(parents_.size()));
    }
    void reserve(std::size_t nodes, std::size_t parents);
    /// There are so many nodes in all.
    void seal(std::size_t size);
    /// Calls `visit` for each, ascending, with the node and all its parents.
    template <class F>
    void for_each(F&& visit) const {
        for (std::size_t i = 0; i < nodes_.size(); ++i) visit(node_index{nodes_[i]}, parents_at(i));
    }
    /// The same with their places, to be set.
    template <class F>
    void for_each_place(F&& visit) {
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            visit(node_index{nodes_[i]}, parents_at(i), std::span{places_}.subspan(begin_[i]));
    }

    [[nodiscard]] bool empty() const { return known_.empty(); }
    [[nodiscard]] bool contains(node_index node) const { return known_[node.value]; }
    /// Only of one that it contains, like place().
    [[nodiscard]] std::span<const node_index> parents(node_index node) const;
    /// Among the children of its parents()[i], which is not the first.
    [[nodiscard]] std::uint32_t place(node_index node, std::size_t i) const;
    /// Those of a range, ascending. O(log replicas).
    [[nodiscard]] std::span<const std::uint32_t> within(std::uint32_t begin, std::uint32_t end) const;
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    /// How many parents they have in all.
    [[nodiscard]] std::size_t parent_count() const { return parents_.size(); }

    bool operator==(const replica_table& other) const {
        return nodes_ == other.nodes_ && begin_ == other.begin_ && parents_ == other.parents_;
    }

private:
    [[nodiscard]] std::span<const node_index> parents_at(std::size_t i) const {
        return std::span{parents_}.subspan(begin_[i], begin_[i + 1] - begin_[i]);
    }
    [[nodiscard]] std::size_t number(std::uint32_t node) const;

    std::vector<std::uint32_t> nodes_;
    std::vector<std::uint32_t> begin_{0};  // by number: in parents_, and one past the last
    std::vector<node_index> parents_;
    std::vector<std::uint32_t> places_;  // parallel to parents_
    bit_set known_;                      // by node: it is among them
    std::vector<std::uint32_t> before_;  // how many of them come before each 64 nodes
};

}  // namespace bistro
