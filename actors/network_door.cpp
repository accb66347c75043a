#include "actors/network_door.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <unordered_set>
#include <vector>

#include "actors/network_entry.hpp"
#include "actors/program_log.hpp"
#include "actors/protocol/stranger.hpp"
#include "actors/protocol/type_ids.hpp"
#include "io/connect.hpp"
#include "io/terminal/terminal.hpp"
#include "model/refusal_log.hpp"
#include "model/secret.hpp"
#include "model/strangers.hpp"

namespace bistro {

namespace {

namespace basp = caf::io::basp;
using basp::message_type;
using caf::io::connection_handle;

enum class verdict { pass, ignore, end };

constexpr std::chrono::seconds overdue_interval{1};
// When the process ends, what is still to be sent is waited for no longer.
constexpr std::chrono::seconds longest_farewell{2};

struct stranger {
    std::size_t messages = 0;
    // Its greeting, where it says that it is a node which has another connection: that one stays until the secret is
    // told.
    caf::node_id claims;
    basp::header greeting_header;
    std::vector<char> greeting;
};

class guarded_broker final : public caf::io::basp_broker {
public:
    explicit guarded_broker(caf::actor_config& config) : basp_broker{config} {}

    caf::behavior make_behavior() override;

    // CAF would ask each new peer for its registry of actors to spawn. Here none are spawned.
    void learned_new_node_directly(const caf::node_id&, bool) override {}
    void learned_new_node_indirectly(const caf::node_id&) override {}

    // Of each connection, for whoever outlives this broker.
    std::vector<int> duplicates() const {
        std::vector<int> result;
        for (const auto& connection : connections())
            if (const int copy = ::fcntl(static_cast<int>(connection.id()), F_DUPFD_CLOEXEC, 0); copy >= 0)
                result.push_back(copy);
        return result;
    }

    std::vector<network_door::peer> peers() {
        std::vector<network_door::peer> result;
        for (const auto& connection : connections()) {
            const auto known = ctx.find(connection);
            const bool outgoing = known != ctx.end() && known->second.remote_port != 0;
            const auto node = instance.tbl().lookup_direct(connection);
            result.push_back({remote_addr(connection) + ":" + std::to_string(remote_port(connection)),
                              node ? caf::to_string(node) : std::string{}, outgoing,
                              outgoing || trusted_.contains(connection), wr_buf(connection).size()});
        }
        return result;
    }

    void sweep_later(std::function<bool()> sweep) {
        sweeps_.push_back(std::move(sweep));
        look_for_overdue();
    }

    void open(caf::actor_id gateway, std::string secret) {
        gateway_ = gateway;
        secret_ = std::move(secret);
    }

private:
    void welcome_stranger(const caf::io::new_connection_msg& m);
    void forget_earlier(connection_handle connection);
    void take(caf::io::new_data_msg& data);

    verdict judge_header(const basp::header& header, const basp::endpoint_context& from);
    verdict judge_payload(caf::io::new_data_msg& data, const basp::endpoint_context& from);
    verdict judge_greeting(const caf::io::new_data_msg& data, const basp::endpoint_context& from);
    verdict judge_words_of_stranger(caf::io::new_data_msg& data, basp::endpoint_context& from);
    bool of_the_two_nodes(const caf::io::new_data_msg& data, connection_handle from);
    bool admit(connection_handle who);

    void look_for_overdue();
    void end_overdue();
    void refuse(connection_handle connection, const std::string& why);
    void end(connection_handle connection, caf::sec why);
    void wait_for(basp::endpoint_context& from, basp::connection_state what, std::size_t bytes);

    // Whoever is not known to be trusted is a stranger. Connections that this process opened have a remote port; their
    // other end is the scheduler.
    stranger* find_stranger(const basp::endpoint_context& from) {
        return from.remote_port != 0 || trusted_.contains(from.hdl) ? nullptr : &strangers_[from.hdl];
    }

    void forget(connection_handle connection) {
        ignoring_.erase(connection);
        strangers_.erase(connection);
        bounds_.remove(connection.id());
        trusted_.erase(connection);
    }

    void gone(connection_handle connection);

