#include "model/simulation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <queue>

namespace bistro {

namespace {

constexpr std::array<std::string_view, 3> distribution_names{"constant", "uniform", "exponential"};
constexpr double ms_per_s = 1000.0;
// What takes more does not end in any time that somebody would wait for.
constexpr std::uint64_t attempts_a_task = 1'000;
constexpr std::uint64_t attempts_at_all = 10'000;

class simulator {
public:
    simulator(const engine_options& options, const resource_table& resources, forest_ptr nodes,
              const std::vector<job_spec>& jobs, const simulation_options& simulation,
              const std::function<void(const event&)>& on_event)
        : options_{simulation},
          resources_{resources},
          nodes_{std::move(nodes)},
          on_event_{on_event},
          random_{simulation.seed},
          engine_{options, invocation_id::first_of_epoch(1)} {
        engine_.set_resources(resources_);
        engine_.set_forest(nodes_);
        add_workers();
        for (const auto& spec : jobs) add_job(spec);
        event known;
        known.kind = event_kind::nodes_changed;
        known.count = nodes_->size() - 1;
        tell(std::move(known));
        for (auto& job : jobs_) job.table.set_forest(nodes_, 0);
        settle();
    }

    simulation_report run() {
        std::uint64_t tasks = 0;
        for (const auto& job : jobs_) tasks += job.table.counts().total;
        most_attempts_ = std::min(options_.max_attempts, tasks * attempts_a_task + attempts_at_all);
        for (;;) {
            start_all();
            if (!advance_clock()) break;
            settle();
        }
        return report();
    }

private:
    struct sim_job {
        task_table table;
        job_index index;
        time_ms ended_ms = 0;
    };
    struct running {
        std::size_t job;
        time_ms started_ms;
    };
    using completion = std::pair<time_ms, invocation_id>;

    void add_workers() {
        auto workers = options_.workers;
        if (workers.empty()) workers["worker"];
        std::size_t index = 0;
        for (const auto& [shard, declared] : workers) {
            engine_.put_worker(worker_index{index++}, {shard_name{shard}, shard, declared});
            shards_.push_back(shard);
            event e;
            e.kind = event_kind::worker_up;
            e.worker = shard;
            tell(std::move(e));
        }
    }

    void add_job(const job_spec& spec) {
        jobs_.push_back({task_table{spec}, engine_.put_job(spec), 0});
        by_index_[jobs_.back().index] = jobs_.size() - 1;
        event e;
        e.kind = event_kind::job_added;
        e.job = spec.name;
        tell(std::move(e));
    }

    void tell(event e) {
        e.seq = ++events_;
        e.at_ms = now_;
        if (on_event_) on_event_(e);
    }

    // Hands the tables' changes on to the engine and to dependent jobs, until none are left.
    void settle() {
        for (bool again = true; again;) {
            again = false;
            for (auto& job : jobs_) {
                const auto changes = job.table.take_changes();
                if (changes.empty()) continue;
                again = true;
                if (changes.replaced) engine_.clear_pending(job.index);
                engine_.set_unfinished(job.index, job.table.counts().unfinished());
                engine_.remove_pending(job.index, changes.withdrawn);
                engine_.add_pending(job.index, changes.ready);
                for (auto& other : jobs_) {
                    const auto& spec = other.table.spec();
                    const auto& name = job.table.spec().name;
                    auto names = [&](const std::vector<job_id>& list) {
                        return std::find(list.begin(), list.end(), name) != list.end();
                    };
                    if (!names(spec.depends_on) && !names(spec.run_only_after_all_nodes_are_done_for)) continue;
                    if (changes.replaced) {
                        other.table.dependency_replaced(name, changes.done, job.table.all_done(), now_);
                    } else {
                        static_cast<void>(other.table.dependency_changed(name, changes.done, changes.undone,
                                                                         job.table.all_done(), now_));
                    }
                }
            }
        }
    }

    void start_all() {
        constexpr std::size_t batch = 1024;
        while (attempts_ < most_attempts_) {
            const auto decisions = engine_.start(batch);
            for (const auto& d : decisions) {
                const auto job = by_index_.at(d.job);
                running_task task{node_id{nodes_->name(d.node)}, shards_[d.worker.value], now_};
                event e;
                e.kind = event_kind::start;
                e.job = jobs_[job].table.spec().name;
                e.node = task.node;
                e.worker = task.worker;
                e.invocation = d.invocation;
                for (auto node : d.path) e.path.emplace_back(nodes_->name(node));
                tell(std::move(e));
                jobs_[job].table.started(d.invocation, std::move(task), now_);
                running_[d.invocation] = {job, now_};
                completions_.emplace(now_ + draw_duration(), d.invocation);
                ++attempts_;
            }
            for (auto& job : jobs_) job.table.take_changes();  // a start tells the engine nothing new
            if (decisions.size() < batch) break;
        }
    }

