#include "actors/gateway.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

namespace bistro {

namespace {

constexpr const char* wrong_secret = "its secret is not that of this scheduler";

// Takes the same time whatever is wrong.
bool same_secret(const std::string& a, const std::string& b) {
    unsigned char difference = a.size() == b.size() ? 0 : 1;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
    return difference == 0;
}

caf::error refuse(gateway_actor::stateful_pointer<gateway_state> self, const std::string& why) {
    auto& s = self->state;
    if (const auto now = self->clock().now(); now >= s.next_warning) {
        spdlog::warn("refused a peer: {}{}", why,
                     s.unmentioned == 0 ? "" : " (and " + std::to_string(s.unmentioned) + " refusals before)");
        s.next_warning = now + refusal_log_interval;
        s.unmentioned = 0;
    } else {
        ++s.unmentioned;
    }
    return caf::make_error(refusal, why);
}

}  // namespace

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self, std::string secret,
                                              scheduler_actor scheduler) {
    return {
        [=](hello& m) -> caf::result<welcome> {
            if (m.version != protocol_version)
                return refuse(self, "it speaks version " + std::to_string(m.version) +
                                        " of the protocol, this scheduler " + std::to_string(protocol_version) +
                                        "; use the same version of bistro on all hosts");
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            if (!valid(m) || !m.worker) return refuse(self, "its hello is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](jobs_asked& m) -> caf::result<jobs_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            return self->delegate(scheduler, std::move(m));
        },
        [=](tasks_asked& m) -> caf::result<tasks_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            return self->delegate(scheduler, std::move(m));
        },
        [=](logs_asked& m) -> caf::result<logs_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            if (!valid(m)) return refuse(self, "its question for logs is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](explain_asked& m) -> caf::result<explanation> {
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            return self->delegate(scheduler, std::move(m));
        },
        [=](control_asked& m) -> caf::result<control_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, wrong_secret);
            if (!valid(m)) return refuse(self, "its command is not valid");
            return self->delegate(scheduler, std::move(m));
        },
    };
}

}  // namespace bistro
