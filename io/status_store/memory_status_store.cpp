#include <algorithm>
#include <map>
#include <set>

#include "io/host.hpp"
#include "io/status_store/status_store.hpp"

namespace bistro {

namespace {

class memory_status_store final : public status_store {
public:
    explicit memory_status_store(const retention& keep) : keep_{keep} {}

    std::uint64_t begin_epoch() override { return ++epoch_; }
    std::uint64_t cluster() override { return cluster_; }

    void commit(const status_batch& batch) override {
        for (const auto& start : batch.starts) attempts_.try_emplace(start.invocation, attempt{start, false, {}});
        for (const auto& finish : batch.finishes) {
            auto& a = attempts_[finish.end.invocation];
            a.start.job = finish.job;
            a.start.node = finish.node;
            a.start.invocation = finish.end.invocation;
            a.ended = true;
            a.end = finish.end;
            statuses_[finish.job][finish.node] = finish.status;
        }
        for (const auto& record : batch.statuses) statuses_[record.job][record.node] = record.status;
        for (const auto& worker : batch.workers) workers_[worker.info.shard] = worker;
        for (const auto& gone : batch.forgotten_workers)
            if (auto w = workers_.find(gone.shard); w != workers_.end() && w->second.instance == gone.instance)
                workers_.erase(w);
        prune(batch);
    }

    void for_each_status(const job_id& job, const std::function<void(const node_id&, task_status)>& visit) override {
        for (const auto& [node, status] : statuses_[job]) visit(node, status);
    }

    void for_each_failure(const job_id& job, const std::function<void(failure_record)>& visit) override {
        for (const auto& [node, status] : statuses_[job]) {
            if (status.state != task_state::error && status.state != task_state::failed) continue;
            const auto found = attempts_.find(status.invocation);
            const bool for_good = status.state == task_state::failed;
            if (found == attempts_.end() || !found->second.ended)
                visit({node, forgotten_reason, for_good, 0});
            else
                visit({node, found->second.end.reason, for_good, found->second.end.ended_ms});
        }
    }

    std::vector<job_id> jobs() override {
        std::set<job_id> known;
        for (const auto& [job, nodes] : statuses_)
            if (!nodes.empty()) known.insert(job);
        for (const auto& [invocation, a] : attempts_) known.insert(a.start.job);
        return {known.begin(), known.end()};
    }

    std::vector<attempt> attempts(const job_id& job, const node_id& node, std::size_t limit) override {
        std::vector<attempt> result;
        for (auto a = attempts_.rbegin(); a != attempts_.rend() && result.size() < limit; ++a)
            if (a->second.start.job == job && (node.empty() || a->second.start.node == node))
                result.push_back(a->second);
        return result;
    }

    std::vector<worker_instance> workers() override {
        std::vector<worker_instance> result;
        for (const auto& [shard, worker] : workers_) result.push_back(worker);
        return result;
    }

    void clear() override {
        statuses_.clear();
        attempts_.clear();
    }

private:
    void prune(const status_batch& batch) {
        if (batch.starts.empty()) return;
        for (const auto& start : batch.starts) newest_ms_ = std::max(newest_ms_, start.started_ms);
        for (auto left = most_deleted(batch.starts.size()); left > 0 && !attempts_.empty(); --left) {
            const bool is_old = attempts_.begin()->second.start.started_ms < newest_ms_ - keep_.max_age_ms;
            if (attempts_.size() <= keep_.max_count && !is_old) return;
            attempts_.erase(attempts_.begin());
        }
    }

    retention keep_;
    time_ms newest_ms_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t cluster_ = random_number() | 1;  // 0 would be none
    std::map<job_id, std::map<node_id, task_status>> statuses_;
    std::map<invocation_id, attempt> attempts_;
    std::map<shard_name, worker_instance> workers_;
};

}  // namespace

std::unique_ptr<status_store> make_memory_status_store(const retention& keep) {
    return std::make_unique<memory_status_store>(keep);
}

}  // namespace bistro
