#include "tests/simulation/network.hpp"

namespace bistro::simulation {

namespace {

// Stands for an actor of another process: whatever it is sent crosses the connection.
class stand_in_actor final : public caf::monitorable_actor {
public:
    stand_in_actor(caf::actor_config& cfg, connection& crossing, side target_side, caf::strong_actor_ptr target)
        : caf::monitorable_actor{cfg}, crossing_{&crossing}, target_side_{target_side}, target_{std::move(target)} {}

    using caf::abstract_actor::enqueue;
    void enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
        if (crossing_ == nullptr) return;
        auto content = message->move_content_to_message();
        if (content.match_elements<caf::exit_msg>() || content.match_elements<caf::down_msg>()) return;
        crossing_->send(target_side_, {message->sender, target_, message->mid, std::move(content)});
    }
    const char* name() const override { return "stand_in"; }

    void disconnect() {
        crossing_ = nullptr;
        target_ = nullptr;
        cleanup(caf::error{caf::exit_reason::remote_link_unreachable}, nullptr);
    }

private:
    connection* crossing_;
    side target_side_;
    caf::strong_actor_ptr target_;
};

stand_in_actor& as_stand_in(const caf::strong_actor_ptr& actor) {
    return dynamic_cast<stand_in_actor&>(*caf::actor_cast<caf::abstract_actor*>(actor));
}

}  // namespace

connection::~connection() {
    for (auto& actors : stand_ins_)
        for (auto& [id, actor] : actors) as_stand_in(actor).disconnect();
}

caf::strong_actor_ptr connection::stand_in(side where, const caf::strong_actor_ptr& actor) {
    if (!actor) return nullptr;
    auto& known = stand_ins_.at(static_cast<std::size_t>(where))[actor->id()];
    if (!known) {
        caf::actor_config config;
        known = caf::make_actor<stand_in_actor, caf::strong_actor_ptr>(system_.next_actor_id(), system_.node(),
                                                                       &system_, config, *this, other(where), actor);
    }
    return known;
}

void connection::send(side to, envelope message) {
    if (open_) queue(to).push_back(std::move(message));
}

envelope connection::take(side to) {
    auto message = std::move(queue(to).front());
    queue(to).pop_front();
    return message;
}

void connection::deliver(side to, envelope message) {
    message.to->enqueue(stand_in(to, message.from), message.id, std::move(message.content), nullptr);
}

void connection::cut(side to, std::size_t arrived) {
    open_ = false;
    queue(to).resize(arrived);
    stall(to, false);
}

void connection::notice(side by) {
    noticed_.at(static_cast<std::size_t>(by)) = true;
    for (auto& [id, actor] : stand_ins_.at(static_cast<std::size_t>(by))) as_stand_in(actor).disconnect();
    stand_ins_.at(static_cast<std::size_t>(by)).clear();
}

}  // namespace bistro::simulation
