#include "actors/console/message_text.hpp"

#include <algorithm>
#include <boost/core/demangle.hpp>
#include <caf/all.hpp>

#include "actors/protocol/interfaces.hpp"
#include "io/clock.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr std::size_t longest_text = 400;

// What the message is to the task: its number where the message tells that too.
struct finding {
    std::string what;
    invocation_id invocation = {};
};

class search {
public:
    search(census& actors, const traced_task& task)
        : task_{task}, invocation_{actors.traced_invocation.load(std::memory_order_relaxed)} {}

    finding in(const start_tasks& m) const { return named(m.tasks, "start it"); }
    finding in(const tasks_started& m) const {
        return named(m.starts, m.adopted ? "it runs already" : "it is started");
    }
    finding in(const tasks_finished& m) const {
        for (const auto& end : m.ends)
            if (is(end)) return {"it has ended: " + std::string{to_string(end.end.result)}};
        return {};
    }
    finding in(const attempts_ended& m) const {
        for (const auto& end : m.ends)
            if (is(end.invocation)) return {"it has ended: " + std::string{to_string(end.result)}};
        return {};
    }
    finding in(const task_ended& m) const {
        return is(m.end.invocation) ? finding{"it has ended: " + std::string{to_string(m.end.result)}} : finding{};
    }
    finding in(const record_statuses& m) const {
        for (const auto& finish : m.batch->finishes)
            if (is(finish)) return {"make its end durable"};
        for (const auto& status : m.batch->statuses)
            if (is(status)) return {"make its status durable"};
        return named(m.batch->starts, "make its start durable");
    }
    finding in(const results_durable& m) const { return listed(m.invocations, "its end is durable"); }
    finding in(const acknowledge_results& m) const { return listed(m.invocations, "its result is safe; forget it"); }
    finding in(const kill_invocations& m) const { return listed(m.invocations, "end it: " + m.reason); }
    finding in(const kill_tasks& m) const {
        if (m.invocations.empty())
            return m.job == task_.job && (m.node.empty() || m.node == task_.node) ? finding{"end it: " + m.reason}
                                                                                  : finding{};
        return listed(m.invocations, "end it: " + m.reason);
    }
    finding in(const pending_changed& m) const {
        if (m.job != task_.job || m.forest_version != task_.forest_version) return {};
        const auto has = [&](const auto& nodes) {
            return std::find(nodes.begin(), nodes.end(), task_.index) != nodes.end();
        };
        if (has(m.ready)) return {"it may start"};
        return has(m.withdrawn) ? finding{"it may not start any more"} : finding{};
    }
    finding in(const append_lines& m) const {
        std::size_t lines = 0;
        for (const auto& line : m.lines) lines += is(line) ? 1 : 0;
        return lines > 0 ? finding{"keep " + counted(lines, "line") + " of its output"} : finding{};
    }
    finding in(const events_happened& m) const {
        for (const auto& e : m.events)
            if (is(e)) return {"event: " + std::string{to_string(e.kind)}, e.invocation};
        return {};
    }

private:
    template <class Item>
    [[nodiscard]] bool is(const Item& item) const {
        return item.job == task_.job && item.node == task_.node;
    }
    [[nodiscard]] bool is(invocation_id id) const { return id.valid() && id.value == invocation_; }

    template <class Items>
    finding named(const Items& items, const char* what) const {
        for (const auto& item : items)
            if (is(item)) return {what, item.invocation};
        return {};
    }
    finding listed(const std::vector<invocation_id>& ids, std::string what) const {
        for (const auto id : ids)
            if (is(id)) return {std::move(what)};
        return {};
    }

    const traced_task& task_;
    std::uint64_t invocation_;
};

template <class T>
bool look(const search& s, const caf::type_erased_tuple& m, finding& found) {
    if (!m.match_element<T>(0)) return false;
    found = s.in(m.get_as<T>(0));
    return true;
}

template <class... Ts>
finding look_in(const search& s, const caf::type_erased_tuple& m) {
    finding found;
    static_cast<void>((look<Ts>(s, m, found) || ...));
    return found;
}

// Messages to the actor of the task itself need not name it.
std::string to_the_task(const caf::type_erased_tuple& m) {
    if (m.match_elements<output_written>())
        return "it has printed " + counted(m.get_as<output_written>(0).lines.size(), "line");
    if (m.match_elements<process_ended>()) return "its process has ended";
    if (m.match_elements<stop_task>()) return "end it: " + m.get_as<stop_task>(0).reason;
    return {};
}

}  // namespace

const std::type_info& type_of(const caf::type_erased_tuple& message) {
    if (message.empty()) return typeid(void);
    // CAF knows its own types by a number, and all others by C++'s type_info.
    const auto [number, info] = message.type(0);
    if (info) return *info;
    if (message.match_element<caf::error>(0)) return typeid(caf::error);
    if (message.match_element<caf::down_msg>(0)) return typeid(caf::down_msg);
    if (message.match_element<caf::exit_msg>(0)) return typeid(caf::exit_msg);
    return typeid(caf::type_erased_tuple);
}

std::string name_of(const std::type_info& type) {
    if (type == typeid(void)) return "(empty)";
    if (type == typeid(caf::type_erased_tuple)) return "(of CAF)";
    auto name = boost::core::demangle(type.name());
    for (const std::string_view space : {"bistro::", "caf::"})
        if (name.starts_with(space)) return name.substr(space.size());
    return name;
}

std::string named(const actor_record& record) {
    return record.label.empty() ? record.kind : record.kind + " " + record.label;
}

time_ms wall_time() { return wall_clock_ms(); }

std::string text_of(const caf::type_erased_tuple& message) {
    const auto type = name_of(type_of(message));
    auto text = type;
    for (std::size_t i = 0; i < message.size(); ++i)
        // What never leaves the process has no words.
        if (auto value = message.stringify(i); !value.starts_with("<unprintable"))
            text += value.starts_with(type) ? value.substr(type.size()) : " " + value;
    return shortened(printable(text), longest_text);
}

std::string traced_text(census& actors, const actor_record& receiver, const caf::type_erased_tuple& message) {
    const auto task = actors.followed();
    if (!task || message.empty()) return {};
    const auto found = look_in<start_tasks, tasks_started, tasks_finished, attempts_ended, task_ended, record_statuses,
                               results_durable, acknowledge_results, kill_invocations, kill_tasks, pending_changed,
                               append_lines, events_happened>(search{actors, *task}, message);
    if (found.invocation.valid()) actors.traced_invocation.store(found.invocation.value, std::memory_order_relaxed);
    auto what = found.what;
    if (what.empty() && receiver.kind == "task" && receiver.label == task->job.value + " " + task->node.value)
        what = to_the_task(message);
    return what.empty() ? what : name_of(type_of(message)) + ": " + what;
}

}  // namespace bistro
