// CAF's connections over mutual TLS, in place of those of its own module: that one answers OpenSSL's errors of one
// connection for another, spins while a peer is silent in its handshake, and reads the certificates for each.
#pragma once

#include <caf/expected.hpp>
#include <caf/fwd.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/scribe.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "io/tls/tls_session.hpp"

namespace bistro {

/// Takes a socket over that is connected and does not block. Gives a connection whose handshake is done, or why there
/// is none. Blocks for no longer than the limit. Any thread.
caf::expected<caf::io::scribe_ptr> connect_tls(caf::io::network::default_multiplexer& multiplexer,
                                               const std::shared_ptr<const tls_context>& context,
                                               caf::io::network::native_socket socket, std::chrono::milliseconds limit);

/// Calls what it is given about once a second, in the multiplexer's thread, for as long as that says true.
using sweep_later = std::function<void(std::function<bool()>)>;

/// Accepts on that socket, which it takes over. A broker hears of a connection when its handshake is done. The log
/// tells of handshakes that failed; those in progress are bounded (model/strangers.hpp).
caf::io::doorman_ptr make_tls_doorman(caf::io::network::default_multiplexer& multiplexer,
                                      std::shared_ptr<const tls_context> context,
                                      caf::io::network::native_socket socket, sweep_later later);

/// Why the last handshake failed that this process began, in words for people.
std::string last_handshake_problem();

}  // namespace bistro
