// What may come in from the network, before any actor sees it. CAF's protocol lets whoever can connect address any
// actor, announce messages of any length, and speak for others. Here a peer reaches the gateway alone, with the
// questions that are meant for it, until it has told the cluster's secret: in one of those, or in `secret_told`.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/fwd.hpp>
#include <caf/io/middleman_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/tls/tls_session.hpp"

namespace bistro {

/// A peer that announces more ends its connection.
inline constexpr std::uint32_t max_message_bytes = 1U << 30;
/// The same of peers that have not told the secret, and of the greetings of all.
inline constexpr std::uint32_t max_stranger_message_bytes = 64U << 10;
inline constexpr std::uint32_t max_handshake_bytes = 1U << 10;
/// So many messages a stranger may send; signs of life count.
inline constexpr std::size_t max_stranger_messages = 100;

/// CAF's network with this project's rules, a module for CAF's config. A peer is who connected to this process; whom it
/// connected to itself is trusted, and held to the lengths only. How many are strangers at a time, and for how long, is
/// bounded (model/strangers.hpp).
class network_door {
public:
    /// With a context, all connections are of mutual TLS.
    static caf::actor_system::module* make(caf::actor_system& system, std::shared_ptr<const tls_context> tls);

    /// What opens ports and connections there, in place of CAF's own.
    static caf::io::middleman_actor entry(caf::actor_system& system);

    struct peer {
        std::string address;  ///< with its port
        std::string node;     ///< CAF's name of its process; empty: it has not said
        bool outgoing = false;
        bool trusted = false;  ///< it has told the secret, or was connected to
        std::size_t unsent_bytes = 0;
    };
    /// Those that are connected. Empty where the network's thread does not answer within a second.
    static std::vector<peer> peers(caf::actor_system& system);

    /// Lets strangers send to that actor, and to no other, and whoever tells that secret send to all.
    static void open(caf::actor_system& system, caf::actor_id gateway, const std::string& secret);
};

}  // namespace bistro
