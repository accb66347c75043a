#include "actors/console/console_actor.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <caf/all.hpp>
#include <charconv>
#include <functional>

#include "actors/console/message_text.hpp"
#include "actors/network_door.hpp"
#include "actors/program_log.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = console_actor::stateful_pointer<console_state>;
using words = std::vector<std::string>;
using result = caf::result<console_answer>;
using record_ptr = std::shared_ptr<actor_record>;

caf::error wrong(std::string why) { return caf::make_error(not_understood, std::move(why)); }
caf::error nobody(std::string why) { return caf::make_error(not_there, std::move(why)); }

std::string span_text(tick_ns span) {
    constexpr tick_ns us = 1000;
    constexpr tick_ns ms = 1'000'000;
    if (span < 10 * ms) return fmt::format("{} us", span / us);
    return duration_text(span / ms);
}

std::uint64_t waiting(const actor_record& record) {
    const auto arrived = record.arrived.load(std::memory_order_relaxed);
    const auto handled = record.handled.load(std::memory_order_relaxed);
    const auto at_it = record.busy_since_ns.load(std::memory_order_relaxed) != 0 ? 1U : 0U;
    return arrived > handled + at_it ? arrived - handled - at_it : 0;
}

// What it is at, and for how long; empty: nothing.
std::string at_it(const actor_record& record) {
    const auto since = record.busy_since_ns.load(std::memory_order_relaxed);
    const auto* with = record.busy_with.load(std::memory_order_relaxed);
    if (since == 0 || !with) return {};
    return fmt::format("{} for {}", name_of(*with), span_text(std::max<tick_ns>(now_ns() - since, 0)));
}

// "tasks_finished 1200, report_due 31", the most frequent first.
std::string by_type(const actor_record& record) {
    std::vector<std::pair<std::uint64_t, std::string>> counts;
    for (const auto& entry : record.types)
        if (const auto* type = entry.type.load(std::memory_order_acquire))
            counts.emplace_back(entry.count.load(std::memory_order_relaxed), name_of(*type));
    if (const auto others = record.other_types.load(std::memory_order_relaxed)) counts.emplace_back(others, "others");
    std::sort(counts.rbegin(), counts.rend());
    std::vector<std::string> texts;
    for (const auto& [count, name] : counts) texts.push_back(name + " " + std::to_string(count));
    return join(texts, ", ");
}

std::vector<record_ptr> everybody(self_ptr self) {
    return self->state.run.actors ? self->state.run.actors->all() : std::vector<record_ptr>{};
}

// By number, by kind, or by kind and label, with a colon or a blank between them.
std::vector<record_ptr> those_named(self_ptr self, const words& named_by) {
    const auto name = join(named_by, " ");
    caf::actor_id id = 0;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), id);
    const bool is_number = ec == std::errc{} && end == name.data() + name.size();
    std::vector<record_ptr> found;
    for (auto& record : everybody(self))
        if ((is_number && record->id == id) || record->kind == name || named(*record) == name ||
            record->kind + ":" + record->label == name)
            found.push_back(std::move(record));
    return found;
}

std::string nobody_named(self_ptr self, const words& named_by) {
    words names;
    for (const auto& record : everybody(self)) names.push_back(named(*record));
    const auto near = nearest(join(named_by, " "), names);
    return "there is no actor " + quote(join(named_by, " ")) +
           (near.empty() ? "; see actors" : "; did you mean " + quote(near) + "?");
}

// -- actors, tree -----------------------------------------------------------------------------------------------------

// Everybody who may be told of somebody's end.
std::vector<caf::actor_addr> addresses_of(const std::vector<record_ptr>& records) {
    std::vector<caf::actor_addr> addresses;
    for (const auto& record : records) addresses.push_back(caf::actor_cast<caf::actor_addr>(record->handle));
    return addresses;
}

// By number; others are of other processes, or have no record.
std::string links_of(const actor_record& record, const std::vector<caf::actor_addr>& candidates) {
    const auto alive = caf::actor_cast<caf::strong_actor_ptr>(record.handle);
    if (!alive) return "-";
    std::vector<caf::actor_id> found;
    const auto others = record.links->told_at_end(candidates, found);
    words texts;
    for (const auto id : found) texts.push_back(std::to_string(id));
    if (others > 0) texts.push_back(counted(others, "other"));
    return texts.empty() ? "-" : join(texts, ", ");
}

