// A job as the engine keeps it. For the engine's own sources only.
#pragma once

#include "model/engine/engine.hpp"

namespace bistro {

struct engine::job_entry {
    job_spec spec;
    bool erased = false;               // kept for the running tasks that refer to it
    std::optional<level_index> level;  // nothing: the forest has no such level
    pending_tree tree;
    std::uint32_t demand = none;
    const std::vector<std::int64_t>* asks = nullptr;  // of that demand, by forest level
    std::uint32_t job_class = none;                   // of classes_
    job_queue::place place = job_queue::none;
    std::uint64_t unfinished = 0;
    std::uint64_t last_served = 0;
    std::size_t held = 0;
    std::size_t host_waits = 0;      // of it among waiting_for_host_
    std::vector<node_index> offers;  // places that it may take now, and some that have gone to others since
    bool in_with_offers = false;     // of its class
    std::vector<std::vector<std::int64_t>> used;  // in all, by forest level; the workers come last

    [[nodiscard]] bool wants_host() const { return spec.host_placement || spec.level_for_host_placement; }
};

}  // namespace bistro
