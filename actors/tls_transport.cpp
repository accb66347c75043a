#include "actors/tls_transport.hpp"

#include <poll.h>
#include <caf/all.hpp>
#include <caf/detail/socket_guard.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <mutex>
#include <utility>

#include "actors/program_log.hpp"
#include "model/refusal_log.hpp"
#include "model/strangers.hpp"

namespace bistro {

namespace {

namespace network = caf::io::network;
using network::native_socket;
using network::operation;
using network::rw_state;

std::mutex problem_mutex;
constexpr const char* no_tls_there = "the other end does not use TLS, it seems";
std::string last_problem = no_tls_there;

void remember_problem(const std::string& problem) {
    if (problem.empty()) return;
    const std::lock_guard lock{problem_mutex};
    last_problem = problem;
}

std::string address_of(native_socket socket) {
    const auto address = network::remote_addr_of_fd(socket);
    return address ? *address : "a peer";
}

using session_ptr = std::unique_ptr<tls_session>;

struct tls_policy {
    explicit tls_policy(session_ptr s) : session{std::move(s)} {}

    rw_state read_some(std::size_t& result, native_socket, void* bytes, std::size_t size) {
        return outcome(session->read(static_cast<char*>(bytes), size), result);
    }

    rw_state write_some(std::size_t& result, native_socket, const void* bytes, std::size_t size) {
        return outcome(session->write(static_cast<const char*>(bytes), size), result);
    }

    bool must_read_more(native_socket, std::size_t threshold) { return session->pending() >= threshold; }

    rw_state outcome(std::optional<std::size_t> moved, std::size_t& result) {
        result = moved.value_or(0);
        if (!moved) remember_problem(session->problem());
        return moved ? rw_state::success : rw_state::failure;
    }

    session_ptr session;
};

class tls_scribe final : public caf::io::scribe {
public:
    tls_scribe(network::default_multiplexer& multiplexer, native_socket socket, session_ptr session)
        : scribe{network::conn_hdl_from_socket(socket)}, stream_{multiplexer, socket, std::move(session)} {}

    void configure_read(caf::io::receive_policy::config config) override {
        stream_.configure_read(config);
        if (!std::exchange(launched_, true)) stream_.start(this);
    }

    void ack_writes(bool enable) override { stream_.ack_writes(enable); }
    std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
    std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
    void flush() override { stream_.flush(this); }
    void add_to_loop() override { stream_.activate(this); }
    void remove_from_loop() override { stream_.passivate(); }

    void graceful_shutdown() override {
        stream_.graceful_shutdown();
        detach(&stream_.backend(), false);
    }

    std::string addr() const override {
        const auto address = network::remote_addr_of_fd(stream_.fd());
        return address ? *address : std::string{};
    }

    std::uint16_t port() const override {
        const auto port = network::remote_port_of_fd(stream_.fd());
        return port ? *port : std::uint16_t{0};
    }

private:
    bool launched_ = false;
    network::stream_impl<tls_policy> stream_;
};

class handshake;

// Used by the multiplexer's thread only.
class tls_doorman final : public network::doorman_impl {
public:
    tls_doorman(network::default_multiplexer& multiplexer, native_socket socket,
                std::shared_ptr<const tls_context> context, sweep_later later)
        : doorman_impl{multiplexer, socket}, context_{std::move(context)}, later_{std::move(later)} {}

    bool new_connection() override;
    void graceful_shutdown() override;

    void succeeded(handshake& who, native_socket socket, session_ptr session);
    void failed(handshake& who, const std::string& why);

private:
    void end(std::int64_t number, const std::string& why);
    void sweep_handshakes();

    std::shared_ptr<const tls_context> context_;
    sweep_later later_;
    bool sweeping_ = false;
    std::map<std::int64_t, handshake*> handshakes_;
    strangers strangers_;
    refusal_log refusals_;
    std::int64_t next_number_ = 0;
};

// Of a connection that was accepted. Ends itself, as soon as the multiplexer has let it go.
class handshake final : public network::event_handler {
public:
    handshake(network::default_multiplexer& multiplexer, native_socket socket, session_ptr session,
              caf::intrusive_ptr<tls_doorman> doorman, std::int64_t number)
        : event_handler{multiplexer, socket},
          session_{std::move(session)},
          doorman_{std::move(doorman)},
          address_{address_of(socket)},
          number_{number} {
        activate();
    }

    std::int64_t number() const { return number_; }
    const std::string& address() const { return address_; }

    void handle_event(operation op) override {
        if (over_) return;
        if (op == operation::propagate_error) return finish(false);
        switch (session_->handshake()) {
            case tls_progress::wants_read: return wait_to_write(false);
            case tls_progress::wants_write: return wait_to_write(true);
            case tls_progress::done: return finish(true);
            case tls_progress::failed: return finish(false);
        }
    }

    void removed_from_loop(operation) override {
        if (over_ && eventbf() == 0) leave_soon();
    }

    void graceful_shutdown() override { finish(false); }

