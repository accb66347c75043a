#include "actors/task.hpp"

#include <boost/json.hpp>
#include <caf/all.hpp>
#include <csignal>

#include "config/status_line.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

namespace json = boost::json;
using self_ptr = task_actor::stateful_pointer<task_actor_state>;

process_id id_of(const task_order& order) { return order.invocation.value; }

std::string path_json(const task_order& order) {
    json::array path;
    for (auto node = order.path.rbegin(); node != order.path.rend(); ++node) path.emplace_back(json::string{*node});
    return json::serialize(path);
}

json::object amounts_json(const amounts& taken) {
    json::object result;
    for (const auto& [resource, amount] : taken) result[resource] = amount;
    return result;
}

// By node of the path, and by the worker's shard name.
std::string resources_json(const task_order& order, const job_demands& demands, const std::string& shard) {
    json::object result;
    for (std::size_t i = 0; i < order.path.size(); ++i) {
        const auto level = order.path.size() - 1 - i;
        result[order.path[i]] =
            level < demands.nodes.size() ? amounts_json(demands.nodes[level].second) : json::object{};
    }
    result[shard] = amounts_json(demands.worker);
    return json::serialize(result);
}

// Both are JSON as they are kept.
std::string data_or_null(const task_order& order) {
    return order.prev_data_json.empty() ? std::string{"null"} : order.prev_data_json;
}
std::string config_of(const job_command& command) {
    return command.config_json.empty() ? std::string{"null"} : command.config_json;
}

std::string task_json(const task_order& order, const job_command& command, const std::string& path,
                      const std::string& resources) {
    const auto text = [](const std::string& value) { return json::serialize(json::string{value}); };
    return "{\"id\":" + text(order.job.value) + ",\"node\":" + text(order.node.value) + ",\"path_to_node\":" + path +
           ",\"prev_status\":" + data_or_null(order) + ",\"config\":" + config_of(command) +
           ",\"resources_by_node\":" + resources + ",\"invocation\":" + text(to_string(order.invocation)) + "}";
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

constexpr std::size_t longest_last_line = 200;

void keep_lines(self_ptr self, output_written& m) {
    auto& s = self->state;
    append_lines keep;
    std::size_t bytes = 0;
    for (auto& line : m.lines) {
        if (line.text.find_first_not_of(" \t\r") != std::string::npos) {
            if (line.stream == log_stream::err) s.last_error.assign(line.text, 0, longest_last_line);
            if (line.stream == log_stream::out) s.last_output.assign(line.text, 0, longest_last_line);
        }
        bytes += line.text.size() + 1;
        keep.lines.push_back(
            {0, s.order->job, s.order->node, s.order->invocation, line.stream, line.written_ms, std::move(line.text)});
    }
    const auto give_back = [launcher = s.links.launcher, id = id_of(*s.order), bytes] {
        launcher->return_credit(id, bytes);
    };
    self->request(s.links.logs, caf::infinite, std::move(keep))
        .then([=](const lines_kept&) { give_back(); }, [=](const caf::error&) { give_back(); });
}

void stop(self_ptr self, const std::string& reason, bool blameless) {
    auto& s = self->state;
    if (!s.stop_reason.empty()) return;
    s.stop_reason = reason;
    s.blameless = blameless;
    s.links.launcher->signal(id_of(*s.order), SIGTERM);
    self->delayed_send(self, std::chrono::seconds{s.command->kill_wait_s}, wake_due{1});
}

// What went wrong, in the task's own last words: of the same cause, many say the same.
void add_last_words(const task_actor_state& s, attempt_end& end) {
    if (end.result != attempt_result::error && end.result != attempt_result::failed) return;
    const auto& words = s.last_error.empty() ? s.last_output : s.last_error;
    if (words.empty()) return;
    if (end.reason.empty()) end.reason = "it says " + std::string{to_string(end.result)};
    end.reason += ": " + valid_utf8(words);
}

void finish(self_ptr self, process_outcome& outcome) {
    auto& s = self->state;
    if (!s.stop_reason.empty() && outcome.failure.empty()) outcome.failure = s.stop_reason;
    const bool silent = outcome.status_text.empty();
    auto end = judge(outcome, s.command->status);
    if (s.blameless && silent) end.result = attempt_result::incomplete;
    end.invocation = s.order->invocation;
    end.ended_ms = s.run.now();
    add_last_words(s, end);
    self->send(caf::actor_cast<worker_actor>(s.links.worker), task_ended{std::move(end)});
    self->quit();
}

}  // namespace

process_spec process_of(const task_order& order, const job_command& command, const std::string& shard,
                        const std::string& status_path, const std::string& data_dir) {
    const auto path = path_json(order);
    const auto resources = resources_json(order, command.demands, shard);
    process_spec spec;
    spec.argv = command.command;
    switch (command.arguments) {
        case command_arguments::full:
            spec.argv.insert(spec.argv.end(),
                             {order.node.value, status_path, task_json(order, command, path, resources)});
            break;
        case command_arguments::node: spec.argv.push_back(order.node.value); break;
        case command_arguments::none:
            for (auto& argument : spec.argv) replace_all(argument, "{}", order.node.value);
            break;
    }
    spec.environment = {
        "BISTRO_JOB=" + order.job.value,       "BISTRO_NODE=" + order.node.value,
        "BISTRO_STATUS=" + status_path,        "BISTRO_INVOCATION=" + to_string(order.invocation),
        "BISTRO_PATH_TO_NODE=" + path,         "BISTRO_PREV_STATUS=" + data_or_null(order),
        "BISTRO_CONFIG=" + config_of(command), "BISTRO_RESOURCES_BY_NODE=" + resources,
    };
    spec.working_directory =
        command.working_directory.empty() ? data_dir + "/jobs/" + order.job.value : command.working_directory;
    return spec;
}

void launch_task(const task_actor& actor, const task_order& order, const job_command& command, const std::string& shard,
                 const std::string& data_dir, process_launcher& launcher) {
    process_events events;
    events.on_output = [actor](std::vector<output_line> lines) {
        caf::anon_send(actor, output_written{std::move(lines)});
    };
    events.on_end = [actor](process_outcome outcome) { caf::anon_send(actor, process_ended{std::move(outcome)}); };
    launcher.launch(id_of(order), process_of(order, command, shard, launcher.status_path(id_of(order)), data_dir),
                    std::move(events));
}

task_actor::behavior_type task_behavior(self_ptr self, task_order_ptr order, job_command_ptr command, task_links links,
                                        runtime run) {
    auto& s = self->state;
    s.order = std::move(order);
    s.command = std::move(command);
    s.links = std::move(links);
    s.run = std::move(run);
    if (s.command->timeout_s > 0) self->delayed_send(self, std::chrono::seconds{s.command->timeout_s}, wake_due{});
    return {
        [=](const stop_task& m) { stop(self, m.reason, m.blameless); },
        [=](output_written& m) { keep_lines(self, m); },
        [=](process_ended& m) { finish(self, m.outcome); },
        // 0: its time is up; 1: it had its time to end by itself.
        [=](const wake_due& m) {
            auto& state = self->state;
            if (m.generation == 0)
                stop(self, "timed out after " + std::to_string(state.command->timeout_s) + " s", false);
            else if (!std::exchange(state.killed, true))
                state.links.launcher->signal(id_of(*state.order), SIGKILL);
        },
    };
}

}  // namespace bistro
