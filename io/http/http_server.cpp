#include "io/http/http_server.hpp"

#include <atomic>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/url.hpp>
#include <chrono>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "io/error.hpp"
#include "io/http/http_headers.hpp"
#include "io/http/http_session.hpp"
#include "io/peer_user.hpp"
#include "model/secret.hpp"

namespace bistro {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

using namespace http_detail;

namespace {

constexpr std::chrono::seconds read_timeout{30};    // for a request to be complete, and between two of a connection
constexpr std::chrono::seconds write_timeout{30};   // for an answer to be taken
constexpr std::chrono::seconds answer_timeout{30};  // for the handler

template <class Stream>
class session : public session_base {
public:
    session(Stream stream, std::shared_ptr<shared_state> shared)
        : session_base{std::move(shared)}, stream_{std::move(stream)}, answer_timer_{stream_.get_executor()} {}

    void start() {
        if constexpr (std::is_same_v<Stream, beast::tcp_stream>) {
            read();
        } else {
            lowest().expires_after(read_timeout);
            stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](error_code ec) {
                if (!ec) self->read();
            });
        }
    }

    void take_answer(http_response response) override {
        if (!waiting_) return;
        waiting_ = false;
        answer_timer_.cancel();
        send(response);
    }

    void begin_events() override {
        if (!waiting_) return;
        waiting_ = false;
        answer_timer_.cancel();
        tell_served(200);
        last_events_ = head_only_;
        push(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n"
            "X-Content-Type-Options: nosniff\r\n\r\n");
        watch_peer();
    }

    void send_event(std::string bytes) override {
        if (closed) return close();
        if (!head_only_) push(std::move(bytes));
    }

    void end_events(std::string bytes) override {
        if (closed) return close();
        last_events_ = true;
        push(std::move(bytes));
    }

    void close() override {
        closed = true;
        waiting_ = false;
        answer_timer_.cancel();
        error_code ignored;
        lowest().socket().shutdown(tcp::socket::shutdown_both, ignored);
        lowest().close();
    }

private:
    std::shared_ptr<session> self() { return std::static_pointer_cast<session>(shared_from_this()); }
    beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

    void read() {
        parser_.emplace();
        parser_->header_limit(max_http_header_bytes);
        parser_->body_limit(max_http_body_bytes);
        lowest().expires_after(read_timeout);
        if (now != phase::silent) enter(phase::between_requests);
        http::async_read_header(stream_, buffer_, *parser_, [self = self()](error_code ec, std::size_t) {
            if (ec) return self->take_request(ec);
            self->take_header();
        });
    }

    void enter(phase next) {
        now = next;
        since = std::chrono::steady_clock::now();
    }

