// A job as the engine keeps it. For the engine's own sources only.
#pragma once

#include "model/engine/engine.hpp"

namespace bistro {

/// Identifies a task among all: a job's name has no NUL, so this is unique.
inline std::string task_key(const job_id& job, std::string_view node) {
    std::string key = job.value;
    key += '\0';
    key += node;
    return key;
}

struct engine::job_entry {
    job_spec spec;
    std::optional<level_index> level;  // nothing: the forest has no such level
    pending_tree tree;
    std::vector<std::vector<std::int64_t>> demand;  // by forest level, down to the job's own
    std::vector<std::int64_t> worker_demand;
    std::shared_ptr<const demand_by_level> demand_names;
    std::uint64_t unfinished = 0;
    std::uint64_t last_served = 0;
    std::vector<std::vector<std::int64_t>> used;  // in all, by forest level; the workers come last
};

}  // namespace bistro
