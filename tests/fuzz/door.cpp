// Frames of CAF's protocol, as a stranger may send them to a live port. The process must live, and now and then is
// asked whether it still lets in who has the secret.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <caf/all.hpp>
#include <cstring>
#include <string>

#include "actors/console/observed.hpp"
#include "actors/gateway.hpp"
#include "actors/network.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/silent_scheduler.hpp"

namespace bistro {

namespace {

constexpr std::size_t header_bytes = 32;
constexpr std::size_t first_of_length = 4;
constexpr std::size_t first_of_request = 8;
constexpr std::size_t first_of_sender = 16;
constexpr std::size_t first_of_receiver = 24;
constexpr std::uint64_t first_request = 0x1000000000000001;
constexpr int patience_s = 20;

// It lives as long as the program.
struct target {
    target() {
        auto& config = *new system_config{std::nullopt};
        system = new caf::actor_system{config};
        const auto run = live_runtime();
        const auto scheduler = system->spawn(silent_scheduler, welcome{});
        gateway = spawn_guarded(*system, run, gateway_behavior, std::string{"secret"}, std::uint64_t{1}, scheduler,
                                console_actor{});
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

std::size_t length_in(const std::string& header) {
    std::uint32_t length = 0;
    std::memcpy(&length, header.data() + first_of_length, sizeof length);
    return ntohl(length);
}

int connected_socket(const target& t) {
    for (;;) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(socket, reinterpret_cast<const sockaddr*>(&t.address), sizeof t.address) == 0) return socket;
        must(errno == EINTR, "somebody listens");  // else by the fuzzer's timer
        ::close(socket);
    }
}

struct connection {
    int socket = -1;
    std::string greeting;
};

connection connect_to(const target& t) {
    connection c{connected_socket(t), {}};
    const timeval patience{patience_s, 0};
    ::setsockopt(c.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // Its end is a reset, so that ports do not linger.
    const linger at_once{1, 0};
    ::setsockopt(c.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const auto header = read_bytes(c.socket, header_bytes);
    must(header.size() == header_bytes, "a greeting");
    c.greeting = read_bytes(c.socket, length_in(header));
    return c;
}

void send_all(int socket, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
        const auto wrote = ::send(socket, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        at += static_cast<std::size_t>(wrote);
    }
}

struct frame {
    unsigned char operation = 0;
    unsigned char flags = 0;
    std::size_t announced = 0;
    std::uint64_t request = 0;
    std::uint64_t sender = 0;
    std::uint64_t receiver = 0;
};

std::string header_of(const frame& f) {
    std::string header(header_bytes, '\0');
    header[0] = static_cast<char>(f.operation);
    header[3] = static_cast<char>(f.flags);
    const auto put = [&](std::size_t at, std::uint64_t number, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) header[at + i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
    };
    put(first_of_length, f.announced, sizeof(std::uint32_t));
    put(first_of_request, f.request, sizeof f.request);
    put(first_of_sender, f.sender, sizeof f.sender);
    put(first_of_receiver, f.receiver, sizeof f.receiver);
    return header;
}

// Of the text: what operation, with which flags, to whom (the gateway, nobody, or an actor of CAF), and how much of the
// text is its payload. The length that is announced is mostly true.
std::string frames_of(std::string_view text, caf::actor_id gateway) {
    std::string sent;
    constexpr std::size_t command_bytes = 5;
    while (text.size() >= command_bytes) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const auto payload = text.substr(command_bytes, byte(3) + 16U * byte(4));
        frame f;
        f.operation = byte(0) % 8;
        f.flags = byte(1) % 4;
        f.announced = payload.size() + (byte(0) >= 250 ? byte(1) * 4096U : 0);
        f.receiver = byte(2) % 4 == 0 ? byte(2) / 4 : gateway;
        // A request, and somebody who asks, or not.
        if ((byte(1) & 4) != 0) f.request = first_request + byte(1) / 16;
        if ((byte(1) & 8) != 0) f.sender = 1U + byte(1) / 16;
        sent += header_of(f);
        sent.append(payload);
        text.remove_prefix(command_bytes + payload.size());
    }
    return sent;
}

std::string message(std::string_view type, std::string_view text) {
    std::string bytes(3, '\0');
    for (const auto& part : {"@<>+" + std::string{type}, std::string{text}}) {
        bytes += static_cast<char>(part.size());
        bytes += part;
    }
    return bytes;
}

// One who greets, tells the secret and asks, is answered.
void join(const target& t) {
    const auto member = connect_to(t);
    // The greeting begins with the name of the scheduler's node; another one is as long.
    const auto at = member.greeting.find("generic-caf-app");
    constexpr std::size_t one_name_of_that_length = 2;
    must(at != std::string::npos && at > one_name_of_that_length, "a greeting that is known");
    auto node = member.greeting.substr(0, at - one_name_of_that_length);
    constexpr std::string_view own_name = "a member";
    node.replace(node.size() - own_name.size(), own_name.size(), own_name);
    const auto told = message("bistro::secret_told", "secret");
    const auto asked = message("bistro::jobs_asked", "secret");
    constexpr unsigned char greets = 1;
    constexpr unsigned char says = 2;
    send_all(member.socket, header_of({greets, 0, node.size(), 0, 0, 0}) + node +
                                header_of({greets, 2, node.size(), 0, 0, 0}) + node +
                                header_of({says, 0, told.size(), 0, 0, t.gateway.id()}) + told +
                                header_of({says, 0, asked.size(), first_request, 1, t.gateway.id()}) + asked);
    for (;;) {
        const auto header = read_bytes(member.socket, header_bytes);
        must(header.size() == header_bytes, "an answer to who has the secret");
        read_bytes(member.socket, length_in(header));
        if (header[0] == says) break;
    }
    ::close(member.socket);
}

}  // namespace

FUZZ(text) {
    static const target& t = *new target;
    const auto stranger = connect_to(t);
    send_all(stranger.socket, frames_of(text, t.gateway.id()));
    ::shutdown(stranger.socket, SHUT_WR);
    while (!read_bytes(stranger.socket, 1000).empty()) {
    }
    ::close(stranger.socket);
    static std::uint64_t inputs = 0;
    constexpr std::uint64_t inputs_a_member = 20;
    if (++inputs % inputs_a_member == 0) join(t);
}

}  // namespace bistro
