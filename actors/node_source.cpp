#include "actors/node_source.hpp"

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = node_source_actor::stateful_pointer<source_state>;

// Process ids of scripts, apart from invocations: those never have the top bit.
process_id next_script_id() {
    static std::atomic<process_id> next{process_id{1} << 63};
    return next++;
}

nodes_actor nodes_of(self_ptr self) { return caf::actor_cast<nodes_actor>(self->state.nodes); }

// The level of this source's nodes: one below its parents, by default the first.
std::size_t child_level(const source_state& s) {
    if (s.source.parent_level.empty() || s.source.parent_level == instance_level) return 0;
    auto found = std::find(s.levels.begin(), s.levels.end(), s.source.parent_level);
    return static_cast<std::size_t>(found - s.levels.begin()) + 1;
}

bool runs_per_parent(const source_state& s) {
    return s.source.kind == source_kind::script && !s.source.parent_level.empty() &&
           s.source.parent_level != instance_level;
}

void wake_after(self_ptr self, std::int64_t seconds) {
    self->delayed_send(self, std::chrono::seconds{seconds}, wake_due{++self->state.wake_generation});
}

void answer(self_ptr self, source_fetched m) {
    auto& s = self->state;
    m.source = s.index;
    m.request = std::exchange(s.request, 0);
    self->send(nodes_of(self), std::move(m));
    if (s.source.period_s > 0) wake_after(self, s.source.period_s);
}

void read_file(self_ptr self) {
    auto& s = self->state;
    s.tools.loop->post([path = s.source.path, attempt = s.attempt, to = caf::actor_cast<node_source_actor>(self)] {
        source_read m{attempt, {}, {}, {}, 0};
        std::error_code ec;
        const auto size = std::filesystem::file_size(path, ec);  // an error for whatever is no plain file
        if (ec || size > max_source_bytes) {
            m.failure = path + " can't be read: " + (ec ? ec.message() : "it is too large");
        } else {
            std::ifstream in{path, std::ios::binary};
            m.text.resize(size);
            in.read(m.text.data(), static_cast<std::streamsize>(size));
            m.text.resize(static_cast<std::size_t>(in.gcount()));
            if (!in.is_open() || in.bad()) m.failure = path + " can't be read: " + std::strerror(errno);
        }
        caf::anon_send(to, std::move(m));
    });
    ++s.outstanding;
}

void run_script(self_ptr self, const std::string& parent) {
    auto& s = self->state;
    process_spec spec;
    spec.argv = s.source.command;
    if (!parent.empty()) spec.argv.push_back(parent);
    spec.working_directory = ".";
    spec.raw_output = true;  // a name is a name
    const auto id = next_script_id();
    s.processes.push_back(id);
    ++s.outstanding;
    auto text = std::make_shared<std::string>();
    auto last_error = std::make_shared<std::string>();
    auto to = caf::actor_cast<node_source_actor>(self);
    process_events events;
    events.on_output = [=, launcher = s.tools.launcher](std::vector<output_line> lines) {
        std::size_t bytes = 0;
        for (auto& line : lines) {
            bytes += line.text.size() + 1;
            if (line.stream == log_stream::err)
                *last_error = line.text;
            else if (text->size() < max_source_bytes)
                *text += line.text + "\n";
        }
        launcher->return_credit(id, bytes);
    };
    events.on_end = [=, attempt = s.attempt](process_outcome outcome) {
        source_read m{attempt, parent, std::move(*text), {}, id};
        if (!outcome.failure.empty())
            m.failure = outcome.failure;
        else if (outcome.signal != 0)
            m.failure = "the script was ended by signal " + std::to_string(outcome.signal);
        else if (outcome.exit_code != 0)
            m.failure = "the script failed with exit code " + std::to_string(outcome.exit_code);
        if (!m.failure.empty() && !last_error->empty()) m.failure += " (" + *last_error + ")";
        caf::anon_send(to, std::move(m));
    };
    s.tools.launcher->launch(id, std::move(spec), std::move(events));
}

void run_next_scripts(self_ptr self) {
    auto& s = self->state;
    while (s.outstanding < max_scripts_at_once && s.next_parent < s.parents.size())
        run_script(self, s.parents[s.next_parent++]);
}

