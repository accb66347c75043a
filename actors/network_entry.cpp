#include "actors/network_entry.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <utility>

#include "actors/network.hpp"
#include "actors/program_log.hpp"
#include "actors/tls_transport.hpp"
#include "config/settings.hpp"
#include "io/connect.hpp"
#include "io/peer_user.hpp"

namespace bistro {

namespace {

// Without TLS, whoever can connect speaks CAF's protocol, in which any actor can be addressed: the secret only comes
// after that. So on the loopback, users of this host who could not do as this process does are not let in at all.
class loopback_doorman final : public caf::io::network::doorman_impl {
public:
    using doorman_impl::doorman_impl;

    bool new_connection() override {
        const auto socket = acceptor_.accepted_socket();
        if (peer_is_trusted(socket)) return doorman_impl::new_connection();
        caf::io::network::close_socket(socket);
        if (!std::exchange(told_, true))
            log_of(log_part::network)
                .warn(
                    "refused a connection of another user of this host: for others than its own and root, configure "
                    "mutual "
                    "TLS ([network.tls])");
        return true;
    }

private:
    bool told_ = false;
};

class network_entry final : public caf::io::middleman_actor_impl {
public:
    network_entry(caf::actor_config& config, caf::actor broker, caf::io::network::default_multiplexer& multiplexer,
                  std::shared_ptr<const tls_context> tls, sweep_later later, int end_of_process)
        : middleman_actor_impl{config, std::move(broker)},
          multiplexer_{multiplexer},
          tls_{std::move(tls)},
          later_{std::move(later)},
          end_of_process_{end_of_process} {}

protected:
    caf::expected<caf::io::scribe_ptr> connect(const std::string& host, std::uint16_t port) override {
        const auto socket = connected_socket(host, port, connect_timeout, end_of_process_);
        if (socket < 0) return caf::make_error(caf::sec::cannot_connect_to_node);
        if (tls_) return connect_tls(multiplexer_, tls_, socket, connect_timeout);
        return multiplexer_.new_scribe(socket);
    }

    caf::expected<caf::io::doorman_ptr> open(std::uint16_t port, const char* address, bool reuse) override {
        auto socket = caf::io::network::new_tcp_acceptor_impl(port, address, reuse);
        if (!socket) return std::move(socket.error());
        if (tls_) return make_tls_doorman(multiplexer_, tls_, *socket, later_);
        if (address && is_loopback({address, port}))
            return caf::io::doorman_ptr{caf::make_counted<loopback_doorman>(multiplexer_, *socket)};
        return multiplexer_.new_doorman(*socket);
    }

private:
    caf::io::network::default_multiplexer& multiplexer_;
    std::shared_ptr<const tls_context> tls_;
    sweep_later later_;
    int end_of_process_;
};

}  // namespace

caf::io::middleman_actor spawn_network_entry(caf::actor_system& system, const caf::actor& broker,
                                             caf::io::network::default_multiplexer& multiplexer,
                                             std::shared_ptr<const tls_context> tls, sweep_later later,
                                             int end_of_process) {
    return caf::actor_cast<caf::io::middleman_actor>(system.spawn<network_entry, caf::detached + caf::hidden>(
        broker, std::ref(multiplexer), std::move(tls), std::move(later), end_of_process));
}

}  // namespace bistro
