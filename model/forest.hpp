// The nodes: an immutable forest of named nodes, dense and cheap to share. A change makes a new forest with a higher
// version: built from all declarations, or from the one before it and what has changed, with which it shares names and
// all else that stays. What a task may take from a node is not here (resources), nor what runs on it (engine).
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/bit_set.hpp"
#include "model/fetch_line.hpp"
#include "model/ids.hpp"
#include "model/index_shift.hpp"
#include "model/replica_table.hpp"

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

class forest;

/// What a forest has in common with the one that it came of (see change_forest).
struct forest_change {
    std::weak_ptr<const forest> from;  ///< that forest
    std::uint64_t from_version = 0;
    index_shift kept;                   ///< nodes of the same name, level and parents, from that forest to this one
    std::vector<node_index> altered;    ///< of them, those that are enabled or disabled now, or have other tags
    std::vector<node_index> regrouped;  ///< nodes that have other children than before, or are new, ascending
};

/// Nodes by level, their parents, children, tags and names. Index 0 is the instance node; the nodes of a level are
/// contiguous, and within it those of one (first) parent, in the order of their declaration. So the own children of a
/// node, whose first parent it is, are neighbours; behind them come its guests, whose first parent is another.
class forest {
public:
    [[nodiscard]] std::uint64_t version() const { return version_; }

    /// Level names, the instance first.
    [[nodiscard]] const std::vector<std::string>& levels() const { return levels_; }
    [[nodiscard]] std::optional<level_index> find_level(std::string_view name) const;
    [[nodiscard]] level_index innermost() const { return level_index{levels_.size() - 1}; }

    /// Number of nodes, the instance included.
    [[nodiscard]] std::size_t size() const { return level_begin_.back(); }
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
    [[nodiscard]] bool enabled(node_index node) const { return !disabled_[node.value]; }
    /// By node; empty where none is.
    [[nodiscard]] const bit_set& disabled() const { return disabled_; }
    [[nodiscard]] std::span<const std::string> tags(node_index node) const;
    [[nodiscard]] std::span<const node_index> parents(node_index node) const {
        if (has_several_parents(node)) [[unlikely]]
            return replicas_.parents(node);
        return node.value == 0 ? std::span<const node_index>{} : std::span{&parents_[node.value - 1], 1};
    }
    [[nodiscard]] bool has_several_parents(node_index node) const { return has_replicas() && replicas_.contains(node); }
    [[nodiscard]] std::vector<node_index> children(node_index node) const;
    [[nodiscard]] std::uint32_t child_count(node_index node) const {
        const auto own = own_child_count(node);
        return has_replicas() ? own + guests_before(node.value + std::size_t{1}) - guests_before(node.value) : own;
    }
    /// Those that come first, and are neighbours.
    [[nodiscard]] std::uint32_t own_child_count(node_index node) const {
        return own_begin(node_index{node.value + std::size_t{1}}) - own_begin(node);
    }
    /// Places count from 0.
    [[nodiscard]] node_index child(node_index node, std::uint32_t place) const {
        const auto own = own_child_count(node);
        if (place < own) return node_index{own_begin(node) + std::size_t{place}};
        return guest(node, place - own);
    }
    /// Its place among the children of its parents()[i].
    [[nodiscard]] std::uint32_t place_of(node_index node, std::size_t i) const {
        return i == 0 ? node.value - own_begin(parents_[node.value - 1]) : replicas_.place(node, i);
    }
    /// The first node whose first parent is this one, or comes after it. (Also of one past the last node.)
    [[nodiscard]] std::uint32_t own_begin(node_index node) const {
        return node.value < own_begin_.size() ? own_begin_[node.value] : own_begin_.back();
    }
    /// Of the nodes from one up to another, those whose first parent is one of others.
    [[nodiscard]] std::span<const node_index> guests(node_index begin, node_index end) const {
        if (!has_replicas()) return {};
        return std::span{guests_}.subspan(guests_before(begin.value),
                                          guests_before(end.value) - guests_before(begin.value));
    }
    /// How many children all nodes before it have; guests of several count for each.
    [[nodiscard]] std::uint32_t children_before(node_index node) const {
        return own_begin(node) - 1 + guests_before(node.value);
    }
    /// True where these are its parents, as a declaration names them: in this order, repeated or not.
    [[nodiscard]] bool is_below(node_index node, std::span<const std::string> names) const;
    /// Nodes of a level in the order of their declaration have ascending positions. Those that came with a change come
    /// after those that were there.
    [[nodiscard]] std::uint32_t declared_position(node_index node) const;
    /// A number by chance for each node above the innermost level; that of a name stays the same.
    [[nodiscard]] std::uint32_t chance(node_index node) const { return chances_[node.value]; }

