#include "io/peer_user.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace bistro {

namespace {

// As /proc/net/tcp writes it: words of the address in the byte order of the host, then the port.
std::string listed(const sockaddr_storage& address) {
    std::string text;
    char word_text[16];
    const auto add = [&](const void* bytes, std::size_t size) {
        for (std::size_t i = 0; i < size; i += 4) {
            std::uint32_t word = 0;
            std::memcpy(&word, static_cast<const char*>(bytes) + i, sizeof word);
            std::snprintf(word_text, sizeof word_text, "%08X", word);
            text += word_text;
        }
    };
    in_port_t port = 0;
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        add(&v4.sin_addr, sizeof v4.sin_addr);
        port = v4.sin_port;
    } else if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        add(&v6.sin6_addr, sizeof v6.sin6_addr);
        port = v6.sin6_port;
    }
    std::snprintf(word_text, sizeof word_text, ":%04X", ntohs(port));
    return text + word_text;
}

}  // namespace

std::optional<uid_t> user_of_peer(int socket) {
    sockaddr_storage peer{};
    sockaddr_storage own{};
    socklen_t peer_size = sizeof peer;
    socklen_t own_size = sizeof own;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &own_size) != 0)
        return std::nullopt;
    const auto from = listed(peer);
    const auto to = listed(own);
    // A socket that speaks IPv6 may be in touch with one that speaks IPv4: that is listed as what it is.
    std::ifstream list{peer.ss_family == AF_INET ? "/proc/self/net/tcp" : "/proc/self/net/tcp6"};
    for (std::string line; std::getline(list, line);) {
        if (line.find(from) == std::string::npos) continue;
        std::istringstream fields{line};
        std::string number, local, remote, state, queues, timer, retransmits;
        uid_t user = 0;
        if (fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user && local == from &&
            remote == to)
            return user;
    }
    return std::nullopt;
}

bool peer_is_trusted(int socket) {
    const auto user = user_of_peer(socket);
    return user && (*user == ::geteuid() || *user == 0);
}

}  // namespace bistro