// Nobody waits for what they would say.
void end_scripts(source_state& s) {
    for (auto id : std::exchange(s.processes, {})) s.tools.launcher->signal(id, SIGKILL);
}

void fetch(self_ptr self) {
    auto& s = self->state;
    ++s.attempt;
    end_scripts(s);
    s.texts.clear();
    s.problems.clear();
    s.outstanding = 0;
    s.next_parent = s.parents.size();
    s.fetching = true;
    switch (s.source.kind) {
        case source_kind::manual: s.fetching = false; return answer(self, {0, 0, s.source.nodes, {}, false});
        case source_kind::range_label:
            s.fetching = false;
            return answer(self, {0, 0, range_nodes(s.source, s.levels[child_level(s)], s.parents), {}, false});
        case source_kind::file: read_file(self); break;
        case source_kind::script:
            if (runs_per_parent(s)) {
                s.next_parent = 0;
                run_next_scripts(self);
                if (s.parents.empty()) {
                    s.fetching = false;
                    return answer(self, {});
                }
            } else {
                run_script(self, {});
            }
            break;
    }
    wake_after(self, s.source.timeout_s);
}

void failed(self_ptr self) {
    auto& s = self->state;
    s.fetching = false;
    if (++s.failures <= s.source.retries) return wake_after(self, s.source.retry_wait_s);
    s.failures = 0;
    answer(self, {0, 0, {}, std::move(s.problems), true});
}

void finished(self_ptr self) {
    auto& s = self->state;
    s.fetching = false;
    s.failures = 0;
    source_fetched m;
    const auto level = child_level(s);
    for (const auto& [parent, text] : s.texts) {
        const bool implied_first = s.source.parent_level.empty();
        const auto first = implied_first || parent.empty() == false ? level : (level == 0 ? 0 : level - 1);
        auto nodes = nodes_of_lines(text, s.levels, first, implied_first, text_of(s.source, {}), m.problems);
        if (!parent.empty())
            for (auto& node : nodes)
                if (node.parents.empty()) node.parents = {parent};
        std::move(nodes.begin(), nodes.end(), std::back_inserter(m.nodes));
    }
    answer(self, std::move(m));
}

void take_text(self_ptr self, const source_read& m) {
    auto& s = self->state;
    if (!s.fetching || m.attempt != s.attempt) return;
    std::erase(s.processes, m.process);
    --s.outstanding;
    if (m.failure.empty()) {
        s.texts[m.parent] += m.text;
    } else {
        s.problems.push_back({{}, 0, 0, m.parent.empty() ? m.failure : "for " + quote(m.parent) + ": " + m.failure});
    }
    run_next_scripts(self);
    if (s.outstanding > 0) return;
    if (s.problems.empty())
        finished(self);
    else
        failed(self);
}

// The one timer of a source ends a fetch that takes too long, or begins the next one.
void wake(self_ptr self) {
    auto& s = self->state;
    if (!s.fetching) return fetch(self);
    end_scripts(s);
    s.problems.push_back({{}, 0, 0, "nothing came within " + std::to_string(s.source.timeout_s) + " s"});
    failed(self);
}

}  // namespace

std::string text_of(const source_settings& source, const std::string& config_file) {
    switch (source.kind) {
        case source_kind::file: return source.path;
        case source_kind::script: return "output of " + source.command.front();
        default: return config_file;
    }
}

node_source_actor::behavior_type node_source_behavior(self_ptr self, source_settings source, std::size_t index,
                                                      std::vector<std::string> levels, caf::strong_actor_ptr nodes,
                                                      source_tools tools) {
    auto& s = self->state;
    s.source = std::move(source);
    s.index = index;
    s.levels = std::move(levels);
    s.nodes = std::move(nodes);
    s.tools = tools;
    self->set_exit_handler([=](caf::exit_msg& m) {
        end_scripts(self->state);
        self->quit(std::move(m.reason));
    });
    return {
        [=](const parents_known& m) {
            self->state.request = m.request;
            self->state.parents = m.parents;
            self->state.failures = 0;
            fetch(self);
        },
        [=](const wake_due& m) {
            if (m.generation == self->state.wake_generation) wake(self);
        },
        [=](const source_read& m) { take_text(self, m); },
    };
}

}  // namespace bistro
