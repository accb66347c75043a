// The actor of one configured source of nodes: fetches them when its parents change and on its own period. A fetch
// that fails or hangs is tried again, then reported; the nodes of the last good one stay.
#pragma once

#include <map>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "io/io_loop.hpp"
#include "io/process/process_launcher.hpp"

namespace bistro {

/// What sources read the outside with. Both live longer than the actors.
struct source_tools {
    process_launcher* launcher = nullptr;
    io_loop* loop = nullptr;
    /// The actor of the forest and those of its sources have threads of their own: to make millions of nodes takes
    /// seconds, in which others should not wait.
    bool own_threads = false;
};

struct source_state {
    source_settings source;
    std::size_t index = 0;
    std::vector<std::string> levels;
    caf::strong_actor_ptr nodes;  ///< a nodes_actor
    source_tools tools;
    std::vector<std::string> parents;
    std::uint64_t request = 0;    ///< to be answered
    std::uint64_t attempt = 0;    ///< fences off what an earlier one still brings
    std::int64_t failures = 0;    ///< in a row
    std::size_t outstanding = 0;  ///< reads under way
    std::size_t next_parent = 0;  ///< whose script runs next
    bool fetching = false;
    std::map<std::string, std::string> texts;  ///< by parent
    diagnostics problems;
    std::vector<process_id> processes;
    std::uint64_t wake_generation = 0;

    static inline const char* name = "node_source";
};
void describe(const source_state& s, description& d);
std::string label_of(const source_state& s);

/// At most this many bytes are taken from a file or a script.
inline constexpr std::size_t max_source_bytes = std::size_t{1} << 30;
/// What the declarations of a source stand in: the config, its file, or the output of its script.
std::string text_of(const source_settings& source, const std::string& config_file);
/// At most this many scripts of one source run at once.
inline constexpr std::size_t max_scripts_at_once = 8;

node_source_actor::behavior_type node_source_behavior(node_source_actor::stateful_pointer<source_state> self,
                                                      source_settings source, std::size_t index,
                                                      std::vector<std::string> levels, caf::strong_actor_ptr nodes,
                                                      source_tools tools);

}  // namespace bistro
