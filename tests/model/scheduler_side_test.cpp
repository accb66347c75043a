#include "model/scheduler_side.hpp"

#include <gmock/gmock.h>

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

task_report report(std::uint64_t id) {
    return {invocation_id{id}, job_id{"j"}, node_id{"n"}, {"n", "instance"}, 1, {}};
}
finished_task finished(std::uint64_t id) {
    finished_task f{job_id{"j"}, node_id{"n"}, {}};
    f.end.invocation = invocation_id{id};
    return f;
}

TEST(reconcile, a_hello_is_held_against_what_the_engine_holds) {
    engine core{{}, invocation_id{10}};
    result_ledger results{invocation_id{10}};
    const worker_index worker{1};
    const worker_index other{2};
    for (std::uint64_t id : {1, 2, 3}) core.adopt(invocation_id{id}, {job_id{"j"}, {"n", "instance"}, worker});
    core.adopt(invocation_id{4}, {job_id{"j"}, {"n", "instance"}, other});

    const std::vector<task_report> running{report(1), report(8)};
    const std::vector<finished_task> ended{finished(2), finished(9)};
    const auto differences = reconcile(core, results, worker, running, ended);
    EXPECT_THAT(differences.unknown_runs, ElementsAre(&running[1]));
    EXPECT_THAT(differences.unknown_ends, ElementsAre(&ended[1]));
    EXPECT_THAT(differences.never_started, ElementsAre(invocation_id{3})) << "4 is another worker's";
}

TEST(reconcile, a_hello_may_be_older_than_results_that_came_before_it) {
    engine core{{}, invocation_id{10}};
    result_ledger results{invocation_id{10}};
    const worker_index worker{1};
    core.adopt(invocation_id{5}, {job_id{"j"}, {"n", "instance"}, worker});
    for (std::uint64_t id : {5, 11}) {
        core.finish(invocation_id{id});
        results.came(invocation_id{id}, worker);
    }
    static_cast<void>(results.settle(std::vector<invocation_id>{invocation_id{5}, invocation_id{11}}));
    const std::vector<task_report> running{report(5), report(6), report(11)};
    EXPECT_THAT(reconcile(core, results, worker, running, {}).unknown_runs, ElementsAre(&running[1]))
        << "5, of an earlier life, and 11, of this one, have ended";
}

TEST(result_ledger, each_result_is_acknowledged_once_to_whom_it_came_from_last) {
    result_ledger ledger;
    ledger.came(invocation_id{1}, worker_index{1});
    ledger.came(invocation_id{2}, worker_index{1});
    ledger.came(invocation_id{2}, worker_index{2});
    EXPECT_EQ(ledger.size(), 2U);
    const std::vector<invocation_id> all{invocation_id{1}, invocation_id{2}, invocation_id{3}};
    EXPECT_THAT(ledger.settle(all), ElementsAre(Pair(worker_index{1}, ElementsAre(invocation_id{1})),
                                                Pair(worker_index{2}, ElementsAre(invocation_id{2}))));
    EXPECT_THAT(ledger.settle(all), IsEmpty());
}

TEST(result_ledger, an_owner_owes_its_word_on_what_came) {
    result_ledger ledger;
    ledger.came(invocation_id{1}, worker_index{1}, 7);
    EXPECT_TRUE(ledger.awaits(7));
    EXPECT_FALSE(ledger.awaits(8));
    static_cast<void>(ledger.settle(std::vector<invocation_id>{invocation_id{1}}));
    EXPECT_FALSE(ledger.awaits(7));
}

TEST(result_ledger, who_is_gone_is_told_nothing) {
    result_ledger ledger;
    ledger.came(invocation_id{1}, worker_index{1});
    ledger.came(invocation_id{2}, worker_index{2});
    ledger.forget(worker_index{1});
    EXPECT_EQ(ledger.size(), 1U);
}

}  // namespace
}  // namespace bistro
