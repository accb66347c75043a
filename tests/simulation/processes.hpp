// The task processes of one simulated worker, and what all of them do together.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/process/process_launcher.hpp"
#include "model/ids.hpp"

namespace bistro::simulation {

struct task_process {
    job_id job;
    node_id node;
    std::string host;
    std::size_t worker = 0;
    std::int64_t ends_ms = 0;  ///< by itself, or by a signal, in the world's time
    process_outcome outcome;
    process_events events;
    bool orphan = false;  ///< its worker is gone: nobody hears of its end
};

/// What processes run, in the order of their starts; and whatever a new one, or a signal, means for their ends.
class process_table {
public:
    std::map<process_id, task_process> running;
    std::function<void(process_id, task_process&)> on_launch;
    std::function<void(task_process&, int signal)> on_signal;
    std::function<void(std::size_t worker, std::chrono::milliseconds)> on_keep_alive;
};

/// A launcher that enters its processes into a table.
class simulated_launcher final : public process_launcher {
public:
    simulated_launcher(process_table& table, std::size_t worker) : table_{table}, worker_{worker} {}

    [[nodiscard]] std::string status_path(process_id id) const override { return "/status/" + std::to_string(id); }
    void launch(process_id id, process_spec spec, process_events events) override {
        if (dead_) return;
        task_process process;
        for (const auto& entry : spec.environment) {
            if (entry.starts_with("BISTRO_JOB=")) process.job = job_id{entry.substr(11)};
            if (entry.starts_with("BISTRO_NODE=")) process.node = node_id{entry.substr(12)};
            if (entry.starts_with("BISTRO_PATH_TO_NODE=")) process.host = host_in(entry);
        }
        process.worker = worker_;
        process.events = std::move(events);
        table_.on_launch(id, process);
        table_.running.insert_or_assign(id, std::move(process));
    }
    void signal(process_id id, int signal) override {
        if (paused_) return signals_.emplace_back(id, signal), void();
        if (auto found = table_.running.find(id); !dead_ && found != table_.running.end())
            table_.on_signal(found->second, signal);
    }
    void return_credit(process_id, std::size_t) override {}
    bool keep_alive(std::chrono::milliseconds time) override {
        table_.on_keep_alive(worker_, time);
        return true;
    }
    void stop() override { dead_ = true; }

    /// A process that is stopped (SIGSTOP) signals nobody.
    void pause() { paused_ = true; }
    void resume() {
        paused_ = false;
        for (const auto& [id, number] : std::exchange(signals_, {})) signal(id, number);
    }

private:
    // Hosts are "h1", "h2", ...; the other nodes of a path have longer names.
    static std::string host_in(const std::string& path) {
        for (auto at = path.find("\"h"); at != std::string::npos; at = path.find("\"h", at + 1))
            if (path.at(at + 3) == '"') return path.substr(at + 1, 2);
        return {};
    }

    process_table& table_;
    std::size_t worker_;
    bool dead_ = false;
    bool paused_ = false;
    std::vector<std::pair<process_id, int>> signals_;
};

}  // namespace bistro::simulation
