// What has changed between a forest and the declarations of another.
#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>

#include "model/forest.hpp"

namespace bistro {

namespace {

// Where more than this part of the nodes has changed, a whole build costs no more.
constexpr std::size_t share_worth_a_build = 4;
constexpr std::size_t few_changes = 64;

class forest_diff {
public:
    explicit forest_diff(const forest& before)
        : before_{before}, declared_{before.size()}, seen_{before.size()}, moved_{before.size()} {
        seen_.set(0);
        for (std::uint32_t l = 0; l < before.levels().size(); ++l) {
            const auto first = before.first_of(level_index{l}).value;
            levels_.push_back({first, first + static_cast<std::uint32_t>(before.size_of(level_index{l}))});
        }
    }

    // False where it takes a build.
    bool take_declared(const node_decl& d) {
        const auto l = level_of(d);
        if (l == 0 || d.parents.size() > 1) return false;
        const auto node = find(d, levels_[l]);
        if (!node) {
            levels_[l].has_declared = true;
            changes_.added.push_back(d);
            return true;
        }
        if (!seen_.set(node->value)) return false;  // twice
        declared_.set(node->value);
        return compare(*node, l, d);
    }

    // Of those that are only mentioned, after all others.
    bool take_implied(const node_decl& d) {
        const auto l = level_of(d);
        if (l == 0) return false;
        if (const auto node = find(d, levels_[l])) return !seen_.set(node->value) || compare(*node, l, d);
        if (!added_names_) note_added();
        if (added_names_->insert(d.name).second) {
            changes_.added.push_back(d);
            changes_.added.back().implied = false;
            levels_[l].has_mentioned = true;
        }
        return true;
    }

    // After all of them, in the order of their declaration: false where what is new or has moved does not come last, or
    // the rest is not in the order that it has.
    bool keeps_order(const node_decl& d) {
        const auto l = level_of(d);
        auto& level = levels_[l];
        const auto node = find(d, level);
        if (!node || moved_[node->value]) {
            level.has_more = true;
            return true;
        }
        if (d.implied && (declared_[node->value] || !mentioned_.set(node->value))) return true;
        const auto position = before_.declared_position(*node);
        if (position < level.last || level.has_more) return false;
        level.last = position + 1;
        return true;
    }
    // False where new nodes of a level are declared and mentioned, which are not told in one order.
    bool begin_order() {
        mentioned_ = bit_set{before_.size()};
        for (auto& level : levels_) level.next = level.end;
        return std::ranges::none_of(levels_, [](const auto& l) { return l.has_declared && l.has_mentioned; });
    }

    std::optional<node_changes> finish() {
        for (std::uint32_t i = 1; i < before_.size(); ++i) {
            const node_index node{i};
            if (seen_[i] && !moved_[i]) continue;
            changes_.removed.emplace_back(before_.name(node));
            // Whoever is still declared below it needs another look at its parent.
            for (auto edge = before_.edges_begin(node); edge < before_.edges_end(node); ++edge)
                if (const auto child = before_.edge_target(edge).value; seen_[child] && !moved_[child])
                    return std::nullopt;
        }
        const auto count = changes_.removed.size() + changes_.added.size() + changes_.altered.size();
        if (count > few_changes + before_.size() / share_worth_a_build) return std::nullopt;
        return std::move(changes_);
    }

private:
    struct level_state {
        std::uint32_t next = 0;  // the node that the next declaration should be of
        std::uint32_t end = 0;
        std::uint32_t last = 0;      // one past the position of the last that was declared
        bool has_more = false;       // nodes that are new, or elsewhere, so far in order
        bool has_declared = false;   // such nodes, in all
        bool has_mentioned = false;  // the same of those that are only mentioned
    };

    std::size_t level_of(const node_decl& d) {
        if (last_level_ != 0 && before_.levels()[last_level_] == d.level) return last_level_;
        const auto level = before_.find_level(d.level);
        return last_level_ = level ? level->value : 0;
    }

    std::optional<node_index> find(const node_decl& d, level_state& level) {
        if (level.next < level.end && before_.name(node_index{level.next}) == d.name) return node_index{level.next++};
        const auto node = before_.find(d.name);
        if (node) level.next = node->value + 1;
        return node;
    }

    bool compare(node_index node, std::size_t l, const node_decl& d) {
        const bool at_level = before_.level_of(node).value == l;
        const auto parent = at_level ? before_.parents(node)[0] : node;
        const bool at_home = at_level && (d.parents.empty() ? l == 1 : before_.name(parent) == d.parents.front());
        if (!at_home) {
            moved_.set(node.value);
            levels_[l].has_declared = true;
            changes_.added.push_back(d);
            return !d.implied;
        }
        if (d.enabled != before_.enabled(node) || !std::ranges::equal(d.tags, before_.tags(node)))
            changes_.altered.push_back(d);
        return true;
    }

    void note_added() {
        added_names_.emplace();
        for (const auto& d : changes_.added) added_names_->insert(d.name);
    }

    const forest& before_;
    bit_set declared_;   // by node: not only mentioned
    bit_set seen_;       // by node: declared or mentioned
    bit_set moved_;      // by node: elsewhere
    bit_set mentioned_;  // by node, so far in order
    std::vector<level_state> levels_;
    std::size_t last_level_ = 0;
    node_changes changes_;
    std::optional<boost::unordered_flat_set<std::string>> added_names_;
};

}  // namespace

std::optional<node_changes> find_changes(const forest& before, std::span<const std::span<const node_decl>> declarations,
                                         bool keep_order) {
    if (before.has_replicas()) return std::nullopt;
    forest_diff diff{before};
    const auto all = [&](auto&& of_one) {
        return std::ranges::all_of(declarations, [&](const auto& some) { return std::ranges::all_of(some, of_one); });
    };
    if (!all([&](const node_decl& d) { return d.implied || diff.take_declared(d); })) return std::nullopt;
    if (!all([&](const node_decl& d) { return !d.implied || diff.take_implied(d); })) return std::nullopt;
    if (keep_order) {
        if (!diff.begin_order() || !all([&](const node_decl& d) { return diff.keeps_order(d); })) return std::nullopt;
    }
    return diff.finish();
}

}  // namespace bistro
