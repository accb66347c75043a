// Random declarations of nodes, and random changes of them.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/forest.hpp"
#include "model/policies/policy.hpp"

namespace bistro::test {

/// Up to so many nodes for each level below the instance, and for the innermost.
inline std::vector<node_decl> draw_declarations(random_source& random, const std::vector<std::string>& levels,
                                                std::size_t most, std::size_t most_innermost, bool with_replicas) {
    std::vector<node_decl> declarations;
    std::vector<std::string> above;
    for (const auto& level : levels) {
        std::vector<std::string> here;
        const auto count = random() % ((level == levels.back() ? most_innermost : most) + 1);
        for (std::size_t i = 0; i < count; ++i) {
            node_decl d;
            d.name = level + "_" + std::to_string(i);
            d.level = level;
            const auto parents = with_replicas ? 1 + random() % 2 : 1;
            for (std::size_t p = 0; !above.empty() && p < parents; ++p)
                d.parents.push_back(above[random() % above.size()]);
            d.enabled = random() % 8 != 0;
            if (random() % 3 == 0) d.tags.push_back("ssd");
            if (level != levels.front() && above.empty()) continue;
            here.push_back(d.name);
            declarations.push_back(d);
        }
        above = here;
    }
    return declarations;
}

/// A change, what is declared after it, in the order that it makes, and who is gone or elsewhere.
struct revision {
    node_changes changes;
    std::vector<node_decl> declared;
    std::set<std::string> gone;
};

/// Some nodes go, with all below them; some of these come back, maybe elsewhere; some are new, and some of those that
/// stay are enabled or disabled, or have other tags.
inline revision revise(random_source& random, const std::vector<std::string>& levels,
                       const std::vector<node_decl>& before, bool with_replicas) {
    revision r;
    std::vector<node_decl> may_return;
    const auto often = 2 + random() % 8;
    for (const auto& level : levels)
        for (const auto& d : before) {
            const bool below = std::ranges::any_of(d.parents, [&](const auto& p) { return r.gone.contains(p); });
            if (d.level != level || (!below && random() % (3 * often) != 0)) continue;
            if (!below || random() % 3 == 0) r.changes.removed.push_back(d.name);
            r.gone.insert(d.name);
            may_return.push_back(d);
        }
    for (const auto& d : before) {
        if (r.gone.contains(d.name)) continue;
        r.declared.push_back(d);
        if (random() % often != 0) continue;
        auto& altered = r.declared.back();
        if (random() % 2 == 0) altered.enabled = !altered.enabled;
        if (random() % 2 == 0)
            altered.tags = altered.tags.empty() ? std::vector<std::string>{"ssd"} : std::vector<std::string>{};
        r.changes.altered.push_back(altered);
    }
    for (std::size_t l = 0; l < levels.size(); ++l) {
        std::vector<std::string> parents;
        for (const auto& d : r.declared)
            if (l > 0 && d.level == levels[l - 1]) parents.push_back(d.name);
        if (l > 0 && parents.empty()) break;
        const auto add = [&](node_decl d) {
            d.parents.clear();
            const auto count = with_replicas ? 1 + random() % 2 : 1;
            for (std::size_t p = 0; l > 0 && p < count; ++p) d.parents.push_back(parents[random() % parents.size()]);
            r.changes.added.push_back(d);
            r.declared.push_back(std::move(d));
        };
        for (const auto& d : may_return)
            if (d.level == levels[l] && random() % 2 == 0) add(d);
        for (auto count = random() % 3; count > 0; --count) {
            node_decl d;
            d.name = levels[l] + "_" + std::to_string(random() % 12);  // which may have gone before, or be there
            d.level = levels[l];
            d.enabled = random() % 8 != 0;
            if (random() % 4 == 0) d.tags.push_back("new");
            const bool taken = std::any_of(r.declared.begin(), r.declared.end(),
                                           [&](const auto& other) { return other.name == d.name; });
            if (!taken) add(d);
        }
    }
    return r;
}

}  // namespace bistro::test
