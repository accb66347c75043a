// What opens ports and connections, in place of CAF's actor for it.
#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <caf/io/middleman_actor.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <memory>

#include "actors/tls_transport.hpp"
#include "io/tls/tls_session.hpp"

namespace bistro {

/// When `end_of_process` can be read, no connection is waited for any more. With a context, ports and connections are
/// of mutual TLS. Without, ports on the loopback refuse other users of the host than this process's own and root. It
/// has a thread of its own, since connecting blocks.
caf::io::middleman_actor spawn_network_entry(caf::actor_system& system, const caf::actor& broker,
                                             caf::io::network::default_multiplexer& multiplexer,
                                             std::shared_ptr<const tls_context> tls, sweep_later later,
                                             int end_of_process);

}  // namespace bistro
