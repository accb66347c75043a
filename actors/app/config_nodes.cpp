#include "actors/app/config_nodes.hpp"

#include <caf/all.hpp>
#include <future>

#include "actors/network.hpp"
#include "actors/nodes.hpp"

namespace bistro {

namespace {

// Takes the first forest.
nodes_listener::behavior_type forest_receiver(nodes_listener::pointer self,
                                              std::shared_ptr<std::promise<nodes_changed>> promise) {
    return {[=](const nodes_changed& m) {
        promise->set_value(m);
        self->quit();
    }};
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
