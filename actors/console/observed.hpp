// Spawns actors so that the console can look at them, and so that a peer can't end them.
#pragma once

#include <caf/all.hpp>
#include <caf/default_attachable.hpp>
#include <memory>
#include <string>
#include <utility>

#include "actors/console/census.hpp"
#include "actors/console/description.hpp"
#include "actors/console/message_text.hpp"
#include "actors/runtime.hpp"

namespace bistro {

/// The actor whose turn it is on this thread, where it is observed.
struct actor_in_turn {
    std::shared_ptr<census> in;
    caf::actor_id id = 0;
};
inline actor_in_turn& current_turn() {
    static thread_local actor_in_turn instance;
    return instance;
}

/// Its turn is over when this is, whatever it throws.
class turn_of {
public:
    turn_of(std::shared_ptr<census> in, caf::actor_id id)
        : before_{std::exchange(current_turn(), actor_in_turn{std::move(in), id})} {}
    ~turn_of() { current_turn() = std::move(before_); }
    turn_of(const turn_of&) = delete;
    turn_of& operator=(const turn_of&) = delete;

private:
    actor_in_turn before_;
};

/// An actor of CAF's that takes exit messages only when its process is about to end its actors: CAF lets a peer send
/// them, with any sender, and ends an actor for a reason like "kill" before its handler is asked. With a census it also
/// keeps its record there of what it handles: messages, answers to its questions and what CAF itself tells it.
template <class Actor>
class observed : public Actor, private linked_actor {
public:
    observed(caf::actor_config& config, std::shared_ptr<std::atomic<bool>> ending, std::shared_ptr<census> in)
        : Actor{config}, ending_{std::move(ending)}, in_{std::move(in)} {
        // CAF's own handler writes each message that nobody takes to the standard error output, in full.
        this->set_default_handler(caf::drop);
        if (!in_) return;
        record_ = std::make_shared<actor_record>();
        record_->id = this->id();
        record_->parent = current_turn().id;
        record_->born_ns = now_ns();
    }

    using Actor::enqueue;
    void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
        if (ending_ && !*ending_ && message->content().template match_elements<caf::exit_msg>()) return;
        if (record_) record_->arrived.fetch_add(1, std::memory_order_relaxed);
        Actor::enqueue(std::move(message), unit);
    }

    void initialize() override {
        if (!in_) return Actor::initialize();
        const turn_of turn{in_, this->id()};
        Actor::initialize();
        record_->kind = this->name();
        if constexpr (requires { label_of(this->state); }) record_->label = label_of(this->state);
        record_->handle = caf::actor_cast<caf::weak_actor_ptr>(this->ctrl());
        record_->links = this;
        in_->add(record_);
    }

