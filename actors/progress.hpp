// The actor that shows snapshots to people.
#pragma once

#include <memory>

#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "io/terminal/progress_view.hpp"

namespace bistro {

struct progress_state {
    std::shared_ptr<progress_view> view;

    static inline const char* name = "progress";
};

/// The rows of a snapshot, as they are shown.
std::vector<progress_row> progress_rows(const std::vector<job_progress>& jobs);

progress_actor::behavior_type progress_behavior(progress_actor::stateful_pointer<progress_state> self,
                                                std::shared_ptr<progress_view> view, runtime run);

}  // namespace bistro
