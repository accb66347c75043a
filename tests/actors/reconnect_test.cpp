// A connection takes the number of an earlier one while what that one brought is still being read.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "actors/network.hpp"
#include "actors/network_door.hpp"

namespace bistro {
namespace {

std::latch being_read{1};
std::latch may_be_read{1};

// Takes long to read.
struct slow {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slow&) {
    if constexpr (Inspector::reads_state) return f(caf::meta::type_name("slow"));
    being_read.count_down();
    may_be_read.wait();
    return f(caf::meta::type_name("slow"));
}

struct peer_config : caf::actor_system_config {
    peer_config() {
        config_file_path.clear();
        load<caf::io::middleman>();
        add_message_type<slow>("slow");
    }
};

// A process that is connected to, with its actor behind a port.
struct peer {
    peer() {
        // With an argument: CAF dereferences the null pointer that it has for none.
        const auto talk = [](caf::event_based_actor* self, int) -> caf::behavior {
            return {[self](caf::get_atom) { self->send(caf::actor_cast<caf::actor>(self->current_sender()), slow{}); },
                    [](int n) { return n; }};
        };
        actor = system.spawn(talk, 0);
        port = *system.middleman().publish(actor, 0, "127.0.0.1");
    }

    ~peer() { caf::anon_send_exit(actor, caf::exit_reason::kill); }

    peer_config config;
    caf::actor_system system{config};
    caf::actor actor;
    std::uint16_t port = 0;
};

// The descriptor of the connection to that port.
int connection_to(std::uint16_t port) {
    constexpr int last = 1024;
    for (int fd = 0; fd < last; ++fd) {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 && ntohs(address.sin_port) == port)
            return fd;
    }
    return -1;
}

// Makes that descriptor the next one that is given out.
std::vector<int> take_all_below(int next) {
    std::vector<int> taken;
    for (;;) {
        const int fd = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
        if (fd >= next) {
            ::close(fd);
            return taken;
        }
        taken.push_back(fd);
    }
}

caf::actor connect(caf::scoped_actor& self, std::uint16_t port) {
    caf::actor result;
    self->request(network_door::entry(self->system()), caf::infinite, caf::connect_atom::value,
                  std::string{"127.0.0.1"}, port)
        .receive([&](const caf::node_id&, const caf::strong_actor_ptr& actor,
                     const std::set<std::string>&) { result = caf::actor_cast<caf::actor>(actor); },
                 [](const caf::error& e) { ADD_FAILURE() << caf::to_string(e); });
    return result;
}

TEST(network, a_connection_with_the_number_of_one_that_has_ended_is_another_one) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the threads of CAF's network: its library is not instrumented, so their order goes unseen";
#endif
    system_config config{std::nullopt};
    config.add_message_type<slow>("slow");
    // The network's own thread reads what no other is free for, and would wait then.
    config.set("middleman.workers", 4);
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    std::optional<peer> first{std::in_place};
    const peer second;
    self->send(connect(self, first->port), caf::get_atom::value);
    being_read.wait();
    const int number = connection_to(first->port);
    ASSERT_GE(number, 0);
    first.reset();
    while (::fcntl(number, F_GETFD) >= 0) std::this_thread::yield();

    const auto taken = take_all_below(number);
    const auto there = connect(self, second.port);
    EXPECT_EQ(connection_to(second.port), number);
    for (const int fd : taken) ::close(fd);
    may_be_read.count_down();
    self->request(there, caf::infinite, 7)
        .receive([](int n) { EXPECT_EQ(n, 7); }, [](const caf::error& e) { ADD_FAILURE() << caf::to_string(e); });
}

}  // namespace
}  // namespace bistro
