#include "actors/network_door.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <unordered_set>

#include "io/terminal/terminal.hpp"
#include "model/refusal_log.hpp"

namespace bistro {

namespace {

namespace basp = caf::io::basp;

enum class verdict { pass, ignore, end };

class guarded_broker final : public caf::io::basp_broker {
public:
    explicit guarded_broker(caf::actor_config& config) : basp_broker{config} {}

    caf::behavior make_behavior() override;

    void purge_state(const caf::node_id& peer) override {
        admitted_.erase(peer);
        basp_broker::purge_state(peer);
    }

    void open(caf::actor_id gateway) { gateway_ = gateway; }
    void admit(const caf::node_id& peer) {
        if (instance.tbl().lookup_direct(peer)) admitted_.insert(peer);
    }

private:
    verdict judge(const basp::header& header, const basp::endpoint_context& from);
    void take(caf::io::new_data_msg& data);
    void end(caf::io::connection_handle connection, caf::sec why);
    void wait_for(basp::endpoint_context& from, basp::connection_state what, std::size_t bytes);

    caf::actor_id gateway_ = caf::invalid_actor_id;
    std::unordered_set<caf::node_id> admitted_;  // as many as have connections
    refusal_log refusals_;
    // What comes next on these is of a message that is ignored.
    std::unordered_set<caf::io::connection_handle> ignoring_;
};

class guarded_network final : public caf::io::middleman {
public:
    explicit guarded_network(caf::actor_system& system) : middleman{system}, backend_{&system} {}

    // CAF takes the broker that already has the name.
    void start() override {
        named_broker<guarded_broker>(caf::atom("BASP"));
        middleman::start();
    }

    caf::io::network::multiplexer& backend() override { return backend_; }

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
    caf::io::network::default_multiplexer backend_;
};

caf::behavior guarded_broker::make_behavior() {
    return caf::message_handler{[this](caf::io::new_data_msg& data) { take(data); }}.or_else(
        basp_broker::make_behavior());
}

// Connections that this process opened have a remote port; their other end is the scheduler.
verdict guarded_broker::judge(const basp::header& header, const basp::endpoint_context& from) {
    const bool outgoing = from.remote_port != 0;
    const auto node = instance.tbl().lookup_direct(from.hdl);
    const bool trusted = outgoing || (node && admitted_.count(node) != 0);
    if (header.payload_len > (trusted ? max_message_bytes : max_stranger_message_bytes)) return verdict::end;
    switch (header.operation) {
        case basp::message_type::server_handshake: return outgoing ? verdict::pass : verdict::end;
        case basp::message_type::client_handshake:
        case basp::message_type::heartbeat: return verdict::pass;
        // Everyone is connected to the scheduler; nobody passes on what is another's.
        case basp::message_type::routed_message: return verdict::end;
        // What is ignored means no harm, mostly: CAF itself asks each new peer for its registry of actors to spawn, and
        // watches who asked. Here none are spawned, and nobody misses the answer.
        case basp::message_type::direct_message:
        case basp::message_type::monitor_message: {
            const bool by_name = header.has(basp::header::named_receiver_flag);
            return trusted || (!by_name && header.dest_actor == gateway_) ? verdict::pass : verdict::ignore;
        }
        case basp::message_type::down_message: return trusted ? verdict::pass : verdict::ignore;
    }
    return verdict::end;
}

void guarded_broker::end(caf::io::connection_handle connection, caf::sec why) {
    ignoring_.erase(connection);
    connection_cleanup(connection, why);
    close(connection);
}

void guarded_broker::wait_for(basp::endpoint_context& from, basp::connection_state what, std::size_t bytes) {
    if (what == from.cstate) return;
    from.cstate = what;
    configure_read(from.hdl, caf::io::receive_policy::exactly(bytes));
}

void guarded_broker::take(caf::io::new_data_msg& data) {
    set_context(data.handle);
    auto& from = *this_context;
    const bool with_payload = from.cstate == basp::await_payload;
    if (with_payload && ignoring_.erase(data.handle) != 0) return wait_for(from, basp::await_header, basp::header_size);
    auto decided = verdict::pass;
    if (!with_payload) {
        ignoring_.erase(data.handle);  // of an earlier connection with this number that ended in between
        basp::header header = from.hdr;
        caf::binary_deserializer read{context(), data.buf};
        if (!read(header) && basp::valid(header)) decided = judge(header, from);
        if (decided == verdict::ignore && header.payload_len > 0) {
            ignoring_.insert(data.handle);
            return wait_for(from, basp::await_payload, header.payload_len);
        }
    }
    if (decided == verdict::end) {
        const auto peer = remote_addr(data.handle);
        if (const auto unmentioned = refusals_.refused(peer, std::chrono::steady_clock::now()))
            spdlog::warn("ended the connection of {}: it sent what nobody has to send, or too much at once{}",
                         printable(peer), *unmentioned == 0 ? "" : fmt::format(" (and {} times before)", *unmentioned));
        return end(data.handle, caf::sec::malformed_basp_message);
    }
    const auto next = instance.handle(context(), data, from.hdr, with_payload);
    if (basp::requires_shutdown(next)) return end(data.handle, basp::to_sec(next));
    wait_for(from, next, next == basp::await_payload ? from.hdr.payload_len : basp::header_size);
}

guarded_network* network_of(caf::actor_system& system) {
    return system.has_middleman() ? dynamic_cast<guarded_network*>(&system.middleman()) : nullptr;
}

}  // namespace

caf::actor_system::module* network_door::make(caf::actor_system& system, caf::detail::type_list<>) {
    return new guarded_network{system};
}

void network_door::open(caf::actor_system& system, caf::actor_id gateway) {
    if (auto* network = network_of(system)) network->tell([gateway](guarded_broker& broker) { broker.open(gateway); });
}

void network_door::admit(caf::actor_system& system, const caf::node_id& peer) {
    auto* network = network_of(system);
    if (network && peer && peer != system.node()) network->tell([peer](guarded_broker& broker) { broker.admit(peer); });
}

}  // namespace bistro