    caf::actor_id gateway_ = caf::invalid_actor_id;
    std::string secret_;
    std::map<connection_handle, stranger> strangers_;
    strangers bounds_;  // of those, by the numbers of connections
    bool looks_for_overdue_ = false;
    std::vector<std::function<bool()>> sweeps_;
    std::unordered_set<connection_handle> trusted_;  // those that were strangers
    refusal_log refusals_;
    // What comes next on these is of a message that is ignored.
    std::unordered_set<connection_handle> ignoring_;
};

caf::behavior guarded_broker::make_behavior() {
    auto base = basp_broker::make_behavior();
    return caf::message_handler{
        [this](caf::io::new_data_msg& data) { take(data); },
        [this](const caf::io::new_connection_msg& m) { welcome_stranger(m); },
        [this, base](caf::connect_atom connect, caf::io::scribe_ptr& opened, std::uint16_t port) mutable {
            forget_earlier(opened->hdl());
            auto m = caf::make_message(connect, std::move(opened), port);
            base(m);
        },
        [this](caf::delete_atom, connection_handle connection) { gone(connection); },
        [this](const wake_due&) { end_overdue(); }}
        .or_else(base);
}

// The number of a connection is that of its socket. Of an earlier one with it, CAF may not have heard the end yet.
void guarded_broker::forget_earlier(connection_handle connection) {
    connection_cleanup(connection, caf::sec::none);
    forget(connection);
}

void guarded_broker::welcome_stranger(const caf::io::new_connection_msg& m) {
    forget_earlier(m.handle);
    const auto leaves = bounds_.add(m.handle.id(), remote_addr(m.handle), std::chrono::steady_clock::now());
    if (leaves) refuse(connection_handle::from_int(*leaves), "too many connect from there");
    strangers_[m.handle] = {};
    look_for_overdue();
    set_context(m.handle);  // CAF ends who says nothing for long, from now on
    instance.write_server_handshake(context(), get_buffer(m.handle), local_port(m.source));
    flush(m.handle);
    configure_read(m.handle, caf::io::receive_policy::exactly(basp::header_size));
}

void guarded_broker::end_overdue() {
    for (const auto late : bounds_.overdue(std::chrono::steady_clock::now()))
        refuse(connection_handle::from_int(late), "it did not tell the secret in time");
    std::erase_if(sweeps_, [](const auto& sweep) { return !sweep(); });
    looks_for_overdue_ = false;
    if (bounds_.size() != 0 || !sweeps_.empty()) look_for_overdue();
}

void guarded_broker::look_for_overdue() {
    if (!std::exchange(looks_for_overdue_, true)) delayed_send(this, overdue_interval, wake_due{});
}

// Told by CAF when all that came over a connection has been handled, which may be after another has its number.
void guarded_broker::gone(connection_handle connection) {
    if (valid(connection)) return;
    forget(connection);
    connection_cleanup(connection, caf::sec::none);
}

verdict guarded_broker::judge_header(const basp::header& header, const basp::endpoint_context& from) {
    const bool outgoing = from.remote_port != 0;
    auto* who = find_stranger(from);
    if (who && ++who->messages > max_stranger_messages) return verdict::end;
    if (header.payload_len > (who ? max_stranger_message_bytes : max_message_bytes)) return verdict::end;
    const bool is_greeting_size = header.payload_len > 0 && header.payload_len <= max_handshake_bytes;
    switch (header.operation) {
        case message_type::server_handshake: return outgoing && is_greeting_size ? verdict::pass : verdict::end;
        case message_type::client_handshake: return !outgoing && is_greeting_size ? verdict::pass : verdict::end;
        case message_type::heartbeat: return verdict::pass;
        // Everyone is connected to the scheduler; nobody passes on what is another's.
        case message_type::routed_message: return verdict::end;
        case message_type::direct_message: {
            const bool by_name = header.has(basp::header::named_receiver_flag);
            return !who || (!by_name && header.dest_actor == gateway_) ? verdict::pass : verdict::ignore;
        }
        // CAF watches each actor that it hears of; a stranger does not learn of its end, and does not miss it.
        case message_type::monitor_message:
        case message_type::down_message: return who ? verdict::ignore : verdict::pass;
    }
    return verdict::end;
}

verdict guarded_broker::judge_payload(caf::io::new_data_msg& data, const basp::endpoint_context& from) {
    switch (from.hdr.operation) {
        case message_type::client_handshake: return judge_greeting(data, from);
        case message_type::monitor_message:
        case message_type::down_message: return of_the_two_nodes(data, from.hdl) ? verdict::pass : verdict::end;
        default: return verdict::pass;
    }
}

verdict guarded_broker::judge_greeting(const caf::io::new_data_msg& data, const basp::endpoint_context& from) {
    caf::node_id node;
    caf::binary_deserializer read{context(), data.buf};
    if (read(node) || !node || node == this_node()) return verdict::end;
    if (const auto known = instance.tbl().lookup_direct(from.hdl))
        return known == node ? verdict::pass : verdict::end;  // it tells a second time which connection it means
    auto* who = find_stranger(from);
    if (!who) return verdict::end;
    if (!instance.tbl().lookup_direct(node)) {
        who->claims = caf::node_id{};
        return verdict::pass;
    }
    // The second greeting of a new connection is the same as the first.
    who->claims = node;
    who->greeting_header = from.hdr;
    who->greeting = data.buf;
    return verdict::ignore;
}

// Whether a message about an actor goes from the node that sends it to this one, and is not to be handed on.
bool guarded_broker::of_the_two_nodes(const caf::io::new_data_msg& data, connection_handle from) {
    caf::node_id source;
    caf::node_id destination;
    caf::binary_deserializer read{context(), data.buf};
    return !read(source, destination) && destination == this_node() && source == instance.tbl().lookup_direct(from);
}

// It has told the secret. An older connection of the same node gives way.
bool guarded_broker::admit(connection_handle who) {
    auto admitted = std::move(strangers_[who]);
    strangers_.erase(who);
    bounds_.remove(who.id());
    trusted_.insert(who);
    if (!admitted.claims || instance.tbl().lookup_direct(who)) return true;
    if (const auto older = instance.tbl().lookup_direct(admitted.claims)) end(*older, caf::sec::none);
    set_context(who);
    caf::io::new_data_msg greeting{who, std::move(admitted.greeting)};
    return !basp::requires_shutdown(instance.handle(context(), greeting, admitted.greeting_header, true));
}

verdict guarded_broker::judge_words_of_stranger(caf::io::new_data_msg& data, basp::endpoint_context& from) {
    // CAF would remember who of nobody's node has sent this, for ever.
    if (!instance.tbl().lookup_direct(from.hdl) && !find_stranger(from)->claims) return verdict::end;
    const auto message = read_stranger_message({data.buf.data(), data.buf.size()});
    if (!message) return verdict::end;
    if (message->secret && !secret_.empty() && same_secret(*message->secret, secret_)) {
        const bool for_the_door = message->type == "bistro::secret_told";
        if (!admit(from.hdl)) return verdict::end;
        return for_the_door ? verdict::ignore : verdict::pass;
    }
    const bool claims_a_name = static_cast<bool>(find_stranger(from)->claims);
    if (!message->secret) return claims_a_name ? verdict::ignore : verdict::pass;
    if (claims_a_name) return verdict::end;
    if (message->type == "bistro::secret_told") return verdict::ignore;
    // It is to hear that its secret is wrong; of what else it sends, CAF would make actors.
    data.buf.clear();
    caf::binary_serializer write{context(), data.buf};
    if (write(std::vector<caf::strong_actor_ptr>{}, caf::make_message(jobs_asked{}))) return verdict::end;
    from.hdr.payload_len = static_cast<std::uint32_t>(data.buf.size());
    return verdict::pass;
}

void guarded_broker::refuse(connection_handle connection, const std::string& why) {
    const auto peer = remote_addr(connection);
    if (const auto unmentioned = refusals_.refused(peer + why, std::chrono::steady_clock::now()))
        log_of(log_part::network)
            .warn("ended the connection of {}: {}{}", printable(peer), why, also_before(*unmentioned));
    end(connection, caf::sec::malformed_basp_message);
}

void guarded_broker::end(connection_handle connection, caf::sec why) {
    forget(connection);
    connection_cleanup(connection, why);
    if (!valid(connection)) return;
    // CAF keeps a connection until all is written; a peer that does not read would hold it.
    ::shutdown(static_cast<int>(connection.id()), SHUT_RDWR);
    close(connection);
}

void guarded_broker::wait_for(basp::endpoint_context& from, basp::connection_state what, std::size_t bytes) {
    if (what == from.cstate) return;
    from.cstate = what;
    configure_read(from.hdl, caf::io::receive_policy::exactly(bytes));
}

void guarded_broker::take(caf::io::new_data_msg& data) {
    set_context(data.handle);
    const bool with_payload = this_context->cstate == basp::await_payload;
    auto decided = verdict::pass;
    if (with_payload) {
        if (ignoring_.erase(data.handle) != 0)
            decided = verdict::ignore;
        else if (this_context->hdr.operation == message_type::direct_message && find_stranger(*this_context))
            decided = judge_words_of_stranger(data, *this_context);
        else
            decided = judge_payload(data, *this_context);
    } else {
        basp::header header = this_context->hdr;
        caf::binary_deserializer read{context(), data.buf};
        if (!read(header) && basp::valid(header)) decided = judge_header(header, *this_context);
        if (decided == verdict::ignore) {
            ignoring_.insert(data.handle);
            return wait_for(*this_context, basp::await_payload, header.payload_len);
        }
    }
    if (decided == verdict::end) return refuse(data.handle, "it sent what nobody has to send, or too much");
    auto& from = *this_context;
    if (decided == verdict::ignore) return wait_for(from, basp::await_header, basp::header_size);
    const auto next = instance.handle(context(), data, from.hdr, with_payload);
    if (basp::requires_shutdown(next)) return end(data.handle, basp::to_sec(next));
    wait_for(from, next, next == basp::await_payload ? from.hdr.payload_len : basp::header_size);
}

// CAF's own name of a process is its number and its host's network addresses, which are the same for the first
// processes of two containers of a host.
caf::node_id random_node() {
    caf::node_id::default_data::host_id_type host;
    std::random_device random;
    for (auto& byte : host) byte = static_cast<std::uint8_t>(random());
    return caf::make_node_id(static_cast<std::uint32_t>(::getpid()), host);
}

class guarded_network final : public caf::io::middleman {
public:
    guarded_network(caf::actor_system& system, std::shared_ptr<const tls_context> tls)
        : middleman{system}, tls_{std::move(tls)}, backend_{&system} {}

