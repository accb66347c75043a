#include "io/tls/handshake_watch.hpp"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>

#include "model/refusal_log.hpp"

namespace bistro {

namespace {

std::atomic<bool> logging = false;
std::mutex mutex;  // for what follows
refusal_log refusals;
std::string last_problem = "the other end does not use TLS, it seems";

std::string address_of_peer(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "a peer";
    const void* bytes = address.ss_family == AF_INET6
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr)
                            : &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
    return ::inet_ntop(address.ss_family, bytes, text.data(), text.size()) ? text.data() : "a peer";
}

std::string reason_of(const SSL* connection, int error) {
    if (error != SSL_ERROR_SSL) return "it ended the connection in the TLS handshake: does it use TLS?";
    const auto code = ERR_peek_last_error();
    switch (ERR_GET_REASON(code)) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return std::string{"its certificate is not good here ("} +
                   X509_verify_cert_error_string(SSL_get_verify_result(connection)) +
                   "): are both issued by the same authority?";
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return "it shows no certificate: name a config with [worker.tls] there";
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
            return "it does not accept the certificate of this process: are both issued by the same authority?";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "it finds the certificate of this process expired";
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "it does not speak TLS: name a config with [worker.tls] there";
        default: break;
    }
    const char* text = ERR_reason_error_string(code);
    return text ? text : "the TLS handshake failed";
}

// SSL_is_init_finished() says no again after an error.
bool in_handshake(const SSL* connection) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> ignored{};
    return SSL_get_peer_finished(connection, ignored.data(), ignored.size()) == 0;
}

bool is_failure(const SSL* connection, int error) {
    if (error == SSL_ERROR_SSL)
        return in_handshake(connection) ||
               // With TLS 1.3, who connects has ended the handshake before the other one has looked at its certificate.
               (SSL_is_server(connection) == 0 && ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET);
    return in_handshake(connection) && (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN);
}

// Of one connection. The address is asked for while there is one: it is gone with the connection.
struct watched {
    std::string peer;
    bool told = false;  // what comes after the first failure follows from it
};

watched& watch(SSL* connection) {
    static const int index = SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr,
        [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<watched*>(data); });
    auto* known = static_cast<watched*>(SSL_get_ex_data(connection, index));
    if (!known) {
        known = new watched{address_of_peer(SSL_get_fd(connection))};
        SSL_set_ex_data(connection, index, known);
    }
    return *known;
}

void look_at(SSL* connection, int error) {
    const bool failed = is_failure(connection, error);
    if (!failed && !in_handshake(connection)) return;  // as nearly always
    auto& w = watch(connection);
    if (!failed || std::exchange(w.told, true)) return;
    const auto reason = reason_of(connection, error);
    const std::lock_guard lock{mutex};
    if (SSL_is_server(connection) == 0) {
        last_problem = reason;
        return;
    }
    if (const auto unmentioned = refusals.refused(w.peer + reason, std::chrono::steady_clock::now()))
        spdlog::warn("refused {}: {}{}", w.peer, reason, also_before(*unmentioned));
}

}  // namespace

void log_failed_handshakes() { logging = true; }

std::string last_handshake_problem() {
    const std::lock_guard lock{mutex};
    return last_problem;
}

}  // namespace bistro

// CAF 0.17.6 asks this function what became of each operation on a connection. OpenSSL answers from the thread's queue
// of errors, which CAF never clears: after one failed handshake the next operation on any other connection would count
// as failed, so a stranger who knocks would cut off whoever is connected. This one stands in front of OpenSSL's, for
// CAF's library too, and leaves the queue empty.
extern "C" int SSL_get_error(const SSL* connection, int result) {
    static const auto original = reinterpret_cast<int (*)(const SSL*, int)>(::dlsym(RTLD_NEXT, "SSL_get_error"));
    const int error = original(connection, result);
    if (bistro::logging) bistro::look_at(const_cast<SSL*>(connection), error);
    ERR_clear_error();
    return error;
}
