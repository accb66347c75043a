// A command's connection to a scheduler.
#pragma once

#include <caf/all.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "actors/app/commands.hpp"
#include "actors/network.hpp"
#include "actors/runtime.hpp"

namespace bistro {

/// Lives for the length of a command.
class client {
public:
    explicit client(const target_arguments& target);

    [[nodiscard]] bool connected() const { return static_cast<bool>(gateway_); }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] bool bad_arguments() const { return bad_usage_; }
    /// No scheduler runs there, as far as can be seen.
    [[nodiscard]] bool nobody() const { return nobody_; }
    /// The scheduler does not know what it was asked for, or can't do it.
    [[nodiscard]] bool unknown() const { return unknown_; }

    template <class Answer, class Question>
    std::optional<Answer> ask(Question question) {
        question.secret = secret_;
        std::optional<Answer> result;
        caf::scoped_actor self{*system_};
        self->request(gateway_, local_request_timeout, std::move(question))
            .receive([&](Answer& answer) { result = std::move(answer); },
                     [&](const caf::error& e) {
                         unknown_ = is_of_question(e);
                         error_ = reason_of(e);
                         if (!unknown_) error_ = "the scheduler refuses: " + error_;
                     });
        return result;
    }

    /// The same without a limit to the time, but for `timeout_s` (0: none), which gives nothing and no error.
    template <class Answer, class Question>
    std::optional<Answer> wait_for(Question question, std::int64_t timeout_s);

private:
    static bool is_of_question(const caf::error& e) {
        return e == not_there || e == not_understood || e == not_possible;
    }
    void refuse_arguments(std::string why) {
        error_ = std::move(why);
        bad_usage_ = true;
    }

    std::string secret_;
    std::string error_;
    bool bad_usage_ = false;
    bool nobody_ = false;
    bool unknown_ = false;
    std::unique_ptr<system_config> config_;
    std::unique_ptr<caf::actor_system> system_;
    gateway_actor gateway_;
};

/// Says why, and gives the exit code.
int unreachable(const client& c);

template <class Answer, class Question>
std::optional<Answer> client::wait_for(Question question, std::int64_t timeout_s) {
    question.secret = secret_;
    std::promise<std::optional<Answer>> promise;
    auto future = promise.get_future();
    auto waiter = [&](caf::event_based_actor* self, const gateway_actor& gateway) {
        const auto fail = [this, self, &promise](const caf::error& e, const std::string& text) {
            unknown_ = is_of_question(e);
            error_ = text;
            promise.set_value(std::nullopt);
            self->quit();
        };
        self->monitor(gateway);
        self->set_down_handler(
            [=](const caf::down_msg& m) { fail(m.reason, "the connection to the scheduler is lost"); });
        self->set_exit_handler([=, &promise](const caf::exit_msg&) {
            promise.set_value(std::nullopt);
            self->quit();
        });
        self->request(gateway, caf::infinite, std::move(question))
            .then(
                [self, &promise](Answer& answer) {
                    promise.set_value(std::move(answer));
                    self->quit();
                },
                [=](const caf::error& e) { fail(e, reason_of(e)); });
    };
    const auto actor = system_->spawn(waiter, gateway_);
    if (timeout_s > 0 && future.wait_for(std::chrono::seconds{timeout_s}) == std::future_status::timeout)
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    return future.get();
}

}  // namespace bistro
