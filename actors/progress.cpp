#include "actors/progress.hpp"

#include <caf/all.hpp>

namespace bistro {

std::vector<progress_row> progress_rows(const std::vector<job_progress>& jobs) {
    std::vector<progress_row> rows;
    for (const auto& job : jobs) rows.push_back({job.job.value, job.counts});
    return rows;
}

progress_actor::behavior_type progress_behavior(progress_actor::stateful_pointer<progress_state> self,
                                                std::shared_ptr<progress_view> view, runtime run) {
    self->state.view = std::move(view);
    return {
        [=](const progress_snapshot& m) { self->state.view->show(progress_rows(m.jobs), run.now()); },
    };
}

}  // namespace bistro
