// Runs actors one message at a time, in virtual time: nothing moves unless a test says so.
#pragma once

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/console/census.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"

namespace bistro::test {

class test_config : public caf::actor_system_config {
public:
    test_config() {
        config_file_path.clear();
        add_message_types<caf::id_block::bistro>();
        set("scheduler.policy", caf::atom("testing"));
    }
};

class actor_test : public ::testing::Test {
protected:
    using test_scheduler = caf::scheduler::test_coordinator;

    test_scheduler& coordinator() { return dynamic_cast<test_scheduler&>(system.scheduler()); }

    /// Delivers messages until none is left, also those that are only gathered for a moment.
    void run() {
        do {
            deliver();
        } while (coordinator().clock().advance_time(gathering) > 0);
    }

    /// Moves the clock on in steps, with all messages of each step delivered.
    void pass(std::chrono::milliseconds time) {
        constexpr std::chrono::milliseconds step{50};
        for (auto left = time; left.count() > 0; left -= step) {
            coordinator().clock().advance_time(std::min(left, step));
            coordinator().clock().trigger_expired_timeouts();
            deliver();
        }
        run();
    }

    runtime clock() {
        return {[this] {
                    const auto now = coordinator().clock().now().time_since_epoch();
                    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 1'000'000;
                },
                nullptr, seen};
    }

    /// Ends what a test spawned; a periodic actor alive at the end would hang the system's.
    void TearDown() override {
        for (auto actor = spawned.rbegin(); actor != spawned.rend(); ++actor)
            caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
        run();
        spawned.clear();
        coordinator().clock().cancel_all();
        run();
    }

    template <class Handle>
    Handle track(Handle handle) {
        spawned.push_back(caf::actor_cast<caf::actor>(handle));
        return handle;
    }

    /// Asks; the answer may come at any time while the test lasts.
    template <class Answer, class Handle, class Question>
    caf::actor ask_for(std::optional<Answer>& answer, const Handle& to, Question question) {
        auto ask_once = [&answer, question](caf::event_based_actor* self, const Handle& whom) {
            self->request(whom, caf::infinite, question)
                .then([&answer](const Answer& a) { answer = a; }, [](const caf::error&) {});
        };
        // With an argument: CAF dereferences the null pointer that it has for none.
        return track(caf::actor{system.spawn(ask_once, to)});
    }

    /// Asks, and delivers messages until there is an answer.
    template <class Answer, class Handle, class Question>
    std::optional<Answer> ask(const Handle& to, Question question) {
        std::optional<Answer> answer;
        const auto asker = ask_for(answer, to, question);
        run();
        if (!answer) caf::anon_send_exit(asker, caf::exit_reason::kill);
        run();
        return answer;
    }

    void deliver() {
        while (coordinator().try_run_once()) {
        }
    }

    static constexpr std::chrono::milliseconds gathering{5};

    std::shared_ptr<census> seen;  ///< where actors are seen; null: nowhere
    test_config config;
    caf::actor_system system{config};
    std::vector<caf::actor> spawned;
};

}  // namespace bistro::test
