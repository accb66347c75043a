#include "actors/loop_coordinator.hpp"

#include <boost/asio/steady_timer.hpp>
#include <caf/all.hpp>
#include <caf/detail/simple_actor_clock.hpp>
#include <caf/logger.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <deque>
#include <future>
#include <mutex>

namespace bistro {

namespace {

// After so many turns of actors, what else the loop waits for gets its turn.
constexpr std::size_t turns_in_a_row = 64;

// Timeouts and delayed messages, by a timer of the loop. Any thread may set them.
class loop_clock final : public caf::detail::simple_actor_clock {
public:
    explicit loop_clock(io_loop& loop) : loop_{loop}, timer_{loop.context()} {}

    void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                              std::uint64_t id) override {
        locked([&] { simple_actor_clock::set_ordinary_timeout(t, self, type, id); });
    }
    void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override {
        locked([&] { simple_actor_clock::set_multi_timeout(t, self, type, id); });
    }
    void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override {
        locked([&] { simple_actor_clock::set_request_timeout(t, self, id); });
    }
    void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override {
        locked([&] { simple_actor_clock::cancel_ordinary_timeout(self, type); });
    }
    void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override {
        locked([&] { simple_actor_clock::cancel_request_timeout(self, id); });
    }
    void cancel_timeouts(caf::abstract_actor* self) override {
        locked([&] { simple_actor_clock::cancel_timeouts(self); });
    }
    void schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override {
        locked([&] { simple_actor_clock::schedule_message(t, std::move(receiver), std::move(content)); });
    }
    void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                          caf::message content) override {
        locked(
            [&] { simple_actor_clock::schedule_message(t, std::move(target), std::move(sender), std::move(content)); });
    }
    void cancel_all() override {
        locked([&] { simple_actor_clock::cancel_all(); });
    }

    // On the loop.
    void stop() {
        cancel_all();
        stopped_ = true;
        timer_.cancel();
    }

private:
    template <class F>
    void locked(F&& change) {
        {
            const std::lock_guard lock{mutex_};
            change();
            if (schedule_.empty() || schedule_.begin()->first >= armed_for_) return;
            armed_for_ = schedule_.begin()->first;
        }
        if (loop_.on_its_thread())
            arm();
        else
            loop_.post([this] { arm(); });
    }

    void arm() {
        const std::lock_guard lock{mutex_};
        if (stopped_ || armed_for_ == time_point::max()) return;
        timer_.expires_at(armed_for_);
        timer_.async_wait([this](const boost::system::error_code& ec) {
            if (!ec) fire();
        });
    }

    void fire() {
        {
            const std::lock_guard lock{mutex_};
            trigger_expired_timeouts();
            armed_for_ = schedule_.empty() ? time_point::max() : schedule_.begin()->first;
        }
        arm();
    }

    io_loop& loop_;
    boost::asio::steady_timer timer_;
    std::recursive_mutex mutex_;  // a message that is dropped may end an actor, which cancels its timeouts
    time_point armed_for_ = time_point::max();
    bool stopped_ = false;
};

// Stands where CAF's printing actor does, and says nothing.
class silent_printer final : public caf::event_based_actor {
public:
    explicit silent_printer(caf::actor_config& config) : event_based_actor{config} { set_default_handler(caf::drop); }

    caf::behavior make_behavior() override {
        return {[](const std::string&) {}};
    }
};

class loop_coordinator final : public caf::scheduler::abstract_coordinator {
public:
    loop_coordinator(caf::actor_system& system, io_loop& loop)
        : abstract_coordinator{system}, loop_{loop}, clock_{loop}, unit_{*this} {}

    // CAF has its printing actor tell of each message that its receiver does not take, as a peer may send one. Without
    // any, that would be a crash.
    void start() override {
        utility_actors_[printer_id] = caf::actor_cast<caf::actor>(system().spawn<silent_printer, caf::hidden>());
    }

    void stop() override {
        std::promise<void> done;
        loop_.post([&] {
            utility_actors_[printer_id] = nullptr;
            stopped_ = true;
            drop_all();
            clock_.stop();
            caf::logger::set_current_actor_system(nullptr);
            // Behind what is under way on the loop and refers to this.
            loop_.post([&] { done.set_value(); });
        });
        done.get_future().wait();
    }

    caf::actor_clock& clock() noexcept override { return clock_; }

    void enqueue(caf::resumable* what) override {
        if (loop_.on_its_thread()) return push(what);
        {
            const std::lock_guard lock{mutex_};
            arrived_.push_back(what);
            if (arrived_.size() > 1) return;  // whoever came first has called the loop
        }
        loop_.post([this] { take_arrived(); });
    }

private:
    class unit final : public caf::execution_unit {
    public:
        explicit unit(loop_coordinator& owner) : execution_unit{&owner.system()}, owner_{owner} {}
        void exec_later(caf::resumable* what) override { owner_.push(what); }

    private:
        loop_coordinator& owner_;
    };

    void push(caf::resumable* what) {
        ready_.push_back(what);
        if (!std::exchange(turn_scheduled_, true)) loop_.post([this] { run(); });
    }

    void take_arrived() {
        {
            const std::lock_guard lock{mutex_};
            ready_.insert(ready_.end(), arrived_.begin(), arrived_.end());
            arrived_.clear();
        }
        if (!turn_scheduled_) run();
    }

    void run() {
        turn_scheduled_ = true;
        caf::logger::set_current_actor_system(&system());
        for (std::size_t turns = 0; turns < turns_in_a_row && !ready_.empty(); ++turns) {
            auto* next = ready_.front();
            ready_.pop_front();
            switch (next->resume(&unit_, max_throughput())) {
                case caf::resumable::resume_later: ready_.push_back(next); break;
                case caf::resumable::done:
                case caf::resumable::awaiting_message: caf::intrusive_ptr_release(next); break;
                case caf::resumable::shutdown_execution_unit: break;
            }
        }
        turn_scheduled_ = false;
        if (stopped_) return drop_all();
        if (ready_.empty()) return;
        turn_scheduled_ = true;
        loop_.post([this] { run(); });
    }

    void drop_all() {
        while (!ready_.empty()) {
            auto* next = ready_.front();
            ready_.pop_front();
            cleanup_and_release(next);
        }
    }

    io_loop& loop_;
    loop_clock clock_;
    unit unit_;
    std::deque<caf::resumable*> ready_;  // the loop's own
    bool turn_scheduled_ = false;
    bool stopped_ = false;
    std::mutex mutex_;
    std::vector<caf::resumable*> arrived_;  // from other threads
};

}  // namespace

caf::actor_system::module* make_loop_coordinator(caf::actor_system& system, io_loop& loop) {
    return new loop_coordinator{system, loop};
}

}  // namespace bistro
