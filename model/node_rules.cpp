#include "model/node_rules.hpp"

#include <algorithm>

#include "model/text.hpp"

namespace bistro {

namespace {

std::string node_of_level(const node_decl& d) { return "node " + quote(d.name) + " of level " + quote(d.level); }

}  // namespace

std::string problem_by_itself(const node_decl& d, const std::vector<std::string>& levels) {
    if (auto problem = node_name_problem(d.name); !problem.empty()) return problem;
    if (std::find(levels.begin() + 1, levels.end(), d.level) == levels.end())
        return "node " + quote(d.name) + " is of level " + quote(d.level) + ", which does not exist";
    return {};
}

std::string problem_without_parent(const node_decl& d, std::size_t level, const std::vector<std::string>& levels) {
    if (level == 1) return {};
    return node_of_level(d) + " has no parent; it needs one of level " + quote(levels[level - 1]);
}

std::string problem_of_parent(const node_decl& d, std::string_view parent, std::size_t level,
                              const std::vector<std::string>& levels, std::optional<std::size_t> level_of_parent) {
    if (level_of_parent && *level_of_parent + 1 == level) return {};
    // Whether one further in will be a node is not known yet.
    if (level_of_parent && *level_of_parent < level)
        return node_of_level(d) + " names the parent " + quote(parent) + " of level " +
               quote(levels[*level_of_parent]) + "; a parent is one level up";
    return node_of_level(d) + " names the parent " + quote(parent) + ", which does not exist at level " +
           quote(levels[level - 1]);
}

std::string problem_of_second(const node_decl& d) {
    return "node " + quote(d.name) + " is declared more than once; names are unique in the whole forest";
}

}  // namespace bistro
