// Whose process is at the other end of a connection within this host?
#pragma once

#include <sys/types.h>

#include <optional>

namespace bistro {

/// The user that owns the socket at the other end of a TCP connection, as the kernel lists it; nothing where that is
/// not of this host, or gone.
std::optional<uid_t> user_of_peer(int socket);

/// True where that is the user of this process, or root: whoever else could as well do as this process does.
bool peer_is_trusted(int socket);

}  // namespace bistro
