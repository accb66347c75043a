#include "actors/gateway.hpp"

#include <caf/all.hpp>

#include "actors/program_log.hpp"
#include "io/terminal/terminal.hpp"
#include "model/secret.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr const char* wrong_secret = "its secret is not that of this scheduler";

using self_ptr = gateway_actor::stateful_pointer<gateway_state>;

caf::error refuse(self_ptr self, const std::string& peer, const std::string& why) {
    if (const auto unmentioned = self->state.refusals.refused(peer, self->clock().now()))
        log_of(log_part::network).warn("refused {}: {}{}", printable(peer), why, also_before(*unmentioned));
    return caf::make_error(refusal, why);
}

std::string name_of(const hello& m) {
    constexpr std::size_t longest = 100;
    return "worker " + shortened(m.who.info.shard.value + " on " + m.who.info.host, longest);
}

const std::string a_client = "a client";

}  // namespace

std::string version_mismatch(std::uint32_t theirs, std::uint32_t own) {
    return "it speaks version " + std::to_string(theirs) + " of the protocol, this process " + std::to_string(own) +
           "; use the same version of bistro on all hosts";
}

gateway_actor::behavior_type gateway_behavior(self_ptr self, std::string secret, std::uint64_t cluster,
                                              scheduler_actor scheduler, console_actor console) {
    return {
        [=](const protocol_asked& m) {
            if (m.version != protocol_version)
                static_cast<void>(
                    refuse(self, "a peer of another version", version_mismatch(m.version, protocol_version)));
            return protocol_answer{};
        },
        [=](hello& m) -> caf::result<welcome> {
            if (m.version != protocol_version)
                return refuse(self, name_of(m), version_mismatch(m.version, protocol_version));
            if (!same_secret(m.secret, secret)) return refuse(self, name_of(m), wrong_secret);
            if (const auto& sender = self->current_sender();
                !valid(m) || !m.worker || !sender || m.worker->node() != sender->node())
                return refuse(self, name_of(m), "its hello is not valid");
            if (m.cluster != 0 && m.cluster != cluster)
                return refuse(self, name_of(m),
                              "it is a member of another cluster, or of one whose data directory was replaced: what it "
                              "runs is not known here. It ends by its deadline; start it again");
            m.who.local = m.who.local && m.worker->node() == self->node();
            return self->delegate(scheduler, std::move(m));
        },
        [=](jobs_asked& m) -> caf::result<jobs_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            return self->delegate(scheduler, std::move(m));
        },
        [=](tasks_asked& m) -> caf::result<tasks_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question for tasks is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](logs_asked& m) -> caf::result<logs_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question for logs is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](explain_asked& m) -> caf::result<explanation> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question for an explanation is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](wait_asked& m) -> caf::result<wait_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question to wait is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](details_asked& m) -> caf::result<job_details> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question for details is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](nodes_asked& m) -> caf::result<nodes_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its question for nodes is not valid");
            return self->delegate(scheduler, std::move(m));
        },
        [=](console_asked& m) -> caf::result<console_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its console command is not valid");
            m.secret.clear();
            // Not by way of the scheduler: it may be what hangs.
            if (!m.worker.empty()) return self->delegate(scheduler, std::move(m));
            if (console) return self->delegate(console, std::move(m));
            return caf::make_error(caf::sec::invalid_argument, std::string{"this process has no console"});
        },
        [=](control_asked& m) -> caf::result<control_answer> {
            if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
            if (!valid(m)) return refuse(self, a_client, "its command is not valid");
            return self->delegate(scheduler, std::move(m));
        },
    };
}

}  // namespace bistro
