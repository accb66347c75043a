// A small forest, and what two forests, or a change that leads from one to the other, must have in common.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/forest.hpp"
#include "model/partition.hpp"

namespace bistro::test {

inline const std::vector<std::string> levels{"host", "db"};

inline node_decl node(std::string name, std::string level, std::vector<std::string> parents = {}) {
    return {std::move(name), std::move(level), std::move(parents), {}, true, false};
}

inline forest_ptr two_hosts() {
    return build_forest(levels, {node("h1", "host"), node("h2", "host"), node("a", "db", {"h1"}),
                                 node("b", "db", {"h1"}), node("c", "db", {"h2"})})
        .nodes;
}

inline std::vector<std::string> names(const forest& f) {
    std::vector<std::string> result;
    for (std::uint32_t i = 0; i < f.size(); ++i) result.emplace_back(f.name(node_index{i}));
    return result;
}

// As built from all declarations, whatever the changes were.
inline void expect_same(const forest& a, const forest& b) {
    ASSERT_TRUE(a.has_same_nodes(b));
    ASSERT_TRUE(b.has_same_nodes(a));
    ASSERT_EQ(a.size(), b.size());
    for (std::uint32_t i = 0; i < a.size(); ++i) {
        const node_index n{i};
        ASSERT_EQ(a.name(n), b.name(n));
        ASSERT_TRUE(std::ranges::equal(a.tags(n), b.tags(n))) << a.name(n);
        ASSERT_EQ(a.enabled(n), b.enabled(n)) << a.name(n);
        ASSERT_EQ(a.find(a.name(n)), n);
        ASSERT_TRUE(std::ranges::equal(a.parents(n), b.parents(n)));
        ASSERT_EQ(a.children(n), b.children(n));
        ASSERT_EQ(a.subtree_key(n), b.subtree_key(n));
        if (a.level_of(n) != a.innermost()) {
            ASSERT_EQ(a.chance(n), b.chance(n));
            ASSERT_EQ(a.blocks_begin(n), b.blocks_begin(n));
            ASSERT_EQ(a.blocks_end(n), b.blocks_end(n));
        }
    }
}

// But for the order.
inline void expect_alike(const forest& a, const forest& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::uint32_t i = 1; i < a.size(); ++i) {
        const node_index n{i};
        const auto other = b.find(a.name(n));
        ASSERT_TRUE(other) << a.name(n);
        ASSERT_EQ(a.parents(n).size(), b.parents(*other).size()) << a.name(n);
        for (std::size_t p = 0; p < a.parents(n).size(); ++p)
            ASSERT_EQ(a.name(a.parents(n)[p]), b.name(b.parents(*other)[p])) << a.name(n);
        ASSERT_EQ(a.enabled(n), b.enabled(*other)) << a.name(n);
        ASSERT_TRUE(std::ranges::equal(a.tags(n), b.tags(*other))) << a.name(n);
    }
}

// What both keep has the same name, level and parent; what is between the runs has not; and what is said of the rest is
// so.
inline void expect_true(const forest_change& change, const forest& before, const forest& after) {
    std::set<std::string> altered;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
        const auto to = change.kept(i);
        if (to == index_shift::none) continue;
        ASSERT_EQ(change.kept.back(to), i);
        const node_index old{i};
        const node_index now{to};
        ASSERT_EQ(before.name(old), after.name(now));
        ASSERT_EQ(before.level_of(old), after.level_of(now));
        ASSERT_EQ(before.parents(old).size(), after.parents(now).size());
        for (std::size_t p = 0; p < before.parents(old).size(); ++p)
            ASSERT_EQ(change.kept(before.parents(old)[p].value), after.parents(now)[p].value);
        if (partition_of(before, old, 3) != partition_of(after, now, 3)) {
            ASSERT_TRUE(moves_partitions(before, after, change, 3));
        }
        const bool is_altered =
            before.enabled(old) != after.enabled(now) || !std::ranges::equal(before.tags(old), after.tags(now));
        if (is_altered) {
            ASSERT_TRUE(std::ranges::count(change.altered, now)) << after.name(now);
        }
    }
    for (std::uint32_t i = 0; i < after.size(); ++i) {
        const node_index now{i};
        if (after.level_of(now) == after.innermost()) continue;
        const auto old = change.kept.back(i);
        std::vector<std::uint32_t> children;
        if (old != index_shift::none)
            for (const auto child : before.children(node_index{old})) children.push_back(change.kept(child.value));
        std::vector<std::uint32_t> children_now;
        for (const auto child : after.children(now)) children_now.push_back(child.value);
        const bool same = old != index_shift::none && children == children_now;
        ASSERT_EQ(std::ranges::count(change.regrouped, now), same ? 0 : 1) << after.name(now);
    }
    ASSERT_TRUE(std::ranges::is_sorted(change.regrouped));
    ASSERT_TRUE(std::ranges::is_sorted(change.altered));
}

}  // namespace bistro::test