    void init(caf::actor_system_config& config) override {
        middleman::init(config);
        // There is no other way to set it. No actor has been made yet.
        const_cast<caf::node_id&>(system().node()) = random_node();
    }

    // CAF takes the broker that already has the name.
    void start() override {
        const auto broker = named_broker<guarded_broker>(caf::atom("BASP"));
        middleman::start();
        auto& guard = dynamic_cast<guarded_broker&>(*caf::actor_cast<caf::abstract_actor*>(broker));
        entry_ = spawn_network_entry(
            system(), broker, backend_, tls_,
            [&guard](std::function<bool()> sweep) { guard.sweep_later(std::move(sweep)); }, ending_.descriptor());
    }

    void stop() override {
        ending_.signal();
        {
            caf::scoped_actor self{system(), true};
            self->send_exit(entry_, caf::exit_reason::kill);
            self->wait_for(entry_);
            destroy(entry_);
        }
        const auto connections = all_connections();
        std::promise<void> stopped;
        // CAF waits until all is written; a peer that does not read would keep the process.
        std::thread impatience{[&connections, over = stopped.get_future()] {
            if (over.wait_for(longest_farewell) == std::future_status::ready) return;
            for (const int connection : connections) ::shutdown(connection, SHUT_RDWR);
        }};
        middleman::stop();
        stopped.set_value();
        impatience.join();
        for (const int connection : connections) ::close(connection);
    }

