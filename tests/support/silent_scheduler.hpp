// A scheduler that says yes to everything and does nothing.
#pragma once

#include <caf/all.hpp>

#include "actors/protocol/interfaces.hpp"

namespace bistro {

inline scheduler_actor::behavior_type silent_scheduler(scheduler_actor::pointer, const welcome& answer) {
    return {[answer](const hello&) { return answer; },
            [](const heartbeat& m) { return m; },
            [](const goodbye&) {},
            [](const worker_leaves&) {},
            [](const config_changed&) {},
            [](const nodes_changed&) {},
            [](const job_progress&) {},
            [](const pool_stalled&) {},
            [](const slots_wanted&) {},
            [](const deal_due&) {},
            [](const store_health&) {},
            [](const wake_due&) {},
            [](const problem&) {},
            [](const await_quiescence&) { return run_finished{}; },
            [](const stop_scheduler&) { return stopped{}; },
            [](const stop_overdue&) {},
            [](const wait_overdue&) {},
            [](const jobs_asked&) { return jobs_answer{}; },
            [](const tasks_asked&) { return tasks_answer{}; },
            [](const logs_asked&) { return logs_answer{}; },
            [](const control_asked&) { return control_answer{}; },
            [](const explain_asked&) { return explanation{}; },
            [](const details_asked&) { return job_details{}; },
            [](const nodes_asked&) { return nodes_answer{}; },
            [](const console_asked&) { return console_answer{}; },
            [](const watcher_here&) {},
            [](const wait_asked&) { return wait_answer{}; },
            [](const view_asked&) { return scheduler_view{}; },
            [](const histograms_asked&) { return histograms_answer{}; }};
}

}  // namespace bistro