    /// True where some node has more than one parent.
    [[nodiscard]] bool has_replicas() const { return !replicas_.empty(); }
    /// Nodes of a range that have more than one, ascending.
    [[nodiscard]] std::span<const std::uint32_t> replicas(std::uint32_t begin, std::uint32_t end) const {
        return replicas_.within(begin, end);
    }
    /// True where the other differs in nothing but its version.
    [[nodiscard]] bool has_same_nodes(const forest& other) const;
    /// What it kept of the forest that it came of; null where it was built anew.
    [[nodiscard]] const std::shared_ptr<const forest_change>& change() const { return change_; }
    /// The same where it came of this one, else null.
    [[nodiscard]] const forest_change* change_from(const forest& before) const {
        return change_ && change_->from.lock().get() == &before ? change_.get() : nullptr;
    }

    /// Equal for nodes below the same outermost node, and below two of them that a node with several parents joins.
    /// Depends on nothing but names; 0 for the instance. O(levels).
    [[nodiscard]] std::uint64_t subtree_key(node_index node) const;

    // The children of a node that has more than one block of them, `block_size` in each; numbered so that those of one
    // parent are contiguous. Nodes with fewer children have none.
    static constexpr std::uint32_t block_size = bit_set::bits;
    [[nodiscard]] std::uint32_t blocks_begin(node_index parent) const { return block_begin_[parent.value]; }
    [[nodiscard]] std::uint32_t blocks_end(node_index parent) const {
        return block_begin_[parent.value + std::size_t{1}];
    }
    /// Asks for what is known of a node, so that it is in the cache soon.
    void fetch(node_index node) const {
        if (node.value < own_begin_.size()) fetch_line(&own_begin_[node.value]);
        if (node.value < chances_.size()) fetch_line(&chances_[node.value]);
        if (node.value > 0) fetch_line(&parents_[node.value - 1]);
    }

private:
    friend class forest_builder;
    friend class forest_reviser;

    // What a forest knows of each of its nodes by itself. Those that change share one.
    struct records {
        struct name_hash {
            using is_transparent = void;
            const records* of;
            std::size_t operator()(std::string_view name) const;
            std::size_t operator()(std::uint32_t node) const { return (*this)(of->name(node)); }
        };
        struct same_name {
            using is_transparent = void;
            const records* of;
            bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
            bool operator()(std::string_view name, std::uint32_t node) const { return of->name(node) == name; }
            bool operator()(std::uint32_t node, std::string_view name) const { return of->name(node) == name; }
        };

        records() = default;
        records(const records&) = delete;
        records& operator=(const records&) = delete;

        [[nodiscard]] std::string_view name(std::uint32_t node) const {
            return {names.data() + name_begin[node], name_begin[node + std::size_t{1}] - name_begin[node]};
        }
        void index_names();

        std::vector<char> names;                // all names, one after the other
        std::vector<std::uint64_t> name_begin;  // by node, and one past the last
        std::vector<std::uint32_t> declared;    // by node: position in its level by declaration; empty: the same
        boost::unordered_flat_map<std::uint32_t, std::vector<std::string>> tags;
        boost::unordered_flat_set<std::uint32_t, name_hash, same_name> by_name{0, name_hash{this}, same_name{this}};
    };
    // The same of a node that is not as the shared records have it.
    struct late_record {
        std::string name;
        std::vector<std::string> tags;
        std::uint32_t declared = 0;
    };

