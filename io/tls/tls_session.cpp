#include "io/tls/tls_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "io/error.hpp"
#include "io/tls/tls_files.hpp"

namespace bistro {

namespace {

std::string reason_of(const SSL* session, int error) {
    if (error != SSL_ERROR_SSL) return "it ended the connection in the TLS handshake: does it use TLS?";
    const auto code = ERR_peek_last_error();
    switch (ERR_GET_REASON(code)) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return std::string{"its certificate is not good here ("} +
                   X509_verify_cert_error_string(SSL_get_verify_result(session)) +
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

}  // namespace

void tls_context::free_context::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void tls_session::free_session::operator()(ssl_st* session) const { SSL_free(session); }

tls_context::tls_context(const std::string& ca, const std::string& certificate, const std::string& key)
    : context_{SSL_CTX_new(TLS_method())} {
    check_tls_files(ca, certificate, key);
    auto* context = context_.get();
    ERR_clear_error();
    const bool good = context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1 &&
                      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                      SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) == 1;
    if (!good) {
        const char* text = ERR_reason_error_string(ERR_peek_last_error());
        throw io_error{"can't use the TLS files " + ca + ", " + certificate + " and " + key + ": " +
                       (text ? text : "unknown error")};
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Connections last; nothing is gained by resuming sessions, of which each server would keep thousands.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    // One read handles one record: whoever sends nothing but new keys would keep a read, and the thread, for ever.
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

tls_session::tls_session(const tls_context& context, int socket, tls_end end)
    : session_{SSL_new(context.context_.get())} {
    if (!session_ || SSL_set_fd(session_.get(), socket) != 1) throw std::bad_alloc{};
    if (end == tls_end::server)
        SSL_set_accept_state(session_.get());
    else
        SSL_set_connect_state(session_.get());
}

// OpenSSL answers from the thread's queue of errors: what an earlier connection left there would count against this
// one.
tls_progress tls_session::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(session_.get());
    if (result == 1) {
        established_ = true;
        return tls_progress::done;
    }
    const int error = SSL_get_error(session_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return tls_progress::wants_read;
    if (error == SSL_ERROR_WANT_WRITE) return tls_progress::wants_write;
    note_problem(error);
    return tls_progress::failed;
}

void tls_session::note_problem(int error) {
    // With TLS 1.3, who connects has ended the handshake before the other one has looked at its certificate.
    const bool refused = established_ && error == SSL_ERROR_SSL && SSL_is_server(session_.get()) == 0 &&
                         ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET;
    if (!established_ || refused)
        problem_ = reason_of(session_.get(), error);
    else if (!heard_ && problem_.empty())
        problem_ = "it ended the connection behind the TLS handshake: it may be stopping, or too many connect";
}

std::optional<std::size_t> tls_session::outcome(int result, std::size_t moved) {
    if (result == 1) return moved;
    const int error = SSL_get_error(session_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    note_problem(error);
    return std::nullopt;
}

std::optional<std::size_t> tls_session::read(char* bytes, std::size_t size) {
    ERR_clear_error();
    std::size_t moved = 0;
    const int result = SSL_read_ex(session_.get(), bytes, size, &moved);
    heard_ = heard_ || result == 1;
    return outcome(result, moved);
}

std::optional<std::size_t> tls_session::write(const char* bytes, std::size_t size) {
    ERR_clear_error();
    std::size_t moved = 0;
    const int result = SSL_write_ex(session_.get(), bytes, size, &moved);
    return outcome(result, moved);
}

std::size_t tls_session::pending() const { return static_cast<std::size_t>(SSL_pending(session_.get())); }

}  // namespace bistro
