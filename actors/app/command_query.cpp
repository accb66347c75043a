// bistro status, jobs, tasks, logs, kill, forgive, stop: asks a running scheduler, or reads what an ended one left.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <caf/all.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "actors/app/client.hpp"
#include "actors/app/commands.hpp"
#include "actors/app/log_setup.hpp"
#include "actors/app/query_output.hpp"
#include "actors/app/target.hpp"
#include "actors/runtime.hpp"
#include "io/clock.hpp"
#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

// Whether files are there to read instead, where nobody runs.
bool has_files(const target_arguments& target) {
    return std::filesystem::exists(data_dir_of(target) + "/statuses.sqlite");
}

std::unique_ptr<status_store> stored(const target_arguments& target) {
    return open_sqlite_status_store_read_only(data_dir_of(target) + "/statuses.sqlite");
}

jobs_answer jobs_from_files(const target_arguments& target) {
    jobs_answer answer;
    answer.suspended = "no scheduler runs; this is what was stored";
    auto store = stored(target);
    const auto loaded = target.config.empty() ? load_result{} : load_config(target.config);
    const auto specs = loaded.config ? loaded.config->jobs : std::vector<job_spec>{};
    for (const auto& job : store->jobs()) {
        job_row row;
        row.job = job;
        const auto spec = std::find_if(specs.begin(), specs.end(), [&](const job_spec& s) { return s.name == job; });
        if (spec != specs.end()) {
            row.owner = spec->owner;
            row.enabled = spec->enabled;
            row.priority = spec->priority;
            row.level = spec->level;
        }
        store->for_each_status(job, [&](const node_id&, const task_status& status) {
            ++row.counts.total;
            switch (situation_of(status)) {
                case task_situation::done: ++row.counts.done; break;
                case task_situation::failed: ++row.counts.failed; break;
                case task_situation::backoff: ++row.counts.backoff; break;
                default: ++row.counts.ready;
            }
        });
        answer.jobs.push_back(std::move(row));
    }
    return answer;
}

// What ran when the scheduler ended: workers that it did not start itself go on with it.
std::map<node_id, attempt_start> unended_attempts(status_store& store, const job_id& job) {
    constexpr std::size_t most = 10'000;
    std::map<node_id, attempt_start> result;
    std::set<node_id> seen;
    for (auto& attempt : store.attempts(job, {}, most))
        if (seen.insert(attempt.start.node).second && !attempt.ended)
            result.emplace(attempt.start.node, std::move(attempt.start));
    return result;
}

void describe(task_row& row, const attempt_start& attempt) {
    row.state = word_of(task_situation::running, {});
    row.worker = attempt.worker;
    row.started_ms = attempt.started_ms;
    row.invocation = attempt.invocation;
}

// Empty: nothing is stored of the job that was asked for.
std::optional<tasks_answer> tasks_from_files(const target_arguments& target, const tasks_asked& ask) {
    tasks_answer answer;
    auto store = stored(target);
    const auto jobs = store->jobs();
    if (!ask.job.empty() && std::find(jobs.begin(), jobs.end(), ask.job) == jobs.end()) return std::nullopt;
    for (const auto& job : jobs) {
        if (!ask.job.empty() && job != ask.job) continue;
        const auto add = [&](task_row row) {
            if (!ask.state.empty() && ask.state != row.state) return;
            if (answer.tasks.size() < ask.limit)
                answer.tasks.push_back(std::move(row));
            else
                ++answer.left_out;
        };
        auto running = unended_attempts(*store, job);
        store->for_each_status(job, [&](const node_id& node, const task_status& status) {
            task_row row{job,
                         node,
                         std::string{word_of(situation_of(status), status)},
                         status.backoff_step,
                         status.retry_at_ms,
                         {},
                         0,
                         status.invocation,
                         status.data_json};
            if (auto attempt = running.extract(node); attempt && status.invocation < attempt.mapped().invocation)
                describe(row, attempt.mapped());
            add(std::move(row));
        });
        for (const auto& [node, attempt] : running) {
            task_row row;
            row.job = job;
            row.node = node;
            describe(row, attempt);
            add(std::move(row));
        }
    }
    return answer;
}

int nothing_stored(const job_id& job) {
    fmt::print(stderr, "bistro: nothing is stored of a job {}\n", quote(job.value));
    return bad_usage;
}

// So that a run that has ended can be told to try again what failed.
int forgive_in_files(const target_arguments& target, const job_id& job) {
    const data_dir folder{data_dir_of(target), "scheduler"};
    auto store = open_sqlite_status_store(folder.file("statuses.sqlite"));
    const auto now = wall_clock_ms();
    status_batch batch;
    bool known = false;
    store->for_each_status(job, [&](const node_id& node, const task_status& status) {
        known = true;
        if (auto changed = forgiven(status, now)) batch.statuses.push_back({job, node, *std::move(changed)});
    });
    if (!known) return nothing_stored(job);
    store->commit(batch);
    const auto count = batch.statuses.size();
    return print_done({true, counted(count, "task") + " forgiven; the next run starts them again", count}, target.json,
                      some_failed, true);
}

std::optional<jobs_answer> find_jobs(const target_arguments& target, int& code) {
    client c{target};
    if (c.nobody() && has_files(target)) return jobs_from_files(target);
    auto answer = c.connected() ? c.ask<jobs_answer>(jobs_asked{}) : std::nullopt;
    if (!answer) code = unreachable(c);
    return answer;
}

}  // namespace

