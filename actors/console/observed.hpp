// Spawns actors so that the console can look at them, and so that a peer can't end them.
#pragma once

#include <caf/all.hpp>
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
/// keeps its record there: what it handles passes by `handle`, around its behavior.
template <class Actor>
class observed : public Actor {
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
        const auto& content = message->content();
        if (ending_ && !*ending_ && content.template match_elements<caf::exit_msg>()) return;
        if (record_ && !message->mid.is_response() && !of_caf(content))
            record_->arrived.fetch_add(1, std::memory_order_relaxed);
        Actor::enqueue(std::move(message), unit);
    }

    void initialize() override {
        if (!in_) return Actor::initialize();
        const turn_of turn{in_, this->id()};
        Actor::initialize();
        record_->kind = this->name();
        if constexpr (requires { label_of(this->state); }) record_->label = label_of(this->state);
        record_->handle = caf::actor_cast<caf::weak_actor_ptr>(this->ctrl());
        in_->add(record_);
        if (this->bhvr_stack().empty()) return;
        auto& own = this->bhvr_stack().back();
        own = caf::behavior{caf::behavior::impl_ptr{caf::make_counted<around>(*this, own.as_behavior_impl())}};
    }

    bool cleanup(caf::error&& reason, caf::execution_unit* unit) override {
        if (in_) in_->remove(this->id());
        return Actor::cleanup(std::move(reason), unit);
    }

private:
    class around final : public caf::detail::behavior_impl {
    public:
        around(observed& self, pointer own) : self_{self}, own_{std::move(own)} {}
        caf::match_case::result invoke(caf::detail::invoke_result_visitor& f, caf::type_erased_tuple& xs) override {
            return self_.handle(*own_, f, xs);
        }

    private:
        observed& self_;
        pointer own_;
    };

    static bool of_caf(const caf::type_erased_tuple& content) {
        return content.match_elements<caf::down_msg>() || content.match_elements<caf::exit_msg>() ||
               content.match_elements<caf::error>();
    }

    caf::match_case::result handle(caf::detail::behavior_impl& own, caf::detail::invoke_result_visitor& f,
                                   caf::type_erased_tuple& xs) {
        if (xs.match_elements<describe_asked>()) {
            // It is the question of somebody who looks, not work.
            record_->arrived.fetch_sub(1, std::memory_order_relaxed);
            this->template make_response_promise<description>().deliver(describe_now());
            return caf::match_case::match;
        }
        const turn_of turn{in_, record_->id};
        const auto& type = type_of(xs);
        const auto begin = now_ns();
        record_->busy_with.store(&type, std::memory_order_relaxed);
        record_->busy_since_ns.store(begin, std::memory_order_relaxed);
        // What is handled may be taken apart, so it is put in words before.
        auto tapped = record_->tapped.wanted() ? text_of(xs) : std::string{};
        auto traced = in_->follows() ? traced_text(*in_, *record_, xs) : std::string{};
        const auto result = own.invoke(f, xs);
        const auto took = now_ns() - begin;
        record_->busy_since_ns.store(0, std::memory_order_relaxed);
        record_->busy_ns.store(record_->busy_ns.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
        record_->count(type);
        if (!tapped.empty()) tell(record_->tapped, std::move(tapped), took);
        if (!traced.empty()) tell(in_->trace(), std::move(traced), took);
        return result;
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
template <class Parent, class F, class... Ts>
auto spawn_child(Parent* self, F behavior, Ts&&... arguments) {
    return observed_detail::spawn<caf::no_spawn_options>(self->system(), self->context(), nullptr, current_turn().in,
                                                         std::move(behavior), std::forward<Ts>(arguments)...);
}

}  // namespace bistro
