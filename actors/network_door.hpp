// What may come in from the network, before any actor sees it. CAF's protocol lets whoever can connect address any
// actor and announce messages of any length; here a peer reaches the gateway alone until it has told that the cluster's
// secret.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/fwd.hpp>
#include <caf/io/middleman.hpp>
#include <cstdint>
#include <memory>

namespace bistro {

/// A peer that is larger ends its connection. What this project sends is far below: it sends in batches of bounded
/// size.
inline constexpr std::uint32_t max_message_bytes = 64 << 20;
/// The same of peers that have not told the secret.
inline constexpr std::uint32_t max_stranger_message_bytes = 1 << 20;

/// Loads CAF's network with this project's rules: as load<caf::io::middleman>() of CAF's config otherwise.
/// A peer is who connected to this process; whom it connected to itself is trusted, and held to the lengths only.
class network_door {
public:
    static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);

    /// Lets strangers send to that actor, and to no other.
    static void open(caf::actor_system& system, caf::actor_id gateway);
    /// Who knows the secret may send to all, until its connection ends. Without a network, does nothing.
    static void admit(caf::actor_system& system, const caf::node_id& peer);
};

}  // namespace bistro
