// The nodes: an immutable forest of named nodes, dense and cheap to share. A change makes a new forest with a higher
// version. What a task may take from a node is not here (resources), nor what runs on it (engine).
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"

namespace bistro {

/// Where something stands in the text that declares it, both from 1; 0: not known. It is no part of what is declared:
/// two declarations that differ in nothing else are equal.
struct text_place {
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    bool operator==(const text_place&) const { return true; }
};

/// A node as a source declares it.
struct node_decl {
    std::string name;
    std::string level;                 ///< a configured level, never the instance
    std::vector<std::string> parents;  ///< names one level up; empty: the instance. Several make a replica
    std::vector<std::string> tags;
    bool enabled = true;
    bool implied = false;  ///< only mentioned as a parent: exists, but yields to a real declaration
    text_place at{};

    bool operator==(const node_decl&) const = default;
};

/// Nodes by level, their parents, children, tags and names. Index 0 is the instance node; the nodes of a level are
/// contiguous, and within it those of one (first) parent, in the order of their declaration. So where no node has two
/// parents, the children of a node are neighbours, and the edge to node n is n - 1.
class forest {
public:
    [[nodiscard]] std::uint64_t version() const { return version_; }

    /// Level names, the instance first.
    [[nodiscard]] const std::vector<std::string>& levels() const { return levels_; }
    [[nodiscard]] std::optional<level_index> find_level(std::string_view name) const;
    [[nodiscard]] level_index innermost() const { return level_index{levels_.size() - 1}; }

    /// Number of nodes, the instance included.
    [[nodiscard]] std::size_t size() const { return name_begin_.size() - 1; }
    [[nodiscard]] std::size_t size_of(level_index level) const;
    /// The first node of a level; the others follow.
    [[nodiscard]] node_index first_of(level_index level) const { return node_index{level_begin_[level.value]}; }

    [[nodiscard]] static constexpr node_index instance() { return node_index{0}; }
    [[nodiscard]] std::optional<node_index> find(std::string_view name) const;

    [[nodiscard]] std::string_view name(node_index node) const;
    /// O(levels), which are few; so nothing has to be remembered of each node.
    [[nodiscard]] level_index level_of(node_index node) const {
        auto level = levels_.size() - 1;
        while (node.value < level_begin_[level]) --level;
        return level_index{level};
    }
    [[nodiscard]] bool enabled(node_index node) const { return enabled_[node.value]; }
    [[nodiscard]] std::span<const std::string> tags(node_index node) const;
    [[nodiscard]] std::span<const node_index> parents(node_index node) const {
        if (!has_replicas_)
            return node.value == 0 ? std::span<const node_index>{} : std::span{&parents_[node.value - 1], 1};
        const auto begin = parent_begin_[node.value];
        return std::span{parents_}.subspan(begin, parent_begin_[node.value + 1] - begin);
    }
    [[nodiscard]] std::vector<node_index> children(node_index node) const;
    /// Where the node stands among those of its level by declaration, from 0.
    [[nodiscard]] std::uint32_t declared_position(node_index node) const {
        return declared_.empty() ? node.value - first_of(level_of(node)).value : declared_[node.value];
    }

    /// True where some node has more than one parent.
    [[nodiscard]] bool has_replicas() const { return has_replicas_; }
    /// True where the other differs in nothing but its version.
    [[nodiscard]] bool has_same_nodes(const forest& other) const;

    /// Equal for nodes below the same outermost node, and below two of them that a node with several parents joins.
    /// Depends on nothing but names; 0 for the instance. O(levels).
    [[nodiscard]] std::uint64_t subtree_key(node_index node) const;

    // The edges from parents to children are numbered so that those of one parent are contiguous. A node's children
    // are the targets of its edges, in order.
    [[nodiscard]] std::uint32_t edges_begin(node_index parent) const { return child_begin_[parent.value]; }
    [[nodiscard]] std::uint32_t edges_end(node_index parent) const { return child_begin_[parent.value + 1]; }
    [[nodiscard]] node_index edge_target(std::uint32_t edge) const {
        return has_replicas_ ? edge_target_[edge] : node_index{edge + std::size_t{1}};
    }
    /// The edge that leads to a node from its parents()[i].
    [[nodiscard]] std::uint32_t edge_to(node_index node, std::size_t i) const {
        return has_replicas_ ? edges_to_[parent_begin_[node.value] + i] : node.value - 1;
    }

private:
    friend class forest_builder;

    std::uint64_t version_ = 0;
    std::vector<std::string> levels_;
    std::vector<std::uint32_t> level_begin_;  // by level, and one past the last
    std::vector<char> names_;                 // all names, one after the other; by_name_ points into it
    std::vector<std::uint64_t> name_begin_;   // by node, and one past the last
    std::vector<bool> enabled_;
    std::vector<std::uint32_t> declared_;      // by node: position in its level by declaration; empty: the same
    std::vector<std::uint32_t> parent_begin_;  // by node, and one past the last; empty without replicas
    std::vector<node_index> parents_;
    std::vector<std::uint32_t> edges_to_;  // parallel to parents_; empty without replicas
    std::vector<std::uint32_t> child_begin_;
    std::vector<node_index> edge_target_;  // empty without replicas
    boost::unordered_flat_map<std::uint32_t, std::vector<std::string>> tags_;
    boost::unordered_flat_map<std::string_view, std::uint32_t> by_name_;
    bool has_replicas_ = false;
    std::vector<std::uint64_t> subtree_keys_;  // by outermost node; empty without replicas
};

using forest_ptr = std::shared_ptr<const forest>;

/// Why a declaration is not part of a forest.
struct node_problem {
    std::string text;             ///< one sentence, naming the node
    std::size_t declaration = 0;  ///< its index
};

/// A forest, and what of the declarations could not become part of it.
struct forest_result {
    forest_ptr nodes;
    std::vector<node_problem> problems;  ///< the first max_node_problems
    std::size_t more_problems = 0;       ///< how many there are besides
};

/// At most this many problems are told one by one.
inline constexpr std::size_t max_node_problems = 100;

/// Builds a forest of the levels below the instance (outermost first) from declarations. The first declaration of a
/// name wins over later ones and over implied ones. Left out, each with a problem: duplicates, unknown levels, parents
/// that do not exist or are not one level up, and whatever hangs below what is left out.
forest_result build_forest(const std::vector<std::string>& levels, const std::vector<node_decl>& declarations,
                           std::uint64_t version = 1, const std::string& instance_name = "instance");

/// At most this many nodes in one forest.
inline constexpr std::size_t max_nodes = 100'000'000;
/// At most this many bytes in a node name.
inline constexpr std::size_t max_node_name_bytes = 16'384;

/// Why a name can't be a node's name, or an empty string. Only what can't be passed to a process is refused.
std::string node_name_problem(std::string_view name);

}  // namespace bistro