words row_of(const actor_record& record, const std::string& indent, const std::vector<caf::actor_addr>& candidates) {
    const auto age = now_ns() - record.born_ns;
    return {std::to_string(record.id),
            indent + printable(named(record)),
            std::to_string(waiting(record)),
            std::to_string(record.handled.load(std::memory_order_relaxed)),
            span_text(record.busy_ns.load(std::memory_order_relaxed)),
            duration_text(age / 1'000'000),
            record.parent == 0 ? "-" : std::to_string(record.parent),
            links_of(record, candidates),
            at_it(record),
            by_type(record)};
}

console_answer table_of_actors() {
    return {{"id", "actor", "mailbox", "handled", "busy", "age", "parent", "links", "now", "by type"}, {}, {}, 0};
}

void cut(console_answer& answer) {
    if (answer.rows.size() <= max_console_rows) return;
    answer.notes.push_back(counted(answer.rows.size() - max_console_rows, "row") + " left out");
    answer.rows.resize(max_console_rows);
}

void note_the_ended(self_ptr self, console_answer& answer) {
    if (const auto& actors = self->state.run.actors)
        answer.notes.push_back(
            fmt::format("{} live, {} have ended", counted(answer.rows.size(), "actor"), actors->ended()));
}

result list_actors(self_ptr self, const words& rest, std::uint64_t) {
    auto answer = table_of_actors();
    const auto found = rest.empty() ? everybody(self) : those_named(self, rest);
    if (found.empty() && !rest.empty()) return nobody(nobody_named(self, rest));
    const auto addresses = addresses_of(everybody(self));
    for (const auto& record : found) answer.rows.push_back(row_of(*record, "", addresses));
    note_the_ended(self, answer);
    cut(answer);
    return answer;
}

result draw_tree(self_ptr self, const words&, std::uint64_t) {
    auto answer = table_of_actors();
    const auto all = everybody(self);
    const auto addresses = addresses_of(all);
    std::map<caf::actor_id, std::vector<record_ptr>> children;
    std::map<caf::actor_id, bool> alive;
    for (const auto& record : all) alive[record->id] = true;
    // Whose parent has ended stands at the top.
    for (const auto& record : all) children[alive.contains(record->parent) ? record->parent : 0].push_back(record);
    const std::function<void(caf::actor_id, std::size_t)> add = [&](caf::actor_id parent, std::size_t depth) {
        for (const auto& record : children[parent]) {
            answer.rows.push_back(row_of(*record, std::string(2 * depth, ' '), addresses));
            add(record->id, depth + 1);
        }
    };
    add(0, 0);
    note_the_ended(self, answer);
    cut(answer);
    return answer;
}

// -- inspect, queues, leases ------------------------------------------------------------------------------------------

using described = std::vector<std::pair<record_ptr, std::optional<description>>>;

// Asks each for its description, and hands on what came in time, in their order.
result describe_all(self_ptr self, const std::vector<record_ptr>& whom,
                    const std::function<console_answer(const described&)>& compose) {
    auto promise = self->make_response_promise<console_answer>();
    auto all = std::make_shared<described>();
    for (const auto& record : whom) all->emplace_back(record, std::nullopt);
    auto missing = std::make_shared<std::size_t>(whom.size() + 1);
    auto one_less = [=]() mutable {
        if (--*missing == 0) promise.deliver(compose(*all));
    };
    for (std::size_t i = 0; i < whom.size(); ++i) {
        const auto actor = caf::actor_cast<caf::actor>(caf::actor_cast<caf::strong_actor_ptr>(whom[i]->handle));
        if (!actor || actor.id() == self->id()) {
            one_less();
            continue;
        }
        self->request(actor, describe_patience, describe_asked{})
            .then(
                [=](description& d) mutable {
                    (*all)[i].second = std::move(d);
                    one_less();
                },
                [=](const caf::error&) mutable { one_less(); });
    }
    one_less();
    return promise;
}

std::string silent_text(const actor_record& record) {
    const auto busy = at_it(record);
    return "does not answer: " + (busy.empty() ? "it ends, or its thread is taken" : "it is at " + busy);
}

