// Spawns actors that a peer can address so that it can't end them. CAF lets a peer send exit messages, with any sender,
// and ends an actor for a reason like "kill" before its handler is asked; so they must not come in at all.
#pragma once

#include <caf/all.hpp>
#include <utility>

#include "actors/runtime.hpp"

namespace bistro {

/// Takes exit messages only when the process is about to end its actors.
template <class Actor>
class guarded : public Actor {
public:
    guarded(caf::actor_config& config, std::shared_ptr<std::atomic<bool>> ending)
        : Actor{config}, ending_{std::move(ending)} {
        // CAF's own handler writes each message that nobody takes to the standard error output, in full.
        this->set_default_handler(caf::drop);
    }

    using Actor::enqueue;
    void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
        if (ending_ && !*ending_ && message->content().template match_elements<caf::exit_msg>()) return;
        Actor::enqueue(std::move(message), unit);
    }

private:
    std::shared_ptr<std::atomic<bool>> ending_;
};

/// As spawn(behavior, arguments...) of a system.
template <class F, class... Ts>
auto spawn_guarded(caf::actor_system& system, const runtime& run, F behavior, Ts&&... arguments) {
    using actor_type = caf::infer_impl_from_fun_t<F>;
    caf::actor_config config;
    caf::detail::init_fun_factory<actor_type, F> factory;
    config.init_fun = factory(std::move(behavior), std::forward<Ts>(arguments)...);
    return system.spawn_class<guarded<actor_type>, caf::no_spawn_options>(config, run.ending);
}

}  // namespace bistro
