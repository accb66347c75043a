#include "model/task_status.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

const backoff_policy policy{{10, 20}, backoff_policy::ending::fail};

attempt_end ended(attempt_result result, time_ms at = 1'000'000) {
    attempt_end end;
    end.invocation = invocation_id{7};
    end.result = result;
    end.ended_ms = at;
    return end;
}

TEST(next_status, done_is_done) {
    const auto status = next_status({}, ended(attempt_result::done), policy);
    EXPECT_EQ(status.state, task_state::done);
    EXPECT_EQ(status.retry_at_ms, 0);
    EXPECT_EQ(status.invocation, invocation_id{7});
}

TEST(next_status, an_error_advances_the_backoff_until_it_fails) {
    auto status = next_status({}, ended(attempt_result::error), policy);
    EXPECT_EQ(status.state, task_state::error);
    EXPECT_EQ(status.retry_at_ms, 1'010'000);
    status = next_status(status, ended(attempt_result::error), policy);
    EXPECT_EQ(status.retry_at_ms, 1'020'000);
    status = next_status(status, ended(attempt_result::error), policy);
    EXPECT_EQ(status.state, task_state::failed);
    EXPECT_EQ(status.retry_at_ms, 0);
}

TEST(next_status, incomplete_starts_again_at_once_and_keeps_the_backoff) {
    auto status = next_status({}, ended(attempt_result::error), policy);
    status = next_status(status, ended(attempt_result::incomplete), policy);
    EXPECT_EQ(status.state, task_state::incomplete);
    EXPECT_EQ(status.retry_at_ms, 0);
    EXPECT_EQ(status.backoff_step, 1U);
}

TEST(next_status, incomplete_backoff_waits_without_advancing) {
    auto status = next_status({}, ended(attempt_result::incomplete_backoff), policy);
    EXPECT_EQ(status.retry_at_ms, 1'010'000);
    EXPECT_EQ(status.backoff_step, 0U);
}

TEST(next_status, a_loss_advances_and_waits_until_the_old_attempt_must_be_dead) {
    auto end = ended(attempt_result::lost);
    end.not_before_ms = 5'000'000;
    const auto status = next_status({}, end, policy);
    EXPECT_EQ(status.state, task_state::error);
    EXPECT_EQ(status.backoff_step, 1U);
    EXPECT_EQ(status.retry_at_ms, 5'000'000);
    EXPECT_TRUE(status.synthetic);
}

TEST(next_status, a_start_that_never_happened_changes_nothing_but_the_invocation) {
    const auto before = next_status({}, ended(attempt_result::error), policy);
    auto after = next_status(before, ended(attempt_result::never_started), policy);
    after.invocation = before.invocation;
    EXPECT_EQ(after, before);
}

TEST(next_status, data_is_kept_until_there_is_new) {
    auto end = ended(attempt_result::incomplete);
    end.data_json = R"({"cursor":5})";
    auto status = next_status({}, end, policy);
    status = next_status(status, ended(attempt_result::error), policy);
    EXPECT_EQ(status.data_json, R"({"cursor":5})");
}

TEST(result_words, are_those_of_the_contract) {
    EXPECT_EQ(parse_result_word("done"), attempt_result::done);
    EXPECT_EQ(parse_result_word("error_backoff"), attempt_result::error);
    EXPECT_EQ(parse_result_word("backoff"), attempt_result::error);
    EXPECT_EQ(parse_result_word("error"), attempt_result::error);
    EXPECT_EQ(parse_result_word("incomplete_backoff"), attempt_result::incomplete_backoff);
    EXPECT_EQ(parse_result_word("failed"), attempt_result::failed);
    EXPECT_FALSE(parse_result_word("lost"));
    EXPECT_FALSE(parse_result_word("never_started"));
    EXPECT_FALSE(parse_result_word("Done"));
}

}  // namespace
}  // namespace bistro
