// What a scheduler tells Prometheus.
#include <fmt/format.h>

#include "actors/http/http_parts.hpp"

namespace bistro {

namespace {

std::string escaped(const std::string& label) {
    std::string text;
    for (const char c : label) {
        if (c == '\n') {
            text += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') text += '\\';
        text += c;
    }
    return text;
}

// Not "job" nor "instance": those names are Prometheus's own, which renames what is scraped under them.
constexpr std::string_view job_label = "bistro_job";

class exposition {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
        name_ = name;
    }

    void sample(const std::vector<std::pair<std::string_view, std::string>>& labels, double value) {
        std::string list;
        for (const auto& [label, of] : labels)
            list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", label, escaped(of));
        text += fmt::format("{}{} {}\n", name_, list.empty() ? list : "{" + list + "}", value);
    }

    std::string text;

private:
    std::string name_;
};

}  // namespace

std::string metrics_text(const jobs_answer& jobs, const progress_snapshot& progress) {
    exposition out;
    out.family("bistro_tasks", "gauge", "Tasks by job and state.");
    for (const auto& job : jobs.jobs) {
        const auto& c = job.counts;
        for (const auto& [state, count] : {std::pair{"done", c.done},
                                           {"failed", c.failed},
                                           {"running", c.running},
                                           {"ending", c.ending},
                                           {"waiting", c.ready},
                                           {"backoff", c.backoff},
                                           {"blocked", c.blocked},
                                           {"excluded", c.excluded}})
            out.sample({{job_label, job.job.value}, {"state", state}}, static_cast<double>(count));
    }
    out.family("bistro_job_enabled", "gauge", "1 where the job may start tasks.");
    for (const auto& job : jobs.jobs) out.sample({{job_label, job.job.value}}, job.enabled ? 1 : 0);
    out.family("bistro_job_tasks_per_second", "gauge", "Tasks that finish in a second, over five minutes.");
    for (const auto& job : jobs.jobs) out.sample({{job_label, job.job.value}}, job.rate);
    out.family("bistro_job_left_seconds", "gauge",
               "Until the job is through, if it goes on so; absent where not known.");
    for (const auto& job : jobs.jobs)
        if (job.left_s >= 0) out.sample({{job_label, job.job.value}}, job.left_s);
    out.family("bistro_attempts_finished_total", "counter", "Attempts at tasks that have ended since the start.");
    out.sample({}, static_cast<double>(progress.finished));
    out.family("bistro_attempts_running", "gauge", "Attempts at tasks that run now.");
    out.sample({}, static_cast<double>(progress.running));
    out.family("bistro_workers", "gauge", "Workers by health.");
    std::map<std::string, int> healths{{"new", 0}, {"healthy", 0}, {"unhealthy", 0}};
    for (const auto& worker : jobs.workers) ++healths[worker.health];
    for (const auto& [health, count] : healths) out.sample({{"health", health}}, count);
    out.family("bistro_worker_connected", "gauge", "1 where the worker is connected.");
    for (const auto& worker : jobs.workers) out.sample({{"worker", worker.shard.value}}, worker.connected ? 1 : 0);
    out.family("bistro_worker_silent_seconds", "gauge", "Since the worker was last heard.");
    for (const auto& worker : jobs.workers)
        out.sample({{"worker", worker.shard.value}}, static_cast<double>(worker.silent_ms) / 1000);
    out.family("bistro_suspended", "gauge", "1 where nothing starts, whatever waits.");
    out.sample({}, jobs.suspended.empty() ? 0 : 1);
    out.family("bistro_problems", "gauge", "Sources of problems that people should look at; see bistro status.");
    out.sample({}, static_cast<double>(jobs.problems.size()));
    out.family("bistro_fenced_messages_total", "counter", "Messages of earlier sessions of workers that were dropped.");
    out.sample({}, static_cast<double>(jobs.fenced));
    return std::move(out.text);
}

}  // namespace bistro
