// Mutual TLS 1.3 over a socket that does not block.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace bistro {

/// What connections of a process have in common: its certificate, and the authority that others' must be of.
/// Used by any thread.
class tls_context {
public:
    /// Throws io_error as check_tls_files() does.
    tls_context(const std::string& ca, const std::string& certificate, const std::string& key);

private:
    friend class tls_session;
    struct free_context {
        void operator()(ssl_ctx_st* context) const;
    };
    std::unique_ptr<ssl_ctx_st, free_context> context_;
};

enum class tls_end { client, server };
enum class tls_progress { done, wants_read, wants_write, failed };

/// One end of a connection. Names in certificates are not looked at: any of the authority will do.
class tls_session {
public:
    /// The socket stays the caller's.
    tls_session(const tls_context& context, int socket, tls_end end);

    /// One step of the handshake, as far as it goes without waiting. Before it is done nothing can be read or written.
    tls_progress handshake();

    /// How many bytes were read or written, 0 where none can be now; nothing where the connection is over.
    std::optional<std::size_t> read(char* bytes, std::size_t size);
    std::optional<std::size_t> write(const char* bytes, std::size_t size);
    /// Bytes that can be read though the socket may have none.
    std::size_t pending() const;

    /// Why the handshake failed, or the other end refused this one after it or before it said anything, in words for
    /// people; else empty.
    const std::string& problem() const { return problem_; }

private:
    void note_problem(int error);
    std::optional<std::size_t> outcome(int result, std::size_t moved);

    struct free_session {
        void operator()(ssl_st* session) const;
    };
    std::unique_ptr<ssl_st, free_session> session_;
    bool established_ = false;
    bool heard_ = false;  // something was read
    std::string problem_;
};

}  // namespace bistro
