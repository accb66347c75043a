// Publishing the gateway and finding it: loopback, or mutual TLS.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <functional>
#include <optional>
#include <string>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "config/settings.hpp"
#include "io/address_file.hpp"
#include "io/io_loop.hpp"

namespace bistro {

/// The settings of CAF for a live process.
class system_config : public caf::actor_system_config {
public:
    /// Throws io_error where the files of TLS are not good.
    explicit system_config(const std::optional<tls_settings>& tls);
    /// Lets actors run on that loop. It must outlive the system.
    void run_on(io_loop& loop);
};

/// Whether a process may listen there at all: loopback, or with mutual TLS, or told to be insecure. An empty string,
/// or why not and what to do.
std::string listen_problem(const endpoint& where, const std::optional<tls_settings>& tls, bool insecure);

/// The same of HTTP: loopback, or with tokens and TLS, or told to be insecure.
std::string http_problem(const std::optional<http_settings>& http, bool insecure);

/// The port that was bound, or what is wrong.
struct publish_result {
    std::uint16_t port = 0;
    std::string error;
};
/// On the loopback without TLS, connections of other users of the host are refused.
publish_result publish_gateway(caf::actor_system& system, const gateway_actor& gateway, const std::string& secret,
                               const endpoint& where);

/// Where to look for a gateway; asked anew before each try, since a scheduler may move.
using address_finder = std::function<std::optional<scheduler_address>()>;

struct connector_state {
    address_finder find;
    bool with_tls = false;
    caf::strong_actor_ptr client;  ///< a worker_actor
    int failures = 0;
    std::optional<caf::actor_clock::time_point> found_at;
    bool searching = false;
    bool ever_found = false;
    std::string last_problem;  ///< with the version of the scheduler, as told last

    static inline const char* name = "connector";
};
void describe(const connector_state& s, description& d);

/// A try to connect is given up after this time: a silent peer would hold it for ever.
inline constexpr std::chrono::seconds connect_timeout{5};
/// Waits between tries grow from the first to the second.
inline constexpr std::chrono::milliseconds first_reconnect_wait{100};
inline constexpr std::chrono::milliseconds longest_reconnect_wait{3000};
/// A connection that ends earlier counts as one that failed.
inline constexpr std::chrono::seconds shortest_connection{5};

connector_actor::behavior_type connector_behavior(connector_actor::stateful_pointer<connector_state> self,
                                                  address_finder find, bool with_tls);

/// Connects once, from outside any actor. The gateway, or what is wrong.
struct connect_result {
    gateway_actor gateway;
    std::string error;
    bool nobody = false;  ///< nothing listens there
};
connect_result connect_once(caf::actor_system& system, const scheduler_address& address, bool with_tls);

}  // namespace bistro
