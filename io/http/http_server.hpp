// A small HTTP/1.1 server on a thread of its own: who may ask, limits, timeouts and event streams. What is asked and
// answered is its handler's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bistro {

/// What whoever asks may do. Each may do what those before it may.
enum class http_role : std::uint8_t { none, read, operate };

struct http_request {
    std::string method;             ///< "GET"
    std::vector<std::string> path;  ///< its segments, percent-decoded, without empty ones; "/" has none
    std::map<std::string, std::string> query;
    std::string repeated;  ///< a parameter of the query that is there more than once
    std::string body;
    std::string if_none_match;
    std::string last_event_id;
    http_role role = http_role::none;
};

struct http_response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::shared_ptr<const std::string> body = nullptr;
    std::vector<std::pair<std::string, std::string>> headers = {};
};

/// An answer without an end, made of server-sent events. May be used from any thread.
class http_events {
public:
    virtual ~http_events() = default;
    /// Sends bytes. False where the peer is gone, or was dropped since more than max_event_backlog waits for it.
    virtual bool send(std::string bytes) = 0;
};

/// One request that waits for its answer. May be used from any thread; without an answer when it is destroyed, the peer
/// gets status 500.
class http_exchange {
public:
    virtual ~http_exchange() = default;
    [[nodiscard]] virtual const http_request& request() const = 0;
    /// The first answer counts.
    virtual void answer(http_response response) = 0;
    virtual std::shared_ptr<http_events> answer_with_events() = 0;
};

/// Called on the server's thread; must not block.
using http_handler = std::function<void(std::shared_ptr<http_exchange>)>;

/// Bearer tokens by role.
using http_tokens = std::vector<std::pair<http_role, std::string>>;

/// Reads a private file with lines "read TOKEN" or "operate TOKEN"; empty lines and those that begin with "#" count for
/// nothing. Throws io_error that names file and line.
http_tokens read_http_tokens(const std::string& path);

/// A request that has its answer.
struct http_served {
    std::string method;  ///< empty where it could not be understood
    std::string target;  ///< as it was sent
    unsigned status = 0;
    std::chrono::microseconds took{0};  ///< from its last byte to the answer; of events, to their beginning
};

struct http_server_options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    http_tokens tokens;  ///< empty: only users of this host ask, those that run this process or root, and may do all
    std::string certificate;  ///< PEM file with its chain; empty: without TLS
    std::string key;
    std::function<void(const http_served&)> on_served = nullptr;  ///< called on the server's thread; must not block
};

inline constexpr std::size_t max_http_header_bytes = 16 * 1024;
inline constexpr std::size_t max_http_body_bytes = 4 * 1024 * 1024;
inline constexpr std::size_t max_http_connections = 512;       ///< for more, whoever asks nothing is closed
inline constexpr std::size_t max_event_backlog = 1024 * 1024;  ///< bytes that wait for a slow reader of events

class http_server {
public:
    /// Listens once it is made. Throws io_error where it can't.
    http_server(http_server_options options, http_handler handler);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    [[nodiscard]] std::uint16_t port() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace bistro