    caf::io::network::multiplexer& backend() override { return backend_; }
    caf::io::middleman_actor entry() const { return entry_; }

    // Has the broker do that, on its own thread.
    template <class Action>
    void tell(Action action) {
        const auto broker = named_broker<guarded_broker>(caf::atom("BASP"));
        backend_.post([broker, action] {
            auto& self = dynamic_cast<guarded_broker&>(*caf::actor_cast<caf::abstract_actor*>(broker));
            if (!self.getf(caf::abstract_actor::is_terminated_flag)) action(self);
        });
    }

private:
    std::vector<int> all_connections() {
        std::promise<std::vector<int>> answer;
        const auto broker = named_broker<guarded_broker>(caf::atom("BASP"));
        backend_.post([&] {
            const auto& self = dynamic_cast<guarded_broker&>(*caf::actor_cast<caf::abstract_actor*>(broker));
            answer.set_value(self.getf(caf::abstract_actor::is_terminated_flag) ? std::vector<int>{}
                                                                                : self.duplicates());
        });
        return answer.get_future().get();
    }

    std::shared_ptr<const tls_context> tls_;
    caf::io::network::default_multiplexer backend_;
    wakeup ending_;
    caf::io::middleman_actor entry_;
};

guarded_network& network_of(caf::actor_system& system) { return dynamic_cast<guarded_network&>(system.middleman()); }

}  // namespace

caf::actor_system::module* network_door::make(caf::actor_system& system, std::shared_ptr<const tls_context> tls) {
    return new guarded_network{system, std::move(tls)};
}

caf::io::middleman_actor network_door::entry(caf::actor_system& system) { return network_of(system).entry(); }

std::vector<network_door::peer> network_door::peers(caf::actor_system& system) {
    constexpr std::chrono::seconds patience{1};
    auto promise = std::make_shared<std::promise<std::vector<peer>>>();
    auto answer = promise->get_future();
    network_of(system).tell([promise](guarded_broker& broker) { promise->set_value(broker.peers()); });
    return answer.wait_for(patience) == std::future_status::ready ? answer.get() : std::vector<peer>{};
}

void network_door::open(caf::actor_system& system, caf::actor_id gateway, const std::string& secret) {
    network_of(system).tell([=](guarded_broker& broker) { broker.open(gateway, secret); });
}

}  // namespace bistro