    caf::invoke_message_result consume(caf::mailbox_element& message) override {
        if (!record_) return Actor::consume(message);
        auto& content = message.content();
        if (content.template match_elements<describe_asked>()) {
            // It is the question of somebody who looks, not work.
            record_->arrived.fetch_sub(1, std::memory_order_relaxed);
            this->current_element_ = &message;
            this->make_response_promise().deliver(describe_now());
            return caf::invoke_message_result::consumed;
        }
        const turn_of turn{in_, record_->id};
        const auto& type = type_of(content);
        const auto begin = now_ns();
        record_->busy_with.store(&type, std::memory_order_relaxed);
        record_->busy_since_ns.store(begin, std::memory_order_relaxed);
        // What is handled may be taken apart, so it is put in words before.
        auto tapped = record_->tapped.wanted(begin) ? tapped_text(message) : std::string{};
        auto traced = in_->follows(begin) ? traced_text(*in_, *record_, content) : std::string{};
        const auto result = Actor::consume(message);
        const auto took = now_ns() - begin;
        record_->busy_since_ns.store(0, std::memory_order_relaxed);
        // It stays in the mailbox, until an answer that is awaited has come.
        if (result == caf::invoke_message_result::skipped) return result;
        // The time of a question is over that has been answered before, or its answer comes too late.
        if (result == caf::invoke_message_result::dropped) {
            record_->arrived.fetch_sub(1, std::memory_order_relaxed);
            return result;
        }
        record_->busy_ns.store(record_->busy_ns.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
        record_->count(type);
        if (!tapped.empty()) tell(record_->tapped, std::move(tapped), took);
        if (!traced.empty()) tell(in_->trace(), std::move(traced), took);
        return result;
    }

    bool cleanup(caf::error&& reason, caf::execution_unit* unit) override {
        if (in_) in_->remove(this->id());
        return Actor::cleanup(std::move(reason), unit);
    }

private:
    [[nodiscard]] std::size_t told_at_end(const std::vector<caf::actor_addr>& candidates,
                                          std::vector<caf::actor_id>& found) override {
        return this->shared_critical_section([&] {
            std::size_t others = 0;
            for (auto* a = this->attachables_head_.get(); a; a = a->next.get())
                if (auto* observer = dynamic_cast<caf::default_attachable*>(a))
                    if (!find_observer(*observer, candidates, found)) ++others;
            return others;
        });
    }

    static bool find_observer(caf::attachable& a, const std::vector<caf::actor_addr>& candidates,
                              std::vector<caf::actor_id>& found) {
        using token = caf::default_attachable::observe_token;
        for (const auto& candidate : candidates)
            for (const auto type : {caf::default_attachable::link, caf::default_attachable::monitor})
                if (a.matches(token{candidate, type})) {
                    found.push_back(candidate.id());
                    return true;
                }
        return false;
    }

    // Answers may be long, and whoever asked shows them.
    static std::string tapped_text(caf::mailbox_element& message) {
        const auto& content = message.content();
        if (!message.mid.is_response()) return text_of(content);
        const bool failed = content.template match_elements<caf::error>();
        return "answer: " + (failed ? text_of(content) : name_of(type_of(content)));
    }

    void tell(seen_messages& whom, std::string text, tick_ns took) {
        whom.add({0, wall_time(), record_->id, named(*record_), std::move(text), took});
    }

    description describe_now() {
        description d;
        if constexpr (requires { describe(this->state, d); }) describe(this->state, d);
        return d;
    }

    std::shared_ptr<std::atomic<bool>> ending_;
    std::shared_ptr<census> in_;
    std::shared_ptr<actor_record> record_;
};

namespace observed_detail {

template <caf::spawn_options Options, class F, class... Ts>
auto spawn(caf::actor_system& system, caf::execution_unit* host, std::shared_ptr<std::atomic<bool>> ending,
           std::shared_ptr<census> in, F behavior, Ts&&... arguments) {
    using actor_type = caf::infer_impl_from_fun_t<F>;
    caf::actor_config config{host};
    caf::detail::init_fun_factory<actor_type, F> factory;
    config.init_fun = factory(std::move(behavior), std::forward<Ts>(arguments)...);
    return system.spawn_class<observed<actor_type>, Options>(config, std::move(ending), std::move(in));
}

}  // namespace observed_detail

/// As spawn(behavior, arguments...) of a system, of an actor that peers can address.
template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Ts>
auto spawn_guarded(caf::actor_system& system, const runtime& run, F behavior, Ts&&... arguments) {
    return observed_detail::spawn<Options>(system, nullptr, run.ending, run.actors, std::move(behavior),
                                           std::forward<Ts>(arguments)...);
}

/// The same of one that peers can't address.
template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Ts>
auto spawn_observed(caf::actor_system& system, const runtime& run, F behavior, Ts&&... arguments) {
    return observed_detail::spawn<Options>(system, nullptr, nullptr, run.actors, std::move(behavior),
                                           std::forward<Ts>(arguments)...);
}

/// As spawn(behavior, arguments...) of an actor: the child is seen where its parent is.
template <caf::spawn_options Options = caf::no_spawn_options, class Parent, class F, class... Ts>
auto spawn_child(Parent* self, F behavior, Ts&&... arguments) {
    return observed_detail::spawn<Options>(self->system(), self->context(), nullptr, current_turn().in,
                                           std::move(behavior), std::forward<Ts>(arguments)...);
}

}  // namespace bistro