    // Moves on to whatever happens next; false where nothing will.
    bool advance_clock() {
        std::optional<time_ms> next;
        if (!completions_.empty()) next = completions_.top().first;
        for (const auto& job : jobs_)
            if (auto wake = job.table.next_wakeup(); wake && attempts_ < most_attempts_)
                next = std::min(next.value_or(*wake), *wake);
        if (!next) return false;
        now_ = std::max(now_, *next);
        for (auto& job : jobs_) job.table.advance(now_);
        while (!completions_.empty() && completions_.top().first <= now_) {
            const auto invocation = completions_.top().second;
            completions_.pop();
            finish(invocation);
        }
        return true;
    }

    void finish(invocation_id invocation) {
        const auto [job, started] = running_.at(invocation);
        running_.erase(invocation);
        attempt_end end;
        end.invocation = invocation;
        end.result = draw() < options_.error_rate ? attempt_result::error : attempt_result::done;
        end.exit_code = end.result == attempt_result::done ? 0 : 1;
        end.ended_ms = now_;
        if (end.result == attempt_result::error) ++errors_;
        auto& table = jobs_[job].table;
        account(table.spec(), now_ - started);
        jobs_[job].ended_ms = now_;
        last_end_ = now_;
        if (const auto held = engine_.held(invocation)) {
            engine_.finish(invocation);
            event e;
            e.kind = event_kind::finish;
            e.job = table.spec().name;
            e.node = node_id{held->path.front()};
            e.worker = shards_[held->worker.value];
            e.invocation = invocation;
            e.result = end.result;
            e.exit_code = end.exit_code;
            tell(std::move(e));
        }
        table.ended(end);
        table.made_durable(invocation, now_);
    }

    void account(const job_spec& spec, time_ms duration) {
        auto add = [&](const std::string& level) {
            const auto demand = demand_at(resources_, level, spec.resources);
            auto& busy = busy_[level];
            busy.resize(demand.size());
            for (std::size_t r = 0; r < demand.size(); ++r)
                busy[r] += static_cast<double>(demand[r]) * static_cast<double>(duration);
        };
        for (const auto& level : nodes_->levels()) {
            add(level);
            if (level == spec.level) break;
        }
        add(worker_level);
    }

    double draw() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

    time_ms draw_duration() {
        const auto& d = options_.duration;
        double seconds = d.mean_s;
        if (d.distribution == duration_distribution::uniform) seconds = d.low_s + (d.high_s - d.low_s) * draw();
        if (d.distribution == duration_distribution::exponential) seconds = -d.mean_s * std::log1p(-draw());
        return static_cast<time_ms>(std::llround(seconds * ms_per_s));
    }

    simulation_report report() {
        simulation_report result;
        result.makespan_ms = last_end_;
        result.attempts = attempts_;
        result.unfinished = attempts_ >= most_attempts_;
        result.errors = errors_;
        for (const auto& u : engine_.utilisations()) {
            const auto& defs = resources_.of(u.level);
            const auto r = static_cast<std::size_t>(
                std::find_if(defs.begin(), defs.end(), [&](const auto& d) { return d.name == u.resource; }) -
                defs.begin());
            const auto busy = busy_.find(u.level);
            const double slot_time = static_cast<double>(u.capacity) * static_cast<double>(last_end_);
            const bool used = busy != busy_.end() && slot_time > 0;
            result.usages.push_back({u.level, u.resource, u.capacity, used ? busy->second[r] / slot_time : 0.0});
        }
        for (auto& job : jobs_) {
            simulation_report::job_end end{job.table.spec().name, job.ended_ms, job.table.counts(), {}};
            if (end.counts.ready > 0) end.waiting = to_string(engine_.why_waiting(job.index));
            if (end.counts.blocked > 0) end.waiting = "waits for other jobs, or is disabled";
            result.jobs.push_back(std::move(end));
        }
        return result;
    }

    simulation_options options_;
    resource_table resources_;
    forest_ptr nodes_;
    std::function<void(const event&)> on_event_;
    random_source random_;
    engine engine_;
    std::vector<sim_job> jobs_;
    std::map<job_index, std::size_t> by_index_;
    std::vector<std::string> shards_;
    std::map<invocation_id, running> running_;
    std::priority_queue<completion, std::vector<completion>, std::greater<>> completions_;
    std::map<std::string, std::vector<double>> busy_;  // slot-milliseconds, by level and resource
    time_ms now_ = 0;
    time_ms last_end_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t attempts_ = 0;
    std::uint64_t most_attempts_ = 0;
    std::uint64_t errors_ = 0;
};

}  // namespace

std::string_view to_string(duration_distribution d) { return distribution_names.at(static_cast<std::size_t>(d)); }

std::optional<duration_distribution> parse_duration_distribution(std::string_view text) {
    auto found = std::find(distribution_names.begin(), distribution_names.end(), text);
    if (found == distribution_names.end()) return std::nullopt;
    return static_cast<duration_distribution>(found - distribution_names.begin());
}

bool simulation_report::all_done() const {
    return std::all_of(jobs.begin(), jobs.end(), [](const job_end& j) { return j.counts.done == j.counts.total; });
}

simulation_report simulate(const engine_options& options, const resource_table& resources, const forest_ptr& nodes,
                           const std::vector<job_spec>& jobs, const simulation_options& simulation,
                           const std::function<void(const event&)>& on_event) {
    return simulator{options, resources, nodes, jobs, simulation, on_event}.run();
}

}  // namespace bistro
