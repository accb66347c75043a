#include "model/event.hpp"

#include <array>

namespace bistro {

std::string_view to_string(event_kind kind) {
    static constexpr std::array<std::string_view, 11> names{
        "start",     "finish",           "lost",        "job_added", "job_changed", "job_removed", "nodes_changed",
        "worker_up", "worker_unhealthy", "worker_lost", "killed"};
    return names.at(static_cast<std::size_t>(kind));
}

}  // namespace bistro