    // Whoever sends much may want to know first that it is wanted.
    void take_header() {
        if (closed) return;
        enter(phase::asking);
        const auto& message = parser_->get();
        if (message.version() < 11 || !beast::iequals(message[http::field::expect], "100-continue")) return read_body();
        if (const auto refusal = refusal_of_sender(message)) {
            keep_alive_ = false;
            return send(*refusal);
        }
        constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(go_on), [self = self()](error_code ec, std::size_t) {
            if (ec) return self->close();
            self->read_body();
        });
    }

    void read_body() {
        if (closed) return;
        http::async_read(stream_, buffer_, *parser_,
                         [self = self()](error_code ec, std::size_t) { self->take_request(ec); });
    }

    void take_request(error_code ec) {
        if (closed) return;
        keep_alive_ = head_only_ = false;
        enter(phase::being_answered);
        begin_ = std::chrono::steady_clock::now();
        served_ = {};
        if (ec == http::error::body_limit)
            return send(problem_response(413, "too_large", "a body may have at most 4 MiB"));
        if (ec == http::error::header_limit)
            return send(problem_response(431, "too_large", "headers may have at most 16 KiB"));
        if (ec && ec.category() == http::make_error_code(http::error::bad_method).category() &&
            ec != http::error::end_of_stream && ec != http::error::partial_message)
            return send(problem_response(400, "bad_request", "this is no HTTP that can be understood"));
        if (ec) return close();
        const auto& message = parser_->get();
        keep_alive_ = message.keep_alive();
        head_only_ = message.method() == http::verb::head;
        if (shared_->options.on_served)
            served_ = {std::string{message.method_string()}, std::string{message.target()}, 0, {}};
        auto refusal = refusal_of(message);
        if (refusal) {
            if (refusal->status != 401 && refusal->status != 404) keep_alive_ = false;
            return send(*refusal);
        }
        waiting_ = true;
        answer_timer_.expires_after(answer_timeout);
        answer_timer_.async_wait([self = self()](error_code timer) {
            if (!timer) self->take_answer(problem_response(504, "no_answer", "the scheduler did not answer in time"));
        });
        lowest().expires_never();
        shared_->handler(std::make_shared<exchange_of_session>(shared_from_this(), std::move(request_)));
    }

    std::optional<http_response> refusal_of_sender(const http::request<http::string_body>& message) const {
        if (message.count(http::field::host) > 1)
            return problem_response(400, "bad_request", "there is more than one Host header");
        const auto host = message[http::field::host];
        const auto origin = message[http::field::origin];
        // A browser may be led to this port by a page from elsewhere, under a name that the page's owner chose; and
        // what a page of another origin sends is refused as well.
        if (shared_->is_loopback && !is_loopback_name({host.data(), host.size()}))
            return problem_response(403, "forbidden", "this port answers to localhost and 127.0.0.1 only");
        if (!origin.empty()) {
            const auto at = origin.find("://");
            if (at == origin.npos || origin.substr(at + 3) != host)
                return problem_response(403, "forbidden", "requests of pages from elsewhere are not answered");
        }
        return std::nullopt;
    }

    // Takes the request over where nothing is wrong with it.
    std::optional<http_response> refusal_of(const http::request<http::string_body>& message) {
        if (auto refusal = refusal_of_sender(message)) return refusal;
        const auto url = boost::urls::parse_origin_form({message.target().data(), message.target().size()});
        if (!url) return problem_response(400, "bad_request", "the path is not valid");
        request_ = {};
        request_.method = std::string{message.method_string()};
        for (auto segment : url->segments())
            if (!segment.empty()) request_.path.emplace_back(segment);
        for (auto parameter : url->params()) {
            if (parameter.key.empty() && parameter.value.empty()) continue;
            if (!request_.query.emplace(parameter.key, parameter.value).second) request_.repeated = parameter.key;
        }
        request_.if_none_match = std::string{message[http::field::if_none_match]};
        request_.last_event_id = std::string{message["Last-Event-ID"]};
        request_.body = std::move(parser_->get().body());
        const auto authorization = message[http::field::authorization];
        request_.role = role_of({authorization.data(), authorization.size()});
        return std::nullopt;
    }

    http_role role_of(std::string_view authorization) {
        if (shared_->options.tokens.empty()) return is_trusted() ? http_role::operate : http_role::none;
        auto role = http_role::none;
        const auto given = bearer_token(authorization);
        for (const auto& [granted, token] : shared_->options.tokens)
            if (same_secret(given, token)) role = std::max(role, granted);
        return role;
    }

    // Known once a connection: its owner does not change.
    bool is_trusted() {
        if (!trusted_) trusted_ = peer_is_trusted(lowest().socket().native_handle());
        return *trusted_;
    }

    void tell_served(unsigned status) {
        if (!shared_->options.on_served) return;
        served_.status = status;
        served_.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin_);
        shared_->options.on_served(served_);
    }

    void send(const http_response& response) {
        tell_served(response.status);
        out_.emplace();
        out_->version(11);
        out_->result(response.status);
        out_->set(http::field::content_type, response.content_type);
        out_->set("X-Content-Type-Options", "nosniff");
        for (const auto& [name, value] : response.headers) out_->set(name, value);
        const auto size = response.body ? response.body->size() : 0;
        if (response.body && !head_only_) out_->body() = *response.body;
        out_->keep_alive(keep_alive_);
        if (response.status != 304) out_->content_length(size);
        lowest().expires_after(write_timeout);
        serializer_.emplace(*out_);
        serializer_->split(head_only_);
        auto done = [self = self()](error_code ec, std::size_t) {
            self->out_.reset();
            if (ec || !self->keep_alive_) return self->close();
            self->read();
        };
        if (head_only_)
            http::async_write_header(stream_, *serializer_, done);
        else
            http::async_write(stream_, *serializer_, done);
    }

    // -- events

    void push(std::string bytes) {
        outgoing_.push_back(std::move(bytes));
        if (outgoing_.size() == 1) write_next();
    }

    void write_next() {
        lowest().expires_after(write_timeout);
        asio::async_write(stream_, asio::buffer(outgoing_.front()), [self = self()](error_code ec, std::size_t n) {
            self->lowest().expires_never();
            self->event_backlog -= std::min(n, self->event_backlog.load());
            self->outgoing_.pop_front();
            if (ec || self->closed) return self->close();
            if (!self->outgoing_.empty()) return self->write_next();
            if (self->last_events_) self->close();
        });
    }

    // A reader of events says nothing; when it goes, that shows here.
    void watch_peer() {
        stream_.async_read_some(asio::buffer(ignored_), [self = self()](error_code ec, std::size_t) {
            if (ec) return self->close();
            self->watch_peer();
        });
    }

    Stream stream_;
    beast::flat_buffer buffer_{max_http_header_bytes + max_http_body_bytes};
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::string_body>> out_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
    asio::steady_timer answer_timer_;
    http_request request_;
    http_served served_;
    std::chrono::steady_clock::time_point begin_;
    std::deque<std::string> outgoing_;
    std::array<char, 256> ignored_{};
    std::optional<bool> trusted_;
    bool waiting_ = false;
    bool last_events_ = false;
    bool keep_alive_ = false;
    bool head_only_ = false;
};

}  // namespace