    void finish(bool good) {
        if (!good) good_ = false;  // also where it had just succeeded
        if (std::exchange(over_, true)) return;
        good_ = good;
        const bool registered = eventbf() != 0;
        backend().del(operation::read, fd(), this);
        backend().del(operation::write, fd(), this);
        if (!registered) leave_soon();
    }

private:
    void wait_to_write(bool wanted) {
        if (wanted)
            backend().add(operation::write, fd(), this);
        else
            backend().del(operation::write, fd(), this);
    }

    // CAF uses this object for a moment still.
    void leave_soon() {
        if (std::exchange(leaving_, true)) return;
        backend().post([self = std::unique_ptr<handshake>{this}] { self->leave(); });
    }

    void leave() {
        if (good_)
            doorman_->succeeded(*this, std::exchange(fd_, network::invalid_native_socket), std::move(session_));
        else
            doorman_->failed(*this, session_->problem());
    }

    session_ptr session_;
    caf::intrusive_ptr<tls_doorman> doorman_;
    std::string address_;
    std::int64_t number_;
    bool over_ = false;
    bool good_ = false;
    bool leaving_ = false;
};

bool tls_doorman::new_connection() {
    const auto socket = acceptor_.accepted_socket();
    if (detached()) {
        network::close_socket(socket);
        return false;
    }
    auto& multiplexer = acceptor_.backend();
    network::keepalive(socket, true);
    auto session = std::make_unique<tls_session>(*context_, socket, tls_end::server);
    const auto number = next_number_++;
    auto* const begun = new handshake{multiplexer, socket, std::move(session), this, number};
    handshakes_[number] = begun;
    const auto now = std::chrono::steady_clock::now();
    if (const auto leaves = strangers_.add(number, begun->address(), now)) end(*leaves, "too many connect from there");
    sweep_handshakes();
    return true;
}

void tls_doorman::sweep_handshakes() {
    if (handshakes_.empty() || std::exchange(sweeping_, true)) return;
    later_([self = caf::intrusive_ptr<tls_doorman>{this}] {
        for (const auto late : self->strangers_.overdue(std::chrono::steady_clock::now()))
            self->end(late, "it did not finish the TLS handshake in time");
        self->sweeping_ = !self->handshakes_.empty();
        return self->sweeping_;
    });
}

void tls_doorman::graceful_shutdown() {
    doorman_impl::graceful_shutdown();
    for (const auto& [_, who] : handshakes_) who->finish(false);
}

void tls_doorman::end(std::int64_t number, const std::string& why) {
    strangers_.remove(number);
    const auto found = handshakes_.find(number);
    if (found == handshakes_.end()) return;
    auto& who = *found->second;
    who.finish(false);
    failed(who, why);
}

void tls_doorman::succeeded(handshake& who, native_socket socket, session_ptr session) {
    handshakes_.erase(who.number());
    strangers_.remove(who.number());
    if (detached()) return network::close_socket(socket);
    auto& multiplexer = acceptor_.backend();
    auto connection = caf::make_counted<tls_scribe>(multiplexer, socket, std::move(session));
    const auto handle = connection->hdl();
    parent()->add_scribe(std::move(connection));
    doorman::new_connection(&multiplexer, handle);
}

void tls_doorman::failed(handshake& who, const std::string& why) {
    strangers_.remove(who.number());
    if (handshakes_.erase(who.number()) == 0 || why.empty()) return;
    if (const auto unmentioned = refusals_.refused(who.address() + why, std::chrono::steady_clock::now()))
        log_of(log_part::network).warn("refused {}: {}{}", who.address(), why, also_before(*unmentioned));
}

}  // namespace

caf::expected<caf::io::scribe_ptr> connect_tls(network::default_multiplexer& multiplexer,
                                               const std::shared_ptr<const tls_context>& context, native_socket socket,
                                               std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    {
        const std::lock_guard lock{problem_mutex};
        last_problem = no_tls_there;
    }
    caf::detail::socket_guard guard{socket};
    auto session = std::make_unique<tls_session>(*context, socket, tls_end::client);
    for (;;) {
        const auto progress = session->handshake();
        if (progress == tls_progress::done) break;
        remember_problem(session->problem());
        if (progress == tls_progress::failed) return caf::make_error(caf::sec::disconnect_during_handshake);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return caf::make_error(caf::sec::request_timeout);
        pollfd wanted{socket, static_cast<short>(progress == tls_progress::wants_read ? POLLIN : POLLOUT), 0};
        ::poll(&wanted, 1, static_cast<int>(left.count()));
    }
    return caf::io::scribe_ptr{caf::make_counted<tls_scribe>(multiplexer, guard.release(), std::move(session))};
}

caf::io::doorman_ptr make_tls_doorman(network::default_multiplexer& multiplexer,
                                      std::shared_ptr<const tls_context> context, native_socket socket,
                                      sweep_later later) {
    return caf::make_counted<tls_doorman>(multiplexer, socket, std::move(context), std::move(later));
}

std::string last_handshake_problem() {
    const std::lock_guard lock{problem_mutex};
    return last_problem;
}

}  // namespace bistro
