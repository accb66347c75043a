// Any bytes as the output of a script that lists nodes.
#include "config/settings.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace bistro {

FUZZ(text) {
    const std::vector<std::string> levels{"host", "db", "shard"};
    for (const bool first_is_implied : {true, false}) {
        diagnostics problems;
        const auto nodes = nodes_of_lines(text, levels, 0, first_is_implied, "f", problems);
        const auto built = build_forest(levels, nodes);
        must(built.nodes->size() <= nodes.size() + 1, "no node comes from nowhere");
        for (const auto& d : nodes)
            must(d.at.line > 0 && node_name_problem(d.name).empty(), "a good name, and its line");
        for (const auto& p : built.problems) must(p.declaration < nodes.size(), "a problem is one of a declaration");
    }
}

}  // namespace bistro
