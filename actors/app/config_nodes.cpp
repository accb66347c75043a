#include "actors/app/config_nodes.hpp"

#include <caf/all.hpp>
#include <future>

#include "actors/network.hpp"
#include "actors/nodes.hpp"

namespace bistro {

namespace {

// Stands in for the scheduler of the nodes actor: takes the first forest.
scheduler_actor::behavior_type forest_receiver(scheduler_actor::pointer self,
                                               std::shared_ptr<std::promise<nodes_changed>> promise) {
    auto refuse = [] { return caf::make_error(caf::sec::unexpected_message); };
    return {
        [=](const hello&) -> caf::result<welcome> { return refuse(); },
        [=](const heartbeat& m) { return m; },
        [=](const goodbye&) {},
        [=](const worker_leaves&) {},
        [=](const config_changed&) {},
        [=](const nodes_changed& m) {
            promise->set_value(m);
            self->quit();
        },
        [=](const job_progress&) {},
        [=](const pool_stalled&) {},
        [=](const store_health&) {},
        [=](const wake_due&) {},
        [=](const problem&) {},
        [=](const await_quiescence&) -> caf::result<run_finished> { return refuse(); },
        [=](const stop_scheduler&) -> caf::result<stopped> { return refuse(); },
        [=](const jobs_asked&) -> caf::result<jobs_answer> { return refuse(); },
        [=](const tasks_asked&) -> caf::result<tasks_answer> { return refuse(); },
        [=](const logs_asked&) -> caf::result<logs_answer> { return refuse(); },
        [=](const control_asked&) -> caf::result<control_answer> { return refuse(); },
    };
}

}  // namespace

config_nodes fetch_nodes(const settings& config) {
    io_loop loop;
    auto launcher = make_process_launcher(loop);
    system_config system_settings{std::nullopt};
    caf::actor_system system{system_settings};
    auto promise = std::make_shared<std::promise<nodes_changed>>();
    auto future = promise->get_future();
    auto receiver = system.spawn(forest_receiver, promise);
    auto nodes = system.spawn(nodes_behavior, caf::actor_cast<caf::strong_actor_ptr>(receiver),
                              source_tools{launcher.get(), &loop});
    caf::anon_send(nodes, config_changed{std::make_shared<const settings>(config)});
    auto m = future.get();
    caf::anon_send_exit(nodes, caf::exit_reason::user_shutdown);
    return {m.nodes, m.problems, false, m.first_fetch_failed};
}

config_nodes nodes_from_config(const settings& config) {
    auto without_scripts = config;
    const auto scripts =
        std::erase_if(without_scripts.sources, [](const auto& s) { return s.kind == source_kind::script; });
    auto result = fetch_nodes(without_scripts);
    result.incomplete = scripts > 0;
    // What hangs below a script's nodes can't be judged without them.
    if (result.incomplete) result.problems.clear();
    return result;
}

}  // namespace bistro