    [[nodiscard]] node_index guest(node_index node, std::uint32_t place) const;
    // Nodes of the innermost level have no children.
    [[nodiscard]] std::uint32_t guests_before(std::size_t node) const {
        if (guest_begin_.empty()) return 0;
        return node < guest_begin_.size() ? guest_begin_[node] : guest_begin_.back();
    }
    void connect();
    void connect_guests();
    void join_subtrees();
    [[nodiscard]] static std::uint64_t key_of_name(std::string_view name);
    [[nodiscard]] static std::uint32_t chance_of(std::string_view name);
    // Calls one of the two: with the node's index among the shared records, or its own record.
    template <class Shared, class Late>
    decltype(auto) with_record(node_index node, Shared&& shared, Late&& late) const {
        if (!is_moved_) return shared(node.value);
        const auto there = moved_.back(node.value);
        return there != index_shift::none ? shared(there) : late(late_.at(node.value));
    }

    std::uint64_t version_ = 0;
    std::vector<std::string> levels_;
    std::vector<std::uint32_t> level_begin_;  // by level, and one past the last
    std::shared_ptr<const records> records_;
    bool is_moved_ = false;
    index_shift moved_;  // from the nodes of records_ to those here, as far as they are the same; where is_moved_
    boost::unordered_flat_map<std::uint32_t, late_record> late_;  // by node: the others; none where not is_moved_
    std::map<std::string, std::uint32_t, std::less<>> late_by_name_;
    std::uint32_t next_declared_ = 0;     // of nodes to come
    bit_set disabled_;                    // by node; empty where none is
    std::vector<std::uint32_t> chances_;  // by node above the innermost level
    std::vector<node_index> parents_;     // the first, by node from the second on
    replica_table replicas_;
    std::vector<std::uint32_t> own_begin_;     // by node above the innermost level, and one past the last
    std::vector<std::uint32_t> guest_begin_;   // the same; empty without replicas
    std::vector<std::uint32_t> block_begin_;   // the same
    std::vector<node_index> guests_;           // of one parent after the other, ascending
    std::vector<std::uint64_t> subtree_keys_;  // by outermost node; empty without replicas
    std::vector<std::uint64_t> name_keys_;     // the same of each by itself
    std::shared_ptr<const forest_change> change_;
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

/// How the nodes of a forest change.
struct node_changes {
    std::vector<std::string> removed;  ///< with all that is below them
    std::vector<node_decl> added;      ///< or moved, where they are among the removed, too
    std::vector<node_decl> altered;    ///< same name, level and parents, but other tags, or enabled or not

    [[nodiscard]] bool empty() const { return removed.empty() && added.empty() && altered.empty(); }
};

/// The forest that comes of another: as if those that were added were declared last. Costs a copy of four bytes for
/// each node, and where some have several parents of four more and twelve for each edge; a search for each that
/// changes; and a copy of what had changed before: of up to a 64th of the nodes, and when that is full, a copy of all.
/// Nothing where something does not fit.
forest_ptr change_forest(const forest_ptr& before, const node_changes& changes, std::uint64_t version);

/// What leads from a forest to what is declared now, and what of that can't become part of one, as build_forest tells.
struct found_changes {
    node_changes changes;
    std::vector<node_problem> problems;
    std::size_t more_problems = 0;
};

/// Costs a look at each declaration, which is fast while they come in the order of the forest: one more where some are
/// only mentioned, one more where what stands fast depends on what does not, one more to `keep_order`; and work for
/// each that is new, gone, moved or wrong, and for what is below it. Nothing where it takes a build: much has changed,
/// more is wrong than there are nodes; or `keep_order`, and what was there has another order of declaration now, or
/// what is new does not come last.
std::optional<found_changes> find_changes(const forest& before,
                                          std::span<const std::span<const node_decl>> declarations, bool keep_order);

/// At most this many nodes in one forest.
inline constexpr std::size_t max_nodes = 100'000'000;
/// At most this many bytes in a node name.
inline constexpr std::size_t max_node_name_bytes = 16'384;

/// Why a name can't be a node's name, or an empty string. Only what can't be passed to a process is refused.
std::string node_name_problem(std::string_view name);

}  // namespace bistro
