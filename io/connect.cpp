#include "io/connect.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "io/error.hpp"

namespace bistro {

wakeup::wakeup() : descriptor_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (descriptor_ < 0) throw errno_error("an eventfd");
}

wakeup::~wakeup() { ::close(descriptor_); }

void wakeup::signal() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(descriptor_, &one, sizeof one));  // full is signalled as well
}

namespace {

using steady = std::chrono::steady_clock;

// Whether the connection under way came about.
bool comes_about(int socket, steady::time_point until, int enough) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady::now());
        if (left.count() <= 0) return false;
        std::array<pollfd, 2> wanted{{{socket, POLLOUT, 0}, {enough, POLLIN, 0}}};
        const int ready = ::poll(wanted.data(), wanted.size(), static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0 || wanted[1].revents != 0) return false;
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
}

}  // namespace

int connected_socket(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit, int enough) {
    const auto until = steady::now() + limit;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses{found, ::freeaddrinfo};
    for (const auto* address = found; address != nullptr; address = address->ai_next) {
        const int socket = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (socket < 0) continue;
        if (::connect(socket, address->ai_addr, address->ai_addrlen) == 0 ||
            (errno == EINPROGRESS && comes_about(socket, until, enough)))
            return socket;
        ::close(socket);
    }
    return -1;
}

}  // namespace bistro
