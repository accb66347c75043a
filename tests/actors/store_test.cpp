// The actor in front of a status store alone: when it commits.
#include "actors/status_store.hpp"

#include <gtest/gtest.h>

#include "tests/support/actor_fixture.hpp"

namespace bistro {
namespace {

using namespace std::chrono_literals;

// Counts commits; keeps nothing.
class counting_store final : public status_store {
public:
    explicit counting_store(std::vector<std::size_t>& commits) : commits_{commits} {}
    std::uint64_t begin_epoch() override { return 1; }
    std::uint64_t cluster() override { return 1; }
    void commit(const status_batch& b) override { commits_.push_back(b.starts.size()); }
    std::chrono::milliseconds commit_spacing() const override { return 100ms; }
    void for_each_status(const job_id&, const std::function<void(const node_id&, task_status)>&) override {}
    void for_each_failure(const job_id&, const std::function<void(failure_record)>&) override {}
    std::vector<job_id> jobs() override { return {}; }
    std::vector<attempt> attempts(const job_id&, const node_id&, std::size_t) override { return {}; }
    std::vector<worker_instance> workers() override { return {}; }
    void clear() override {}

private:
    std::vector<std::size_t>& commits_;
};

class store_test : public test::actor_test {
protected:
    store_test() {
        store = track(system.spawn(status_store_behavior, std::make_shared<std::unique_ptr<status_store>>(
                                                              std::make_unique<counting_store>(commits))));
    }

    void record(std::size_t starts) {
        auto batch = std::make_shared<status_batch>();
        batch->starts.resize(starts);
        ask_for(answers.emplace_back(), store, record_statuses{std::move(batch)});
        run();
    }

    std::vector<std::size_t> commits;  // how many starts each
    std::deque<std::optional<recorded>> answers;
    status_store_actor store;
};

TEST_F(store_test, who_comes_alone_is_served_at_once) {
    record(1);
    record(1);
    EXPECT_EQ(commits, (std::vector<std::size_t>{1, 1}));
    EXPECT_TRUE(answers.back());
}

TEST_F(store_test, a_stream_shares_its_commits) {
    record(records_of_a_stream + 1);
    record(2);
    record(3);
    EXPECT_EQ(commits, (std::vector<std::size_t>{records_of_a_stream + 1}));
    EXPECT_TRUE(answers.front());
    EXPECT_FALSE(answers.back()) << "not durable yet";
    pass(100ms);
    EXPECT_EQ(commits, (std::vector<std::size_t>{records_of_a_stream + 1, 5}));
    EXPECT_TRUE(answers.back());
}

TEST_F(store_test, who_asks_for_all_to_be_stored_does_not_wait_for_company) {
    record(records_of_a_stream + 1);
    record(2);
    std::optional<recorded> answer;
    ask_for(answer, store, flush_store{});
    run();
    EXPECT_EQ(commits, (std::vector<std::size_t>{records_of_a_stream + 1, 2}));
    EXPECT_TRUE(answer);
}

}  // namespace
}  // namespace bistro
