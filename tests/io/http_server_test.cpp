#include "io/http/http_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace bistro {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

int connected_to(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
}

// What the server says to a request, until it ends the connection.
std::string answer_to(std::uint16_t port, const std::string& request) {
    const int socket = connected_to(port);
    EXPECT_EQ(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string text;
    std::array<char, 65'536> chunk{};
    for (ssize_t got = 0; (got = ::recv(socket, chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(got));
    ::close(socket);
    return text;
}

const std::string request = "GET /a%2Fb/c?x=1&y=%20 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

TEST(http_server, hands_a_request_on_in_parts) {
    http_request seen;
    const http_server server{{}, [&](const std::shared_ptr<http_exchange>& exchange) {
                                 seen = exchange->request();
                                 exchange->answer({200, "text/plain", std::make_shared<const std::string>("yes")});
                                 exchange->answer({500});  // the first one counts
                             }};
    EXPECT_THAT(answer_to(server.port(), request), EndsWith("\r\n\r\nyes"));
    EXPECT_EQ(seen.method, "GET");
    EXPECT_EQ(seen.path, (std::vector<std::string>{"a/b", "c"}));
    EXPECT_EQ(seen.query.at("x"), "1");
    EXPECT_EQ(seen.query.at("y"), " ");
    EXPECT_EQ(seen.role, http_role::operate) << "of the user that runs this";
}

TEST(http_server, whoever_is_given_no_answer_is_told_so) {
    const http_server server{{}, [](const std::shared_ptr<http_exchange>&) {}};
    EXPECT_THAT(answer_to(server.port(), request), HasSubstr("gave no answer"));
}

TEST(http_server, a_reader_of_events_that_is_too_slow_is_told_and_let_go) {
    std::size_t sent = 0;
    const http_server server{{}, [&](const std::shared_ptr<http_exchange>& exchange) {
                                 const auto events = exchange->answer_with_events();
                                 // On the server's thread, so that nothing is written meanwhile.
                                 const std::string event = "data: " + std::string(10'000, 'x') + "\n\n";
                                 while (events->send(event)) sent += event.size();
                                 EXPECT_FALSE(events->send(event));
                             }};
    const auto text = answer_to(server.port(), request);
    EXPECT_THAT(text, EndsWith("x\n\nevent: dropped\ndata: {}\n\n"));
    EXPECT_LE(sent, max_event_backlog);
    EXPECT_GT(sent, max_event_backlog - 20'000);
    EXPECT_GT(text.size(), sent) << "what had been taken was sent";
}

TEST(http_server, the_head_of_events_is_all_of_them) {
    const http_server server{{}, [](const std::shared_ptr<http_exchange>& exchange) {
                                 const auto events = exchange->answer_with_events();
                                 static_cast<void>(events->send("data: 1\n\n"));
                             }};
    const auto text = answer_to(server.port(), "HEAD /e HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(text, HasSubstr("text/event-stream"));
    EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

TEST(http_server, who_asks_before_it_sends_much_is_told_to_go_on) {
    const http_server server{
        {}, [](const std::shared_ptr<http_exchange>& exchange) {
            exchange->answer({200, "text/plain", std::make_shared<const std::string>(exchange->request().body)});
        }};
    const std::string head =
        "PUT / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\n";
    const int socket = connected_to(server.port());
    ASSERT_GT(::send(socket, head.data(), head.size(), MSG_NOSIGNAL), 0);
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    std::string told(go_on.size(), ' ');
    ASSERT_EQ(::recv(socket, told.data(), told.size(), MSG_WAITALL), static_cast<ssize_t>(told.size()));
    EXPECT_EQ(told, go_on);
    ASSERT_EQ(::send(socket, "body", 4, MSG_NOSIGNAL), 4);
    std::string answer(1000, ' ');
    const auto got = ::recv(socket, answer.data(), answer.size(), MSG_WAITALL);
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    EXPECT_THAT(answer, EndsWith("\r\n\r\nbody"));
    ::close(socket);
}

TEST(http_server, who_is_refused_is_not_told_to_go_on) {
    const http_server server{{}, [](const std::shared_ptr<http_exchange>& exchange) { exchange->answer({204}); }};
    const std::string rest = "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    EXPECT_THAT(answer_to(server.port(), "PUT / HTTP/1.1\r\nHost: evil.example\r\n" + rest),
                StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(answer_to(server.port(), "PUT / HTTP/1.0\r\nHost: localhost\r\n" + rest + "body"),
                StartsWith("HTTP/1.1 204"));
}

TEST(http_server, who_asks_nothing_does_not_keep_others_out) {
    const http_server server{{}, [](const std::shared_ptr<http_exchange>& exchange) { exchange->answer({204}); }};
    const int polite = connected_to(server.port());
    const std::string again = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const auto asks = [&] {
        EXPECT_EQ(::send(polite, again.data(), again.size(), MSG_NOSIGNAL), static_cast<ssize_t>(again.size()));
        std::array<char, 1000> chunk{};
        return ::recv(polite, chunk.data(), chunk.size(), 0) > 0;
    };
    EXPECT_TRUE(asks());
    std::vector<int> idle;
    for (std::size_t i = 0; i < max_http_connections + 20; ++i) idle.push_back(connected_to(server.port()));
    EXPECT_THAT(answer_to(server.port(), request), HasSubstr("204"));
    char byte = 0;
    EXPECT_LE(::recv(idle.front(), &byte, 1, 0), 0) << "the one that has been silent for longest is closed";
    EXPECT_TRUE(asks()) << "who has asked before is let be";
    ::close(polite);
    for (const int socket : idle) ::close(socket);
}

TEST(http_server, ends_while_exchanges_are_open) {
    std::shared_ptr<http_exchange> kept;
    std::shared_ptr<http_events> events;
    {
        http_server server{{}, [&](const std::shared_ptr<http_exchange>& exchange) {
                               if (kept)
                                   events = exchange->answer_with_events();
                               else
                                   kept = exchange;
                           }};
        std::array<int, 2> sockets{};
        for (int& socket : sockets) {
            socket = connected_to(server.port());
            ASSERT_GT(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), 0);
        }
        char byte = 0;
        EXPECT_EQ(::recv(sockets[1], &byte, 1, 0), 1) << "the answer with events has begun";
        for (const int socket : sockets) ::close(socket);
    }
    if (events) static_cast<void>(events->send("late"));
    kept->answer({200});
}

}  // namespace
}  // namespace bistro