int command_status(const target_arguments& target) {
    int code = all_well;
    if (auto answer = find_jobs(target, code)) print_status(*answer, target.json);
    return code;
}

int command_jobs(const target_arguments& target) {
    int code = all_well;
    if (auto answer = find_jobs(target, code)) print_jobs(*answer, target.json);
    return code;
}

int command_workers(const target_arguments& target) {
    client c{target};
    const auto answer = c.connected() ? c.ask<jobs_answer>(jobs_asked{}) : std::nullopt;
    if (!answer) return unreachable(c);
    print_workers(*answer, target.json);
    return all_well;
}

int command_tasks(const target_arguments& target, const tasks_arguments& a) {
    const std::vector<std::string> words(task_words.begin(), task_words.end());
    if (!a.state.empty() && std::find(words.begin(), words.end(), a.state) == words.end()) {
        const auto near = nearest(a.state, words);
        fmt::print(stderr, "bistro tasks: {} is no state; {}\n", quote(a.state),
                   near.empty() ? "there are " + join(words, ", ") : "did you mean " + quote(near) + "?");
        return bad_usage;
    }
    const tasks_asked ask{{}, job_id{a.job}, a.state, a.limit};
    client c{target};
    std::optional<tasks_answer> answer;
    if (c.connected()) {
        answer = c.ask<tasks_answer>(ask);
    } else if (c.nobody() && has_files(target)) {
        answer = tasks_from_files(target, ask);
        if (!answer) return nothing_stored(ask.job);
    }
    if (!answer) return unreachable(c);
    print_tasks(*answer, target.json);
    return all_well;
}

int command_explain(const target_arguments& target, const std::string& job, const std::string& node) {
    client c{target};
    auto answer = c.connected() ? c.ask<explanation>(explain_asked{{}, job_id{job}, node_id{node}}) : std::nullopt;
    if (!answer) return unreachable(c);
    print_explanation(*answer, target.json);
    return answer->cause == "no_such_task" ? bad_usage : all_well;
}

int command_logs(const target_arguments& target, const logs_arguments& a) {
    logs_asked ask;
    ask.query.job = job_id{a.job};
    ask.query.node = node_id{a.node};
    ask.query.limit = a.limit;
    ask.query.latest = true;
    if (!a.stream.empty()) {
        const auto stream = parse_log_stream(a.stream);
        if (!stream) {
            fmt::print(stderr, "bistro logs: --stream is stdout or stderr, not {}\n", quote(a.stream));
            return bad_usage;
        }
        ask.query.any_stream = false;
        ask.query.stream = *stream;
    }
    constexpr std::chrono::seconds follow_interval{1};
    client c{target};
    std::unique_ptr<log_store> files;
    if (!c.connected()) {
        if (!c.nobody() || !has_files(target)) return unreachable(c);
        files = open_sqlite_log_store_read_only(data_dir_of(target) + "/logs.sqlite");
        fmt::print(stderr, "note: no scheduler runs; lines of separate workers are in their own data directories\n");
    }
    // A job that was removed may have lines, and one that is there none; of a name that is neither, the caller learns.
    auto is_known = [&] {
        if (!files) return c.ask<tasks_answer>(tasks_asked{{}, ask.query.job, {}, 1}) || !c.unknown();
        const auto jobs = stored(target)->jobs();
        return std::find(jobs.begin(), jobs.end(), ask.query.job) != jobs.end();
    };
    std::vector<std::string> missing;
    for (;;) {
        logs_answer answer;
        if (files) {
            answer.lines = files->query(ask.query);
            if (!answer.lines.empty()) ask.query.after_id = answer.lines.back().id;
        } else {
            auto got = c.ask<logs_answer>(ask);
            if (!got) return unreachable(c);
            answer = std::move(*got);
            ask.after = answer.last;
        }
        print_logs(answer.lines, target.json);
        if (answer.lines.empty() && !a.follow) {
            if (!is_known()) return files ? nothing_stored(ask.query.job) : unreachable(c);
            fmt::print(stderr, "note: no such lines\n");
        }
        for (const auto& shard : answer.missing)
            if (std::find(missing.begin(), missing.end(), shard) == missing.end())
                fmt::print(stderr, "note: worker {} can't be asked now; its lines are left out\n", printable(shard));
        missing = std::move(answer.missing);
        if (!a.follow) return all_well;
        ask.query.latest = false;
        std::this_thread::sleep_for(follow_interval);
    }
}

int command_control(const target_arguments& target, const std::string& verb, const std::string& job,
                    const std::string& node) {
    static const std::map<std::string, control_verb> verbs{
        {"kill", control_verb::kill},     {"forgive", control_verb::forgive}, {"stop", control_verb::stop},
        {"delete", control_verb::remove}, {"pause", control_verb::pause},     {"resume", control_verb::resume}};
    control_asked ask;
    ask.verb = verbs.at(verb);
    ask.job = job_id{job};
    ask.node = node_id{node};
    client c{target};
    if (c.nobody() && ask.verb == control_verb::forgive && has_files(target)) return forgive_in_files(target, ask.job);
    auto answer = c.connected() ? c.ask<control_answer>(ask) : std::nullopt;
    if (!answer) return unreachable(c);
    return print_done(*answer, target.json, some_failed, ask.verb == control_verb::forgive);
}

}  // namespace bistro
