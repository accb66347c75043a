// Any bytes as a message between processes, behind one byte that says which. What can be read must come back the same
// when it is written and read again.
#include <array>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include "actors/protocol/inspect.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace bistro {

namespace {

// Handles of actors can only be read in one; those of others are refused here, as no connection is.
caf::actor_system& process() {
    // It lives as long as the program: CAF's own statics end before it would.
    static auto& config = *new caf::actor_system_config;
    static auto& system = *new caf::actor_system{config};
    return system;
}

template <class Message>
std::vector<char> written(Message& message) {
    std::vector<char> bytes;
    caf::binary_serializer sink{process(), bytes};
    must(!sink(message), "what was read can be written");
    return bytes;
}

template <class Message>
void read(std::string_view text) {
    Message message;
    caf::binary_deserializer source{process(), text.data(), text.size()};
    if (source(message)) return;
    if constexpr (requires { valid(message); }) static_cast<void>(valid(message));
    const auto bytes = written(message);
    Message again;
    caf::binary_deserializer second{process(), bytes.data(), bytes.size()};
    must(!second(again), "what was written can be read");
    must(written(again) == bytes, "and is the same");
}

constexpr std::array readers{
    read<hello>,
    read<welcome>,
    read<heartbeat>,
    read<goodbye>,
    read<worker_leaves>,
    read<start_tasks>,
    read<tasks_finished>,
    read<acknowledge_results>,
    read<kill_invocations>,
    read<explanation>,
    read<jobs_asked>,
    read<jobs_answer>,
    read<tasks_asked>,
    read<tasks_answer>,
    read<logs_asked>,
    read<logs_answer>,
    read<control_asked>,
    read<control_answer>,
    read<explain_asked>,
    read<protocol_asked>,
    read<protocol_answer>,
    read<secret_told>,
    read<wait_asked>,
    read<wait_answer>,
    read<console_asked>,
    read<console_answer>,
    read<details_asked>,
    read<job_details>,
    read<nodes_asked>,
    read<nodes_answer>,
};

}  // namespace

FUZZ(text) {
    if (text.empty()) return;
    readers[static_cast<unsigned char>(text.front()) % readers.size()](text.substr(1));
}

}  // namespace bistro
