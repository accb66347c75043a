// Connections between the simulated processes: what crosses them is held back until the simulation delivers it, in the
// order of each direction, as over TCP. Actors of the other process are represented by stand-ins.
#pragma once

#include <array>
#include <caf/all.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace bistro::simulation {

/// The two ends of a connection.
enum class side : std::uint8_t { scheduler, worker };
constexpr side other(side s) { return s == side::scheduler ? side::worker : side::scheduler; }

struct envelope {
    caf::strong_actor_ptr from;  ///< null: nobody waits for an answer
    caf::strong_actor_ptr to;
    caf::message_id id;
    caf::message content;
};

class connection {
public:
    connection(caf::actor_system& system, std::size_t worker) : system_{system}, worker_{worker} {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    [[nodiscard]] std::size_t worker() const { return worker_; }
    [[nodiscard]] bool open() const { return open_; }
    /// Messages for that side, the oldest first.
    [[nodiscard]] const std::deque<envelope>& under_way(side to) const { return queue(to); }
    [[nodiscard]] bool stalled(side to) const { return stalled_.at(static_cast<std::size_t>(to)); }
    void stall(side to, bool yes) { stalled_.at(static_cast<std::size_t>(to)) = yes; }

    /// What represents `actor`, of the other side, on side `where`.
    caf::strong_actor_ptr stand_in(side where, const caf::strong_actor_ptr& actor);
    /// Takes the oldest message for that side out; its sender is still the true one.
    envelope take(side to);
    /// Hands it to its receiver, with a stand-in for its sender.
    void deliver(side to, envelope message);
    /// What is under way to that side is lost but for the first `arrived`, which are still to be delivered. Each side
    /// learns of it by notice(), after them.
    void cut(side to, std::size_t arrived);
    /// That side has not been told yet that the connection is cut.
    [[nodiscard]] bool unnoticed(side by) const { return !open_ && !noticed_.at(static_cast<std::size_t>(by)); }
    /// Whoever monitors a stand-in on that side hears that it is gone.
    void notice(side by);

    /// Called by stand-ins.
    void send(side to, envelope message);

private:
    [[nodiscard]] const std::deque<envelope>& queue(side to) const { return queues_.at(static_cast<std::size_t>(to)); }
    std::deque<envelope>& queue(side to) { return queues_.at(static_cast<std::size_t>(to)); }

    caf::actor_system& system_;
    std::size_t worker_;
    bool open_ = true;
    std::array<bool, 2> stalled_{};
    std::array<bool, 2> noticed_{};
    std::array<std::deque<envelope>, 2> queues_;
    std::array<std::map<caf::actor_id, caf::strong_actor_ptr>, 2> stand_ins_;
};

}  // namespace bistro::simulation
