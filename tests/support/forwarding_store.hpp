// A status store that hands everything on to another, for tests to override what they want otherwise.
#pragma once

#include <memory>

#include "io/status_store/status_store.hpp"

namespace bistro::test {

class forwarding_store : public status_store {
public:
    explicit forwarding_store(std::shared_ptr<status_store> inner) : inner_{std::move(inner)} {}

    std::uint64_t begin_epoch() override { return inner_->begin_epoch(); }
    std::uint64_t cluster() override { return inner_->cluster(); }
    void commit(const status_batch& batch) override { inner_->commit(batch); }
    void for_each_status(const job_id& job, const std::function<void(const node_id&, task_status)>& visit) override {
        inner_->for_each_status(job, visit);
    }
    void for_each_failure(const job_id& job, const std::function<void(failure_record)>& visit) override {
        inner_->for_each_failure(job, visit);
    }
    std::vector<job_id> jobs() override { return inner_->jobs(); }
    std::vector<attempt> attempts(const job_id& job, const node_id& node, std::size_t limit) override {
        return inner_->attempts(job, node, limit);
    }
    std::vector<worker_instance> workers() override { return inner_->workers(); }
    void clear() override { inner_->clear(); }

protected:
    [[nodiscard]] status_store& inner() { return *inner_; }

private:
    std::shared_ptr<status_store> inner_;
};

}  // namespace bistro::test