result inspect_actor(self_ptr self, const words& rest, std::uint64_t) {
    if (rest.empty()) return wrong("inspect whom? Say inspect ACTOR, by its number or its name; see actors");
    const auto found = those_named(self, rest);
    if (found.empty()) return nobody(nobody_named(self, rest));
    return describe_all(self, found, [own = self->id()](const described& all) {
        console_answer answer{{"actor", "what", "value"}, {}, {}, 0};
        for (const auto& [record, d] : all) {
            const auto who = printable(named(*record));
            const auto add = [&](const std::string& what, const std::string& value) {
                answer.rows.push_back({who, what, printable(value)});
            };
            add("id", std::to_string(record->id));
            add("mailbox", std::to_string(waiting(*record)));
            add("handled", by_type(*record));
            add("busy", span_text(record->busy_ns.load(std::memory_order_relaxed)));
            if (d)
                for (const auto& line : d->lines()) add(line.key, line.value);
            else if (record->id != own)
                add("state", silent_text(*record));
        }
        cut(answer);
        return answer;
    });
}

// Tasks have neither queues nor leases, and are many.
std::vector<record_ptr> without_tasks(self_ptr self) {
    auto all = everybody(self);
    std::erase_if(all, [](const record_ptr& record) { return record->kind == "task"; });
    return all;
}

result list_queues(self_ptr self, const words&, std::uint64_t) {
    return describe_all(self, without_tasks(self), [](const described& all) {
        console_answer answer{{"actor", "queue", "length"}, {}, {}, 0};
        for (const auto& [record, d] : all) {
            const auto who = printable(named(*record));
            answer.rows.push_back({who, "mailbox", std::to_string(waiting(*record))});
            if (!d) continue;
            for (const auto& line : d->lines())
                if (line.part == description::section::queue) answer.rows.push_back({who, line.key, line.value});
        }
        cut(answer);
        return answer;
    });
}

result list_leases(self_ptr self, const words&, std::uint64_t) {
    return describe_all(self, without_tasks(self), [](const described& all) {
        console_answer answer{{"actor", "lease", "state"}, {}, {}, 0};
        for (const auto& [record, d] : all)
            if (d)
                for (const auto& line : d->lines())
                    if (line.part == description::section::lease)
                        answer.rows.push_back({printable(named(*record)), printable(line.key), printable(line.value)});
        if (answer.rows.empty()) answer.notes.emplace_back("no leases: all workers are of this process");
        cut(answer);
        return answer;
    });
}

// -- tap, trace -------------------------------------------------------------------------------------------------------

std::string clock_of(time_ms t) {
    constexpr time_ms ms = 1000;
    return fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(static_cast<std::time_t>(t / ms)), t % ms);
}

console_answer seen(seen_messages& messages, std::uint64_t after) {
    console_answer answer{{"time", "actor", "message", "took"}, {}, {}, 0};
    // One more than the last number, so that 0 stays free for the beginning.
    const auto batch = messages.take(after == 0 ? std::nullopt : std::optional{after - 1});
    if (batch.dropped > 0) answer.notes.push_back(counted(batch.dropped, "message") + " left out");
    for (const auto& m : batch.messages)
        answer.rows.push_back({clock_of(m.at_ms), printable(m.kind), printable(m.text), span_text(m.took_ns)});
    answer.last = batch.last + 1;
    return answer;
}

result tap(self_ptr self, const words& rest, std::uint64_t after) {
    if (rest.empty()) return wrong("tap whom? Say tap ACTOR, by its number or its name; see actors");
    const auto found = those_named(self, rest);
    if (found.empty()) return nobody(nobody_named(self, rest));
    if (found.size() > 1) return wrong(quote(join(rest, " ")) + " is the name of several; say which, by its number");
    return seen(found.front()->tapped, after);
}

result trace(self_ptr self, const words& rest, std::uint64_t after) {
    const auto& actors = self->state.run.actors;
    if (rest.size() != 2) return wrong("trace what? Say trace JOB NODE");
    if (!actors) return wrong("this process has no census of its actors");
    if (after != 0) {
        const auto followed = actors->followed();
        if (followed && followed->job.value == rest[0] && followed->node.value == rest[1])
            return seen(actors->trace(), after);
        return wrong("another trace has taken the place of this one");
    }
    const auto begin = [=](traced_task task) {
        actors->follow(std::move(task));
        return seen(actors->trace(), 0);
    };
    traced_task task{job_id{rest[0]}, node_id{rest[1]}, 0, {}};
    if (!self->state.scheduler) return begin(task);
    auto promise = self->make_response_promise<console_answer>();
    self->request(self->state.scheduler, describe_patience, view_asked{})
        .then(
            [=](const scheduler_view& view) mutable {
                const auto known = std::any_of(view.jobs.begin(), view.jobs.end(),
                                               [&](const job_spec& spec) { return spec.name == task.job; });
                const auto node = view.forest.nodes ? view.forest.nodes->find(task.node.value) : std::nullopt;
                if (!known || !node) {
                    promise.deliver(wrong(known ? "there is no node " + quote(task.node.value)
                                                : "there is no job " + quote(task.job.value)));
                    return;
                }
                task.index = *node;
                task.forest_version = view.forest.nodes->version();
                promise.deliver(begin(task));
            },
            [=](const caf::error&) mutable { promise.deliver(begin(task)); });  // it hangs: see what passes
    return promise;
}

