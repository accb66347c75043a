// What the HTTP server's sessions have in common, whatever their stream, and what others hold of them. For the server's
// own source only.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "io/http/http_server.hpp"

namespace bistro::http_detail {

inline http_response problem_response(unsigned status, const std::string& code, const std::string& detail) {
    std::string text = R"({"type":"about:blank","status":)" + std::to_string(status) + R"(,"code":")" + code +
                       R"(","detail":")" + detail + "\"}\n";
    return {status, "application/problem+json", std::make_shared<const std::string>(std::move(text))};
}

class session_base;

// What lives as long as the last session or exchange, which others may hold.
struct shared_state {
    boost::asio::io_context context{1};
    http_server_options options;
    http_handler handler;
    bool is_loopback = true;
    std::mutex mutex;
    std::set<session_base*> sessions;  // under the mutex
    bool stopped = false;              // under the mutex: nobody runs the context any more

    std::size_t connections() {
        const std::lock_guard lock{mutex};
        return sessions.size();
    }

    // Has the server's thread do that, unless it has ended.
    template <class Action>
    void post(Action action) {
        const std::lock_guard lock{mutex};
        if (!stopped) boost::asio::post(context, std::move(action));
    }
};

class session_base : public std::enable_shared_from_this<session_base> {
public:
    explicit session_base(std::shared_ptr<shared_state> shared) : shared_{std::move(shared)} {
        const std::lock_guard lock{shared_->mutex};
        shared_->sessions.insert(this);
    }
    session_base(const session_base&) = delete;
    session_base& operator=(const session_base&) = delete;
    virtual ~session_base() {
        const std::lock_guard lock{shared_->mutex};
        shared_->sessions.erase(this);
    }

    virtual void close() = 0;
    virtual void take_answer(http_response response) = 0;
    virtual void begin_events() = 0;
    virtual void send_event(std::string bytes) = 0;
    /// Sends this and no more.
    virtual void end_events(std::string bytes) = 0;
    shared_state& shared() { return *shared_; }

    std::atomic<std::size_t> event_backlog = 0;
    std::atomic<bool> closed = false;

    // Who is closed first where there are too many: whoever has never asked anything, then who asks nothing now, then
    // who is slow to ask; of those alike, who is so for longest. Of the server's thread.
    enum class phase : std::uint8_t { silent, between_requests, asking, being_answered };
    phase now = phase::silent;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();

protected:
    const std::shared_ptr<shared_state> shared_;  // outlives the socket, which is a derived class's
};

class events_of_session : public http_events {
public:
    explicit events_of_session(std::shared_ptr<session_base> session) : session_{std::move(session)} {}

    bool send(std::string bytes) override {
        if (session_->closed || over_) return false;
        if (session_->event_backlog.fetch_add(bytes.size()) + bytes.size() > max_event_backlog) {
            over_ = true;
            session_->shared().post([s = session_] { s->end_events("event: dropped\ndata: {}\n\n"); });
            return false;
        }
        session_->shared().post([s = session_, b = std::move(bytes)]() mutable { s->send_event(std::move(b)); });
        return true;
    }

private:
    std::shared_ptr<session_base> session_;
    std::atomic<bool> over_ = false;
};

class exchange_of_session : public http_exchange {
public:
    exchange_of_session(std::shared_ptr<session_base> session, http_request request)
        : session_{std::move(session)}, request_{std::move(request)} {}
    exchange_of_session(const exchange_of_session&) = delete;
    exchange_of_session& operator=(const exchange_of_session&) = delete;
    ~exchange_of_session() override {
        answer(problem_response(500, "no_answer", "the scheduler gave no answer; it may be stopping"));
    }

    [[nodiscard]] const http_request& request() const override { return request_; }
    void answer(http_response response) override {
        if (answered_.exchange(true)) return;
        session_->shared().post([s = session_, r = std::move(response)]() mutable { s->take_answer(std::move(r)); });
    }
    std::shared_ptr<http_events> answer_with_events() override {
        if (answered_.exchange(true)) return nullptr;
        session_->shared().post([s = session_] { s->begin_events(); });
        return std::make_shared<events_of_session>(session_);
    }

private:
    std::shared_ptr<session_base> session_;
    http_request request_;
    std::atomic<bool> answered_ = false;
};

}  // namespace bistro::http_detail
