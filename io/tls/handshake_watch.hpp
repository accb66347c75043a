// What becomes of TLS handshakes, which CAF keeps to itself.
#pragma once

#include <string>

namespace bistro {

/// From now on, the log tells of each peer that this process accepted and whose handshake failed, with the reason (at
/// most one line for a peer in a while).
void log_failed_handshakes();

/// Why the last handshake failed that this process began, in words for people.
std::string last_handshake_problem();

}  // namespace bistro
