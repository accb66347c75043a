// CAF's connections over mutual TLS, in place of those of its own module: that one answers OpenSSL's errors of one
// connection for another, spins while a peer is silent in its handshake, and reads the certificates for each.
#pragma once

#include <caf/expected.hpp>
#include <caf/fwd.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/scribe.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "io/tls/tls_session.hpp"

namespace bistro {

/// A connection whose handshake is done, or why there is none. Blocks, for no longer than the limit plus what the
/// system takes to connect. Any thread.
caf::expected<caf::io::scribe_ptr> connect_tls(caf::io::network::default_multiplexer& multiplexer,
                                               const std::shared_ptr<const tls_context>& context,
                                               const std::string& host, std::uint16_t port,
                                               std::chrono::milliseconds limit);

/// Accepts on that socket, which it takes over. A broker hears of a connection when its handshake is done. The log
/// tells of handshakes that failed; those in progress are bounded (model/strangers.hpp).
caf::io::doorman_ptr make_tls_doorman(caf::io::network::default_multiplexer& multiplexer,
                                      std::shared_ptr<const tls_context> context,
                                      caf::io::network::native_socket socket);

/// Why the last handshake failed that this process began, in words for people.
std::string last_handshake_problem();

}  // namespace bistro
