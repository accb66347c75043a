#include "actors/network.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <random>
#include <set>

#include "actors/gateway.hpp"
#include "actors/loop_coordinator.hpp"
#include "actors/network_door.hpp"
#include "actors/program_log.hpp"
#include "actors/runtime.hpp"
#include "actors/tls_transport.hpp"
#include "io/host.hpp"

namespace bistro {

namespace {

// Of one actor; then others that share its thread, timers and sockets have their turn.
constexpr std::size_t messages_a_turn = 25;

// CAF's own sign of life on a connection; the project's heartbeats decide, this only notices dead peers for clients.
constexpr std::int64_t caf_heartbeat_ms = 10'000;
constexpr std::int64_t caf_connection_timeout_ms = 60'000;

// What went wrong on the way to a scheduler, and what to do, in words for people.
std::string text_of(const caf::error& e, bool with_tls, bool was_here_before = false) {
    if (e == caf::sec::disconnect_during_handshake && was_here_before)
        return "it ended the handshake; it may be starting";
    if (e == caf::sec::disconnect_during_handshake && with_tls) return last_handshake_problem();
    if (e == caf::sec::disconnect_during_handshake)
        return "it ended the handshake: it may want mutual TLS; name a config with [worker.tls]";
    if (e == caf::sec::cannot_connect_to_node) return "nobody listens there, or there is no such host";
    if (e == caf::sec::request_timeout) return "no answer in time";
    return caf::to_string(e);
}

std::chrono::milliseconds reconnect_wait(int failures) {
    static thread_local std::minstd_rand random{std::random_device{}()};
    const auto wait = std::min(first_reconnect_wait * (1 << std::min(failures, 10)), longest_reconnect_wait);
    return std::chrono::milliseconds{wait.count() * 3 / 4 +
                                     static_cast<std::int64_t>(random() % 1000) * wait.count() / 2000};
}

using connector_ptr = connector_actor::stateful_pointer<connector_state>;

void try_again(connector_ptr self) {
    auto& s = self->state;
    self->delayed_send(self, reconnect_wait(s.failures++), wake_due{});
}

// What a scheduler of another version says of its version; an error where it is so old that it does not know the
// question.
std::string wrong_version(const caf::expected<protocol_answer>& answer) {
    if (answer) return answer->version == protocol_version ? "" : version_mismatch(answer->version, protocol_version);
    return answer.error() == caf::sec::unexpected_message
               ? "it is of an older version; use the same version of bistro on "
                 "all hosts"
               : text_of(answer.error(), false);
}

// Beside the hello, which must not wait for this.
void ask_for_version(connector_ptr self, const caf::strong_actor_ptr& gateway, const std::string& where) {
    const auto answered = [=](const caf::expected<protocol_answer>& answer) {
        const auto problem = wrong_version(answer);
        if (!problem.empty() && std::exchange(self->state.last_problem, problem) != problem)
            log_of(log_part::network).warn("can't join the scheduler at {}: {}", where, problem);
    };
    self->request(caf::actor_cast<gateway_actor>(gateway), connect_timeout, protocol_asked{})
        .then([=](const protocol_answer& answer) { answered(answer); },
              [=](const caf::error& e) {
                  if (e == caf::sec::unexpected_message) answered(e);  // else the connection is gone, most likely
              });
}

void search(connector_ptr self) {
    auto& s = self->state;
    std::optional<scheduler_address> address;
    try {
        address = s.find();
    } catch (const std::exception& e) {
        if (s.failures == 0) log_of(log_part::network).warn("{}", e.what());
    }
    if (!address) {
        if (s.failures == 0) log_of(log_part::network).info("waiting for the scheduler to appear");
        return try_again(self);
    }
    const auto where = to_string(endpoint{address->host, address->port});
    self->request(network_door::entry(self->system()), connect_timeout, caf::connect_atom::value, address->host,
                  address->port)
        .then(
            [=, secret = address->secret](const caf::node_id&, const caf::strong_actor_ptr& gateway,
                                          const std::set<std::string>&) {
                auto& state = self->state;
                if (!gateway) return try_again(self);
                state.searching = false;
                state.found_at = self->clock().now();
                state.ever_found = true;
                caf::anon_send(caf::actor_cast<caf::actor>(gateway), secret_told{secret});
                self->send(caf::actor_cast<worker_actor>(state.client), gateway_found{gateway, secret});
                ask_for_version(self, gateway, where);
            },
            [=](const caf::error& e) {
                if (self->state.failures == 0)
                    log_of(log_part::network)
                        .info("waiting for the scheduler at {} ({})", where,
                              text_of(e, self->state.with_tls, self->state.ever_found));
                try_again(self);
            });
}

}  // namespace

system_config::system_config(const std::optional<tls_settings>& tls) {
    config_file_path.clear();
    add_message_types<caf::id_block::bistro>();
    std::shared_ptr<const tls_context> context;
    if (tls) context = std::make_shared<tls_context>(tls->ca, tls->certificate, tls->key);
    module_factories.emplace_back([context](caf::actor_system& system) { return network_door::make(system, context); });
    // The other policy, work stealing, polls when idle.
    set("scheduler.policy", caf::atom("sharing"));
    // The way of a task leads through several actors, one after the other. Waking a thread for each of them costs more
    // than it gains while cores are few and busy with the tasks themselves.
    set("scheduler.max-throughput", messages_a_turn);
    set("scheduler.max-threads", std::max<std::size_t>(usable_cores() / 2, 1));
    set("middleman.heartbeat-interval", caf::timespan{std::chrono::milliseconds{caf_heartbeat_ms}});
    set("middleman.connection-timeout", caf::timespan{std::chrono::milliseconds{caf_connection_timeout_ms}});
}

void system_config::run_on(io_loop& loop) {
    module_factories.emplace_back([&loop](caf::actor_system& system) { return make_loop_coordinator(system, loop); });
}

std::string listen_problem(const endpoint& where, const std::optional<tls_settings>& tls, bool insecure) {
    if (is_loopback(where) || tls || insecure) return {};
    return "will not listen on " + to_string(where) +
           " without mutual TLS: whoever can connect may run commands. Configure [network.tls], listen on 127.0.0.1, "
           "or say --insecure";
}

std::string http_problem(const std::optional<http_settings>& http, bool insecure) {
    if (!http || insecure || is_loopback(http->listen) || (!http->token_file.empty() && !http->certificate.empty()))
        return {};
    return "will not serve HTTP on " + to_string(http->listen) +
           " without tokens and TLS: whoever can connect may run commands. Configure http_token_file, http_certificate "
           "and "
           "http_key in [network], listen on 127.0.0.1, or say --insecure";
}

publish_result publish_gateway(caf::actor_system& system, const gateway_actor& gateway, const std::string& secret,
                               const endpoint& where) {
    network_door::open(system, gateway.id(), secret);
    const auto host = where.host == "localhost" ? std::string{"127.0.0.1"} : where.host;
    // Connections of a scheduler that was killed linger for a minute; they must not keep the next one from its port.
    constexpr bool reuse = true;
    auto publish = caf::make_function_view(network_door::entry(system));
    const auto port = publish(caf::publish_atom::value, where.port, caf::actor_cast<caf::strong_actor_ptr>(gateway),
                              system.message_types(gateway), host, reuse);
    if (port) return {*port, {}};
    return {0, "can't listen on " + to_string(where) + " (" + caf::to_string(port.error()) +
                   "): is the port in use, or the address not of this host? Choose another with [network] listen"};
}

connector_actor::behavior_type connector_behavior(connector_ptr self, address_finder find, bool with_tls) {
    self->state.find = std::move(find);
    self->state.with_tls = with_tls;
    return {
        [=](const gateway_wanted&) {
            auto& s = self->state;
            s.client = self->current_sender();
            if (std::exchange(s.searching, true)) return;
            // A connection that did not last is as good as none.
            if (s.found_at && self->clock().now() - *s.found_at < shortest_connection) return try_again(self);
            s.failures = 0;
            search(self);
        },
        [=](const wake_due&) { search(self); },
    };
}

connect_result connect_once(caf::actor_system& system, const scheduler_address& address, bool with_tls) {
    connect_result result;
    caf::scoped_actor self{system};
    const auto where = to_string(endpoint{address.host, address.port});
    self->request(network_door::entry(system), connect_timeout, caf::connect_atom::value, address.host, address.port)
        .receive(
            [&](const caf::node_id&, const caf::strong_actor_ptr& gateway, const std::set<std::string>&) {
                if (gateway)
                    result.gateway = caf::actor_cast<gateway_actor>(gateway);
                else
                    result.error = where + " is no scheduler";
            },
            [&](const caf::error& e) {
                result.nobody = e == caf::sec::cannot_connect_to_node;
                result.error = "no scheduler answers at " + where + " (" + text_of(e, with_tls) + ")";
            });
    if (!result.gateway) return result;
    caf::anon_send(caf::actor_cast<caf::actor>(result.gateway), secret_told{address.secret});
    caf::expected<protocol_answer> version{caf::sec::request_timeout};
    self->request(result.gateway, connect_timeout, protocol_asked{})
        .receive([&](const protocol_answer& answer) { version = answer; }, [&](const caf::error& e) { version = e; });
    if (const auto problem = wrong_version(version); !problem.empty()) {
        result.gateway = nullptr;
        result.error = "can't ask the scheduler at " + where + ": " + problem;
    }
    return result;
}

}  // namespace bistro
