// The worker's side of the protocol: whether it is a member, until when it may run tasks, which orders it carries out
// and which results it still owes. Pure: the time is an argument, and what is to be done comes back as a value.
//
// Its states: no connection; connected, with a hello under way or due; member. Once it has been a member, silence has
// a deadline in each of them, and behind the deadline there is only the end. The scheduler's side is worker_registry
// (who is a member) and scheduler_side (what a hello means for tasks).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/liveness.hpp"
#include "model/partition.hpp"
#include "model/task_order.hpp"
#include "model/worker_registry.hpp"

namespace bistro {

/// Between two hellos that were not answered, or answered with a no.
inline constexpr time_ms hello_retry_wait_ms = 1'000;
/// A newcomer that is refused for so long ends. Not at once: a scheduler that is just starting has opened its port, but
/// may not have left its secret yet where workers of the same host look for it.
inline constexpr time_ms refusal_patience_ms = 5'000;
/// Messages with orders that are kept until the welcome comes: more than a scheduler sends in the meantime. With one
/// more, all of them are void, and the worker says hello again.
inline constexpr std::size_t max_early_orders = 10'000;
/// After its last task has ended, a stopping worker waits this long for its results to be acknowledged; and, while it
/// has no connection, for one to come back, until its deadline.
inline constexpr time_ms farewell_wait_ms = 5'000;

class worker_side {
public:
    /// Sessions are numbered from `first_session`, a random number, so that nobody guesses one. A local worker lives in
    /// its scheduler's process: it has no deadline.
    worker_side(std::uint64_t first_session, bool local) : local_{local}, session_{first_session} {}

    // -- connection and hello

    void connected();
    void disconnected();

    /// What a hello says.
    struct greeting {
        std::uint64_t session = 0;
        std::vector<task_report> running;
        std::vector<finished_task> unacknowledged;
    };
    /// The hello to say now, or nothing: there is no connection, one is under way, or it would come too late. Whatever
    /// belongs to an earlier session is void from here on.
    std::optional<greeting> say_hello(time_ms now);

    enum class reception : std::uint8_t {
        void_,     ///< of an earlier hello, too old, or too late to matter: nothing changes
        joined,    ///< a member for the first time: results and early orders are due
        rejoined,  ///< a member again: the same
        not_yet,   ///< say hello again later
        given_up,  ///< its tasks run elsewhere: stop
    };
    reception welcomed(std::uint64_t session, hello_verdict verdict, worker_index index,
                       const liveness_timeouts& timeouts, time_ms now);

    /// So many pools of the scheduler give orders, each with ids of its own.
    void take_orders_of(std::uint32_t pools);

    enum class refusal_meaning : std::uint8_t { void_, first, again, final };
    /// The hello was answered by a refusal. The connection counts as lost. `final`: stop.
    refusal_meaning refused(std::uint64_t session, time_ms now);
    /// The hello was not answered. The connection counts as lost. False where it means nothing any more.
    bool unanswered(std::uint64_t session);

    // -- time

    /// A sign of life of the scheduler, in answer to what was sent at `sent_ms`: it counted from some moment after
    /// that, so counting from there errs to the safe side. False where it belongs to an earlier session.
    bool heard(std::uint64_t session, time_ms sent_ms);
    /// The scheduler may be about to run its tasks elsewhere.
    [[nodiscard]] bool overdue(time_ms now) const;
    /// How long what runs may live without another sign of life; nothing for a local worker.
    [[nodiscard]] std::optional<time_ms> left_to_live(time_ms now) const;

    enum class wakeup : std::uint8_t {
        nothing,
        say_hello,
        send_heartbeat,
        stop,  ///< overdue: stop all that runs
        end,   ///< nothing runs, and nobody takes the results in time: see lost_results()
    };
    wakeup wake(time_ms now);
    /// When to wake it next, from now; at least 1.
    [[nodiscard]] time_ms next_wake_ms(time_ms now) const;

    // -- tasks

    struct launch {
        task_order_ptr order;
        job_command_ptr command;
    };
    struct carried_out {
        std::vector<launch> launches;
        std::vector<finished_task> ends;  ///< to be told: of null tasks, and of orders that are not carried out
        bool too_many = false;            ///< early orders; a hello is due, which voids them
    };
    /// Orders from the pool. Those of another session are void; those before the welcome are kept for it.
    carried_out take_orders(start_tasks&& orders, time_ms now);
    /// Those that came before the welcome.
    carried_out take_early_orders(time_ms now);
    /// An attempt has ended. What to tell the pool if this worker is a member; nothing where the attempt is not known.
    std::optional<finished_task> ended(const attempt_end& end, time_ms now);
    /// Nothing where that is of another session.
    void acknowledged(std::uint64_t session, const std::vector<invocation_id>& invocations);

    // -- the end

    /// No more tasks; those that run must be stopped. False if that was so already.
    bool stop(time_ms now);
    /// It stops, nothing runs, and no result waits to be acknowledged.
    [[nodiscard]] bool may_end() const { return stopping_ && running_.empty() && unacknowledged_.empty(); }

    [[nodiscard]] bool is_stopping() const { return stopping_; }
    [[nodiscard]] bool is_member() const { return member_; }
    [[nodiscard]] bool is_local() const { return local_; }
    [[nodiscard]] bool runs_nothing() const { return running_.empty(); }
    [[nodiscard]] worker_index index() const { return index_; }
    [[nodiscard]] std::uint64_t session() const { return session_; }
    [[nodiscard]] const liveness_timeouts& timeouts() const { return timeouts_; }
    /// Messages so far that were of an earlier session.
    [[nodiscard]] std::uint64_t fenced() const { return fenced_; }
    /// True where that is of this session; else it is counted.
    bool is_current(std::uint64_t session);
    /// How many results nobody took before the end.
    [[nodiscard]] std::size_t lost_results() const { return lost_results_; }
    /// The results that are not acknowledged.
    [[nodiscard]] std::vector<finished_task> results() const;
    [[nodiscard]] std::size_t unacknowledged() const { return unacknowledged_.size(); }

private:
    struct running_task {
        task_order_ptr order;
        job_command_ptr command;
        time_ms started_ms = 0;
    };

    bool answers(std::uint64_t session);
    void drop_results();
    void begin_farewell(time_ms now);
    void refuse(const task_order& order, const std::string& reason, time_ms now, carried_out& result);
    void carry_out(task_order&& order, time_ms now, carried_out& result);

    bool local_;
    std::uint64_t session_;
    bool connected_ = false;
    bool hello_under_way_ = false;
    bool member_ = false;
    bool ever_member_ = false;
    bool stopping_ = false;
    worker_index index_;
    liveness_timeouts timeouts_;
    time_ms last_heard_ms_ = 0;
    time_ms hello_sent_ms_ = 0;
    std::optional<time_ms> refused_since_ms_;
    std::optional<time_ms> farewell_at_ms_;  // of a stopping worker that runs nothing
    std::uint64_t fenced_ = 0;
    std::size_t lost_results_ = 0;
    std::vector<start_tasks> early_orders_;  // of this session
    std::map<job_id, job_command_ptr> commands_;
    std::map<invocation_id, running_task> running_;
    std::map<invocation_id, finished_task> unacknowledged_;
    // By pool: its ids only grow, so what is not above this has been started or refused.
    std::vector<invocation_id> last_started_{invocation_id{}};
};

}  // namespace bistro
