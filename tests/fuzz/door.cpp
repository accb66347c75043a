// Frames of CAF's protocol, as a stranger may send them to a live port. The process must live, and answer the one who
// has the secret after each of them.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <cstring>
#include <string>

#include "actors/gateway.hpp"
#include "actors/guarded_spawn.hpp"
#include "actors/network.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/silent_scheduler.hpp"

namespace bistro {

namespace {

constexpr std::size_t header_bytes = 32;
constexpr std::size_t first_of_length = 4;
constexpr std::size_t first_of_receiver = 24;
constexpr int patience_s = 20;

// It lives as long as the program.
struct target {
    target() {
        auto& config = *new system_config{std::nullopt};
        system = new caf::actor_system{config};
        const auto run = live_runtime();
        const auto scheduler = system->spawn(silent_scheduler, welcome{});
        gateway = spawn_guarded(*system, run, gateway_behavior, std::string{"secret"}, std::uint64_t{1}, scheduler);
        const auto published = publish_gateway(*system, gateway, "secret", {"127.0.0.1", 0});
        must(published.port != 0, "a port");
        address.sin_family = AF_INET;
        address.sin_port = htons(published.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }

    caf::actor_system* system;
    gateway_actor gateway;
    sockaddr_in address{};
};

// Reads `n` bytes, or what comes before the end.
std::string read_bytes(int socket, std::size_t n) {
    std::string bytes(n, '\0');
    std::size_t have = 0;
    while (have < n) {
        const auto got = ::recv(socket, bytes.data() + have, n - have, 0);
        if (got < 0 && errno == EINTR) continue;  // the fuzzer's timer
        must(got >= 0 || errno != EAGAIN, "an end in time");
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

int connected_socket(const target& t) {
    for (;;) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(socket, reinterpret_cast<const sockaddr*>(&t.address), sizeof t.address) == 0) return socket;
        must(errno == EINTR, "somebody listens");  // else by the fuzzer's timer
        ::close(socket);
    }
}

int connect_to(const target& t) {
    const int socket = connected_socket(t);
    const timeval patience{patience_s, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // Its end is a reset, so that ports do not linger.
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const auto header = read_bytes(socket, header_bytes);
    must(header.size() == header_bytes, "a greeting");
    std::uint32_t length = 0;
    std::memcpy(&length, header.data() + first_of_length, sizeof length);
    read_bytes(socket, ntohl(length));
    return socket;
}

// Of the text: what operation, with which flags, to whom (the gateway, nobody, or an actor of CAF), and how much of the
// text is its payload. The length that is announced is mostly true.
std::string frames_of(std::string_view text, caf::actor_id gateway) {
    std::string sent;
    constexpr std::size_t command_bytes = 5;
    while (text.size() >= command_bytes) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const auto payload = text.substr(command_bytes, byte(3) + 16U * byte(4));
        std::array<char, header_bytes> header{};
        header[0] = static_cast<char>(byte(0) % 8);
        header[3] = static_cast<char>(byte(1) % 4);
        const auto announced =
            htonl(static_cast<std::uint32_t>(payload.size() + (byte(0) >= 250 ? byte(1) * 4096U : 0)));
        std::memcpy(header.data() + first_of_length, &announced, sizeof announced);
        const std::uint64_t receiver = byte(2) % 4 == 0 ? byte(2) / 4 : gateway;
        for (std::size_t i = 0; i < sizeof receiver; ++i)
            header[first_of_receiver + i] = static_cast<char>(receiver >> (8 * (sizeof receiver - 1 - i)));
        sent.append(header.data(), header.size());
        sent.append(payload);
        text.remove_prefix(command_bytes + payload.size());
    }
    return sent;
}

}  // namespace

FUZZ(text) {
    static const target& t = *new target;
    const auto sent = frames_of(text, t.gateway.id());
    const int stranger = connect_to(t);
    for (std::size_t at = 0; at < sent.size();) {
        const auto wrote = ::send(stranger, sent.data() + at, sent.size() - at, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        at += static_cast<std::size_t>(wrote);
    }
    ::shutdown(stranger, SHUT_WR);
    while (!read_bytes(stranger, 1000).empty()) {
    }
    ::close(stranger);
    caf::scoped_actor self{*t.system};
    self->request(t.gateway, std::chrono::seconds{patience_s}, jobs_asked{"secret"})
        .receive([](const jobs_answer&) {}, [](const caf::error&) { must(false, "an answer to who has the secret"); });
}

}  // namespace bistro
