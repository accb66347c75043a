// The actor of the forest: merges what the sources have, and publishes a new forest when that changed.
#pragma once

#include "actors/console/description.hpp"
#include "actors/node_source.hpp"

namespace bistro {

struct nodes_state {
    struct source {
        source_settings settings;
        node_source_actor actor;
        std::vector<node_decl> nodes;
        diagnostics problems;
        std::vector<std::string> parents;  ///< those it was asked to fetch below
        std::uint64_t outstanding = 0;     ///< the request that it has not answered; 0: none
        bool asked = false;
        bool ever_good = false;
    };

    std::shared_ptr<const settings> config;
    caf::strong_actor_ptr listener;  ///< a nodes_listener
    source_tools tools;
    std::vector<source> sources;
    forest_ptr forest;
    bool is_published = false;                ///< that forest is of the declarations of now
    std::vector<node_problem> node_problems;  ///< of that forest
    std::size_t more_node_problems = 0;
    std::uint64_t version = 0;
    std::uint64_t requests = 0;

    static inline const char* name = "nodes";
};
void describe(const nodes_state& s, description& d);

nodes_actor::behavior_type nodes_behavior(nodes_actor::stateful_pointer<nodes_state> self,
                                          caf::strong_actor_ptr listener, source_tools tools);

}  // namespace bistro