struct http_server::state {
    explicit state(http_server_options options, http_handler handler) {
        shared->options = std::move(options);
        shared->handler = std::move(handler);
        const auto& o = shared->options;
        try {
            if (!o.certificate.empty()) {
                tls.emplace(asio::ssl::context::tls_server);
                tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                                 asio::ssl::context::no_tlsv1_1);
                tls->use_certificate_chain_file(o.certificate);
                tls->use_private_key_file(o.key, asio::ssl::context::pem);
            }
            tcp::resolver resolver{context};
            const tcp::endpoint at = *resolver.resolve(o.host, std::to_string(o.port)).begin();
            shared->is_loopback = at.address().is_loopback();
            acceptor.open(at.protocol());
            acceptor.set_option(asio::socket_base::reuse_address{true});
            acceptor.bind(at);
            acceptor.listen();
            port = acceptor.local_endpoint().port();
        } catch (const boost::system::system_error& e) {
            throw io_error{"HTTP on " + o.host + ":" + std::to_string(o.port) + ": " + e.code().message()};
        }
        accept();
        thread = std::thread{[this] { context.run(); }};
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
        asio::post(context, [this] {
            acceptor.close();
            wait.cancel();
            for (const auto& session : living_sessions()) session->close();
        });
        thread.join();
        {
            const std::lock_guard lock{shared->mutex};
            shared->stopped = true;
        }
        context.restart();
        context.poll();  // what was posted meanwhile, which holds sessions
    }

    std::vector<std::shared_ptr<session_base>> living_sessions() {
        std::vector<std::shared_ptr<session_base>> result;
        const std::lock_guard lock{shared->mutex};
        for (auto* session : shared->sessions)
            if (auto living = session->weak_from_this().lock()) result.push_back(std::move(living));
        return result;
    }

    void accept() {
        acceptor.async_accept([this](error_code ec, tcp::socket socket) {
            if (!acceptor.is_open()) return;
            if (ec) return retry_later();
            if (shared->connections() < max_http_connections || close_one()) begin(std::move(socket));
            accept();
        });
    }

    // Those who only connect must not keep others out. False where all are being answered.
    bool close_one() {
        using phase = session_base::phase;
        std::shared_ptr<session_base> last;
        for (auto& session : living_sessions())
            if (!session->closed && session->now != phase::being_answered &&
                (!last || std::pair{session->now, session->since} < std::pair{last->now, last->since}))
                last = std::move(session);
        if (!last) return false;
        last->close();
        return true;
    }

    // Out of descriptors, most likely.
    void retry_later() {
        wait.expires_after(std::chrono::milliseconds{100});
        wait.async_wait([this](error_code ec) {
            if (!ec) accept();
        });
    }

    void begin(tcp::socket socket) {
        error_code ignored;
        socket.set_option(tcp::no_delay{true}, ignored);
        socket.set_option(asio::socket_base::keep_alive{true}, ignored);  // readers of events may vanish
        if (tls) {
            using stream = beast::ssl_stream<beast::tcp_stream>;
            std::make_shared<session<stream>>(stream{beast::tcp_stream{std::move(socket)}, *tls}, shared)->start();
        } else {
            std::make_shared<session<beast::tcp_stream>>(beast::tcp_stream{std::move(socket)}, shared)->start();
        }
    }

    std::shared_ptr<shared_state> shared = std::make_shared<shared_state>();
    asio::io_context& context = shared->context;
    std::optional<asio::ssl::context> tls;
    tcp::acceptor acceptor{context};
    asio::steady_timer wait{context};
    std::uint16_t port = 0;
    std::thread thread;
};

http_server::http_server(http_server_options options, http_handler handler)
    : state_{std::make_unique<state>(std::move(options), std::move(handler))} {}
http_server::~http_server() = default;
std::uint16_t http_server::port() const { return state_->port; }

}  // namespace bistro
