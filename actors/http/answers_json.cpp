#include "actors/http/answers_json.hpp"

#include <fmt/format.h>

#include <cmath>

#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

// Boost.JSON writes 1.795612149557E9: valid, but nothing that one reads, or finds with grep.
namespace {

void write_line(const json::value& value, std::string& text) {
    const auto list = [&](char open, char close, const auto& items, const auto& write) {
        text += open;
        bool first = true;
        for (const auto& item : items) {
            if (!std::exchange(first, false)) text += ',';
            write(item);
        }
        text += close;
    };
    if (const auto* object = value.if_object())
        list('{', '}', *object, [&](const auto& item) {
            text += json::serialize(json::string{item.key()});
            text += ':';
            write_line(item.value(), text);
        });
    else if (const auto* array = value.if_array())
        list('[', ']', *array, [&](const auto& item) { write_line(item, text); });
    else if (const auto* number = value.if_double(); number != nullptr && std::isfinite(*number))
        text += fmt::format("{}", *number);
    else
        text += json::serialize(value);
}

}  // namespace

std::string to_line(const json::value& value) {
    std::string text;
    write_line(value, text);
    return text;
}

json::value json_seconds(time_ms t) {
    return t == 0 ? json::value(nullptr) : json::value(static_cast<double>(t) / 1000.0);
}

json::string json_text(const std::string& s) { return json::string{valid_utf8(s)}; }

json::object json_counts(const task_counts& c) {
    return {{"total", c.total},     {"done", c.done},       {"failed", c.failed},
            {"running", c.running}, {"ending", c.ending},   {"waiting", c.ready},
            {"backoff", c.backoff}, {"blocked", c.blocked}, {"excluded", c.excluded}};
}

namespace {

json::value text_or_null(const std::string& s) { return s.empty() ? json::value(nullptr) : json::value(json_text(s)); }

json::value known_or_null(double seconds) { return seconds < 0 ? json::value(nullptr) : json::value(seconds); }

json::array holders_of(const explanation& e) {
    json::array holders;
    for (const auto& h : e.holders)
        holders.push_back(json::object{
            {"job", json_text(h.job.value)}, {"node", json_text(h.node.value)}, {"worker", json_text(h.worker)}});
    return holders;
}

json::array jobs_of(const explanation& e) {
    json::array jobs;
    for (const auto& job : e.waits_for) jobs.push_back(json_text(job.value));
    return jobs;
}

json::object of_job(const explanation& e) {
    json::array groups;
    for (const auto& g : e.groups)
        groups.push_back(json::object{{"tasks", g.tasks},
                                      {"cause", json_text(g.cause)},
                                      {"resource", text_or_null(g.resource)},
                                      {"text", json_text(g.text)}});
    return {{"tasks", json_counts(e.counts)}, {"waits_for", jobs_of(e)}, {"waiting", std::move(groups)}};
}

json::object of_task(const explanation& e) {
    json::object o;
    o["node"] = json_text(e.node.value);
    o["state"] = json_text(e.state);
    o["forever"] = e.forever;
    o["place"] = text_or_null(e.place);
    o["resource"] = text_or_null(e.resource);
    o["demand"] = e.demand;
    o["free"] = e.free;
    o["limit"] = e.limit;
    o["holders"] = holders_of(e);
    o["other_holders"] = e.other_holders;
    o["waits_for"] = jobs_of(e);
    o["errors"] = e.errors;
    o["retry_at"] = json_seconds(e.retry_at_ms);
    o["worker"] = text_or_null(e.worker);
    o["started_at"] = json_seconds(e.started_ms);
    o["invocation"] = e.invocation.valid() ? json::value(to_string(e.invocation)) : json::value(nullptr);
    o["last_attempt"] = text_or_null(e.last_attempt);
    return o;
}

json::array jobs_array(const jobs_answer& answer) {
    json::array jobs;
    for (const auto& job : answer.jobs) jobs.push_back(job_json(job));
    return jobs;
}

json::array workers_array(const jobs_answer& answer) {
    json::array workers;
    for (const auto& worker : answer.workers) {
        json::object resources;
        for (const auto& [name, limit] : worker.declared) resources[name] = limit;
        workers.push_back(json::object{{"worker", json_text(worker.shard.value)},
                                       {"host", json_text(worker.host)},
                                       {"pid", worker.pid},
                                       {"health", worker.health},
                                       {"connected", worker.connected},
                                       {"awaited", worker.awaited},
                                       {"leaving", worker.leaving},
                                       {"silent_s", static_cast<double>(worker.silent_ms) / 1000.0},
                                       {"resources", std::move(resources)}});
    }
    return workers;
}

}  // namespace

task_counts sum_of(const jobs_answer& answer) {
    task_counts sum;
    for (const auto& job : answer.jobs) {
        sum.total += job.counts.total;
        sum.done += job.counts.done;
        sum.failed += job.counts.failed;
        sum.running += job.counts.running;
        sum.ending += job.counts.ending;
        sum.ready += job.counts.ready;
        sum.backoff += job.counts.backoff;
        sum.blocked += job.counts.blocked;
        sum.excluded += job.counts.excluded;
    }
    return sum;
}

json::object status_json(const jobs_answer& answer) {
    json::object problems;
    for (const auto& [source, problem] : answer.problems) problems[source] = json_text(problem);
    return {{"version", json_version},
            {"policy", answer.policy},
            {"suspended", json_text(answer.suspended)},
            {"jobs", answer.jobs.size()},
            {"tasks", json_counts(sum_of(answer))},
            {"workers", workers_array(answer)},
            {"fenced", answer.fenced},
            {"problems", std::move(problems)}};
}