// -- peers, log, help -------------------------------------------------------------------------------------------------

result list_peers(self_ptr self, const words&, std::uint64_t) {
    console_answer answer{{"address", "direction", "node", "trusted", "unsent bytes"}, {}, {}, 0};
    for (const auto& peer : network_door::peers(self->system()))
        answer.rows.push_back({peer.address, peer.outgoing ? "out" : "in", peer.node, peer.trusted ? "yes" : "not yet",
                               std::to_string(peer.unsent_bytes)});
    if (answer.rows.empty()) answer.notes.emplace_back("no connections");
    cut(answer);
    return answer;
}

result change_log(self_ptr, const words& rest, std::uint64_t) {
    if (rest.size() > 2) return wrong("say log, log LEVEL, or log COMPONENT LEVEL");
    if (!rest.empty() && !set_log_level(rest.size() == 2 ? rest[0] : "", rest.back()))
        return wrong("levels are trace, debug, info, warning, error and off; components " +
                     join(words{log_parts.begin(), log_parts.end()}, ", "));
    console_answer answer{{"component", "level"}, {}, {}, 0};
    for (const auto& [part, level] : log_levels()) answer.rows.push_back({part, level});
    return answer;
}

result show_help(self_ptr, const words&, std::uint64_t) {
    console_answer answer{{"command", "purpose"}, {}, {}, 0};
    for (const auto& c : console_commands())
        answer.rows.push_back({std::string{c.name} + (*c.arguments ? " " : "") + c.arguments, c.purpose});
    return answer;
}

using action = result (*)(self_ptr, const words&, std::uint64_t);
const std::map<std::string, action>& actions() {
    static const std::map<std::string, action> instance{
        {"actors", list_actors}, {"tree", draw_tree}, {"inspect", inspect_actor}, {"queues", list_queues},
        {"leases", list_leases}, {"tap", tap},        {"trace", trace},           {"peers", list_peers},
        {"log", change_log},     {"help", show_help}};
    return instance;
}

}  // namespace

const std::vector<console_command>& console_commands() {
    static const std::vector<console_command> instance{
        {"actors", "[ACTOR]", "each actor: mailbox, messages by type, time at work, age"},
        {"tree", "", "the same by who spawned whom"},
        {"inspect", "ACTOR", "its state, as it says itself; by number, kind, or kind:name, like job:nightly"},
        {"tap", "ACTOR", "its messages as they pass, until Ctrl-C"},
        {"trace", "JOB NODE", "follow one task through all actors, until Ctrl-C"},
        {"queues", "", "what waits, and where"},
        {"leases", "", "how long workers are trusted to live"},
        {"peers", "", "connections to other processes"},
        {"log", "[[COMPONENT] LEVEL]", "levels of the program's log; changes them"},
        {"help", "", "these commands"}};
    return instance;
}

console_actor::behavior_type console_behavior(self_ptr self, scheduler_actor scheduler, runtime run) {
    self->state.run = std::move(run);
    self->state.scheduler = std::move(scheduler);
    return {[=](const console_asked& m) -> result {
        if (m.words.empty()) return wrong("say a command; see help");
        const auto found = actions().find(m.words.front());
        if (found != actions().end()) return found->second(self, {m.words.begin() + 1, m.words.end()}, m.after);
        words names;
        for (const auto& c : console_commands()) names.emplace_back(c.name);
        const auto near = nearest(m.words.front(), names);
        return wrong("there is no command " + quote(m.words.front()) +
                     (near.empty() ? "; see help" : ", did you mean " + quote(near) + "?"));
    }};
}

}  // namespace bistro
