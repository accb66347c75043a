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
constexpr const char* console_command_text = "its console command";

// Takes the question of whoever knows the secret; `name` is what it is called where it is not valid.
template <class Question, class Answer, class Actor>
auto handed_on(self_ptr self, const std::string& secret, const Actor& to, const char* name) {
    return [=](Question& m) -> caf::result<Answer> {
        if (!same_secret(m.secret, secret)) return refuse(self, a_client, wrong_secret);
        if constexpr (requires { valid(m); })
            if (!valid(m))
                return caf::make_error(not_understood,
                                       std::string{name} +
                                           " is not valid: a name or a text in it is empty or too long, "
                                           "or a number out of its range");
        return self->delegate(to, std::move(m));
    };
}

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
        handed_on<jobs_asked, jobs_answer>(self, secret, scheduler, "its question for jobs"),
        handed_on<tasks_asked, tasks_answer>(self, secret, scheduler, "its question for tasks"),
        handed_on<logs_asked, logs_answer>(self, secret, scheduler, "its question for logs"),
        handed_on<explain_asked, explanation>(self, secret, scheduler, "its question for an explanation"),
        handed_on<wait_asked, wait_answer>(self, secret, scheduler, "its question to wait"),
        handed_on<details_asked, job_details>(self, secret, scheduler, "its question for details"),
        handed_on<nodes_asked, nodes_answer>(self, secret, scheduler, "its question for nodes"),
        handed_on<control_asked, control_answer>(self, secret, scheduler, "its command"),
        [=](console_asked& m) -> caf::result<console_answer> {
            // Not by way of the scheduler: it may be what hangs.
            if (m.worker.empty() && console)
                return handed_on<console_asked, console_answer>(self, secret, console, console_command_text)(m);
            if (m.worker.empty() && same_secret(m.secret, secret))
                return caf::make_error(not_possible, std::string{"this process has no console"});
            return handed_on<console_asked, console_answer>(self, secret, scheduler, console_command_text)(m);
        },
    };
}

}  // namespace bistro