json::object jobs_json(const jobs_answer& answer) { return {{"version", json_version}, {"jobs", jobs_array(answer)}}; }

json::object job_json(const job_row& job) {
    return {{"job", json_text(job.job.value)},
            {"owner", json_text(job.owner)},
            {"enabled", job.enabled},
            {"priority", static_cast<double>(job.priority)},
            {"level", json_text(job.level)},
            {"tasks", json_counts(job.counts)},
            {"waiting_reason", json_text(job.waiting)},
            {"rate", static_cast<double>(job.rate)},
            {"left_s", known_or_null(job.left_s)},
            {"left_low_s", known_or_null(job.left_low_s)},
            {"left_high_s", known_or_null(job.left_high_s)}};
}

json::object workers_json(const jobs_answer& answer) {
    return {{"version", json_version}, {"workers", workers_array(answer)}};
}

json::object task_json(const task_row& t) {
    return {{"job", json_text(t.job.value)},
            {"node", json_text(t.node.value)},
            {"state", json_text(t.state)},
            {"errors", t.errors},
            {"retry_at", json_seconds(t.retry_at_ms)},
            {"worker", json_text(t.worker)},
            {"started_at", json_seconds(t.started_ms)},
            {"invocation", t.invocation.valid() ? json::value(to_string(t.invocation)) : json::value(nullptr)},
            {"data", t.data_json.empty() ? json::value(nullptr) : json::parse(t.data_json)}};
}

json::object tasks_json(const tasks_answer& answer) {
    json::array tasks;
    for (const auto& t : answer.tasks) tasks.push_back(task_json(t));
    return {{"version", json_version}, {"tasks", std::move(tasks)}, {"left_out", answer.left_out}};
}

json::object log_line_json(const log_line& line) {
    return {{"version", json_version},
            {"id", std::to_string(line.id)},
            {"job", json_text(line.job.value)},
            {"node", json_text(line.node.value)},
            {"invocation", to_string(line.invocation)},
            {"stream", to_string(line.stream)},
            {"time", json_seconds(line.written_ms)},
            {"text", json_text(line.text)}};
}

namespace {

json::object share_json(const node_share& share) {
    return {{"total", share.total},
            {"done", share.done},
            {"running", share.running},
            {"failed", share.failed},
            {"waiting", share.waiting}};
}

json::array timed_array(const std::vector<timed_task>& tasks) {
    json::array result;
    for (const auto& task : tasks)
        result.push_back(
            json::object{{"node", json_text(task.node.value)}, {"took_s", static_cast<double>(task.took_ms) / 1000.0}});
    return result;
}

}  // namespace

json::object details_json(const job_details& details) {
    json::array failures;
    for (const auto& group : details.failures) {
        json::array nodes;
        for (const auto& node : group.nodes) nodes.push_back(json_text(node.value));
        failures.push_back(json::object{{"cause", json_text(group.cause)},
                                        {"tasks", group.tasks},
                                        {"for_good", group.for_good},
                                        {"latest_at", json_seconds(group.latest_ms)},
                                        {"nodes", std::move(nodes)}});
    }
    json::array levels;
    for (const auto& level : details.levels)
        levels.push_back(json::object{{"level", json_text(level.level)}, {"nodes", share_json(level.nodes)}});
    return {{"job", json_text(details.job.value)},
            {"levels", std::move(levels)},
            {"failures", std::move(failures)},
            {"slowest", timed_array(details.slowest)},
            {"running_longest", timed_array(details.running)}};
}

json::object nodes_json(const nodes_answer& answer) {
    json::array nodes;
    for (const auto& row : answer.nodes) {
        json::array tags;
        for (const auto& tag : row.tags) tags.push_back(json_text(tag));
        json::object resources;
        for (const auto& [name, amount] : row.resources)
            resources[name] = json::object{{"used", amount.first}, {"limit", amount.second}};
        nodes.push_back(json::object{{"node", json_text(row.node.value)},
                                     {"level", json_text(row.level)},
                                     {"enabled", row.enabled},
                                     {"tags", std::move(tags)},
                                     {"children", row.children},
                                     {"tasks", share_json(row.share)},
                                     {"resources", std::move(resources)}});
    }
    json::array path;
    for (const auto& name : answer.path) path.push_back(json_text(name));
    const bool more = answer.left_out > 0 && !answer.nodes.empty();
    return {{"version", json_version},
            {"below", json_text(answer.below.value)},
            {"path", std::move(path)},
            {"nodes", std::move(nodes)},
            {"left_out", answer.left_out},
            {"next", more ? json::value(json_text(answer.nodes.back().node.value)) : json::value(nullptr)}};
}

json::object explanation_json(const explanation& e) {
    json::object o{{"version", json_version}, {"job", json_text(e.job.value)}};
    o["cause"] = text_or_null(e.cause);
    o["text"] = text_or_null(e.text);
    o["advice"] = text_or_null(e.advice);
    for (auto& [key, value] : e.node.empty() ? of_job(e) : of_task(e)) o[key] = std::move(value);
    return o;
}

boost::json::object done_json(const control_answer& answer, bool with_count) {
    json::object done{{"version", json_version}, {"ok", answer.ok}, {"text", json_text(answer.text)}};
    if (with_count) done["tasks"] = answer.tasks;
    return done;
}

boost::json::object rest_json(const job_id& job, const wait_answer& answer) {
    return {{"version", json_version},
            {"job", json_text(job.value)},
            {"at_rest", answer.at_rest},
            {"tasks", json_counts(answer.counts)}};
}

}  // namespace bistro
