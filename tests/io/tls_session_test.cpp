#include "io/tls/tls_session.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "io/connect.hpp"
#include "io/tls/tls_files.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using ::testing::HasSubstr;

struct pair_of_sockets {
    pair_of_sockets() {
        std::array<int, 2> both{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()), 0);
        first = both[0];
        second = both[1];
    }
    ~pair_of_sockets() {
        ::close(first);
        ::close(second);
    }
    pair_of_sockets(const pair_of_sockets&) = delete;
    pair_of_sockets& operator=(const pair_of_sockets&) = delete;

    int first = -1;
    int second = -1;
};

class tls_session_test : public ::testing::Test {
protected:
    void SetUp() override { issue_certificates(dir.path(), {"a", "b"}); }

    tls_context context(const std::string& name) const {
        const auto file = [&](const std::string& n) { return dir.path() + "/" + n; };
        return {file("ca.pem"), file(name + ".pem"), file(name + ".key")};
    }

    const test::temp_dir dir;
};

TEST_F(tls_session_test, both_ends_finish_their_handshake_and_exchange_bytes) {
    const auto one = context("a");
    const auto other = context("b");
    const pair_of_sockets sockets;
    tls_session server{one, sockets.first, tls_end::server};
    tls_session client{other, sockets.second, tls_end::client};
    auto at_server = tls_progress::wants_read;
    auto at_client = tls_progress::wants_read;
    for (int i = 0; i < 20 && (at_server != tls_progress::done || at_client != tls_progress::done); ++i) {
        if (at_client != tls_progress::done) at_client = client.handshake();
        if (at_server != tls_progress::done) at_server = server.handshake();
    }
    ASSERT_EQ(at_server, tls_progress::done);
    ASSERT_EQ(at_client, tls_progress::done);
    std::array<char, 10> bytes{};
    EXPECT_EQ(server.read(bytes.data(), bytes.size()), 0U) << "none yet";
    EXPECT_EQ(client.write("hello", 5), 5U);
    EXPECT_EQ(server.read(bytes.data(), 2), 2U);
    EXPECT_EQ(server.pending(), 3U);
    EXPECT_EQ(server.read(bytes.data() + 2, 8), 3U);
    EXPECT_EQ(std::string(bytes.data(), 5), "hello");
    EXPECT_EQ(server.problem(), "");
}

// Else whoever sends nothing but new keys would keep a read, and its thread, for as long as he goes on.
TEST_F(tls_session_test, one_read_handles_one_record) {
    const auto one = context("a");
    const pair_of_sockets sockets;
    tls_session server{one, sockets.first, tls_end::server};
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> raw_context{SSL_CTX_new(TLS_method()), SSL_CTX_free};
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(raw_context.get(), (dir.path() + "/b.pem").c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(raw_context.get(), (dir.path() + "/b.key").c_str(), SSL_FILETYPE_PEM), 1);
    const std::unique_ptr<SSL, void (*)(SSL*)> raw{SSL_new(raw_context.get()), SSL_free};
    SSL_set_fd(raw.get(), sockets.second);
    SSL_set_connect_state(raw.get());
    int greeted = 0;
    auto at_server = tls_progress::wants_read;
    for (int i = 0; i < 20 && (greeted != 1 || at_server != tls_progress::done); ++i) {
        if (greeted != 1) greeted = SSL_do_handshake(raw.get());
        if (at_server != tls_progress::done) at_server = server.handshake();
    }
    ASSERT_EQ(greeted, 1);
    constexpr int updates = 20;
    for (int i = 0; i < updates; ++i) {
        ASSERT_EQ(SSL_key_update(raw.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        ASSERT_EQ(SSL_do_handshake(raw.get()), 1);
    }
    ASSERT_EQ(SSL_write(raw.get(), "x", 1), 1);
    char byte = 0;
    int reads = 0;
    while (server.read(&byte, 1) == 0U && reads < 10 * updates) ++reads;
    EXPECT_EQ(byte, 'x');
    EXPECT_EQ(reads, updates);
}

TEST_F(tls_session_test, says_why_it_failed) {
    const auto one = context("a");
    {
        const pair_of_sockets sockets;
        tls_session server{one, sockets.first, tls_end::server};
        ASSERT_EQ(::write(sockets.second, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        EXPECT_EQ(server.handshake(), tls_progress::failed);
        EXPECT_THAT(server.problem(), HasSubstr("does not speak TLS"));
    }
    const pair_of_sockets sockets;
    tls_session server{one, sockets.first, tls_end::server};
    ::shutdown(sockets.second, SHUT_WR);
    EXPECT_EQ(server.handshake(), tls_progress::failed);
    EXPECT_NE(server.problem(), "");
}

TEST(connect, a_port_where_nobody_listens_is_refused_at_once) {
    const wakeup enough;
    EXPECT_LT(connected_socket("127.0.0.1", 1, std::chrono::hours{1}, enough.descriptor()), 0);
    EXPECT_LT(connected_socket("no such host.invalid", 1, std::chrono::hours{1}, enough.descriptor()), 0);
}

TEST(connect, what_nobody_answers_ends_with_the_process) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener, 0), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    // Its queue is full then; what comes behind is not answered.
    std::vector<int> waiting;
    for (int i = 0; i < 2; ++i) {
        waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        static_cast<void>(::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), size));
    }
    wakeup enough;
    std::thread ending{[&] { enough.signal(); }};
    EXPECT_LT(connected_socket("127.0.0.1", ntohs(address.sin_port), std::chrono::hours{1}, enough.descriptor()), 0);
    ending.join();
    for (const int socket : waiting) ::close(socket);
    ::close(listener);
}

}  // namespace
}  // namespace bistro
