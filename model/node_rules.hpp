// What a declaration must be to become a node. Whoever makes a forest of declarations, or finds out how one has
// changed, goes through them level by level from the outermost on, and within a level in the order of their
// declaration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/forest.hpp"

namespace bistro {

// Each gives a sentence that names the node, or an empty string where all is well. `levels` are those of a forest, the
// instance first.

/// What is wrong with a declaration whatever else is declared.
std::string problem_by_itself(const node_decl& d, const std::vector<std::string>& levels);
/// Of one that names no parent.
std::string problem_without_parent(const node_decl& d, std::size_t level, const std::vector<std::string>& levels);
/// Of one of its parents, which is a node of that level, or none that is further out or beside.
std::string problem_of_parent(const node_decl& d, std::string_view parent, std::size_t level,
                              const std::vector<std::string>& levels, std::optional<std::size_t> level_of_parent);
/// Of one whose name another node has, of the same level or further out.
std::string problem_of_second(const node_decl& d);

}  // namespace bistro
