// What a peer may send to a live process: on its own loop, with its own threads.
#include "actors/network.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <future>

#include "actors/console/observed.hpp"
#include "actors/gateway.hpp"
#include "io/io_loop.hpp"
#include "tests/support/silent_scheduler.hpp"

namespace bistro {
namespace {

// What a peer may send and should not, and then a question that is answered. Tells when all of that is over.
void stranger(caf::event_based_actor* self, const gateway_actor& gateway, std::promise<void>* done) {
    const auto any = caf::actor_cast<caf::actor>(gateway);
    self->set_error_handler([](caf::error&) {});  // what it is told is that nobody takes this
    self->send(any, goodbye{});
    self->send(any, std::string{"text"}, 7);
    self->send_exit(gateway, caf::exit_reason::kill);
    self->request(any, caf::infinite, tasks_finished{})
        .then([](const jobs_answer&) { FAIL() << "nobody takes this"; },
              [](const caf::error& e) { EXPECT_EQ(e, caf::sec::unexpected_message); });
    self->request(gateway, caf::infinite, jobs_asked{"secret"})
        .then([=](const jobs_answer&) { done->set_value(); },
              [=](const caf::error& e) {
                  ADD_FAILURE() << caf::to_string(e);
                  done->set_value();
              });
}

TEST(network, a_message_that_its_receiver_does_not_take_does_no_harm) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the threads of CAF's network: its library is not instrumented, so their order goes unseen";
#endif
    io_loop loop;
    system_config config{std::nullopt};
    config.run_on(loop);
    caf::actor_system system{config};
    const auto run = live_runtime();
    auto scheduler = system.spawn(silent_scheduler, welcome{});
    auto gateway = spawn_guarded(system, run, gateway_behavior, std::string{"secret"}, std::uint64_t{1}, scheduler,
                                 console_actor{});
    std::promise<void> done;
    system.spawn(stranger, gateway, &done);
    done.get_future().wait();
    caf::anon_send_exit(scheduler, caf::exit_reason::user_shutdown);
    *run.ending = true;
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    destroy(scheduler);
    destroy(gateway);
}

// CAF's own would be the same for the first processes of two containers, but for the last byte.
TEST(network, each_process_has_a_name_that_nobody_guesses) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the threads of CAF's network: its library is not instrumented, so their order goes unseen";
#endif
    system_config config{std::nullopt};
    system_config other_config{std::nullopt};
    const caf::actor_system system{config};
    const caf::actor_system other{other_config};
    constexpr std::size_t bytes_in_hex = 2 * 19;
    EXPECT_NE(caf::to_string(system.node()).substr(0, bytes_in_hex),
              caf::to_string(other.node()).substr(0, bytes_in_hex));
}

TEST(network, names_that_begin_like_an_address_are_not_of_the_loopback) {
    for (const char* host : {"127.0.0.1", "127.8.9.10", "localhost", "::1"})
        EXPECT_TRUE(is_loopback({host, 0})) << host;
    for (const char* host : {"127.example.com", "127.0.0.1.example.com", "127.0.0", "127.0.0.256", "127..0.1", "::2"})
        EXPECT_FALSE(is_loopback({host, 0})) << host;
}

}  // namespace
}  // namespace bistro
