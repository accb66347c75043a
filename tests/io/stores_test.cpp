// Both back ends of each store through one suite, and what only files can do wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "io/error.hpp"
#include "io/log_store/log_store.hpp"
#include "io/sqlite_file.hpp"
#include "io/status_store/status_store.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using test::temp_dir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

attempt_finish finish(const std::string& node, std::uint64_t id, task_state state, std::string data = {}) {
    attempt_finish f;
    f.job = job_id{"j"};
    f.node = node_id{node};
    f.end.invocation = invocation_id{id};
    f.end.result = state == task_state::done ? attempt_result::done : attempt_result::error;
    f.end.exit_code = 3;
    f.end.reason = "exit code 3";
    f.end.ended_ms = 2'000;
    f.status.state = state;
    f.status.invocation = f.end.invocation;
    f.status.backoff_step = 2;
    f.status.retry_at_ms = 5'000;
    f.status.data_json = std::move(data);
    return f;
}

attempt_start start(const std::string& node, std::uint64_t id, time_ms when) {
    return {job_id{"j"}, node_id{node}, invocation_id{id}, "w", {node, "instance"}, when};
}

class status_store_test : public ::testing::TestWithParam<bool> {
protected:
    void open() {
        store.reset();
        store = GetParam() ? open_sqlite_status_store(dir.file("s.sqlite"), keep) : make_memory_status_store(keep);
    }
    void reopen() {
        if (GetParam()) open();
    }
    void SetUp() override { open(); }
    std::map<std::string, task_status> statuses(const std::string& job = "j") {
        std::map<std::string, task_status> result;
        store->for_each_status(job_id{job}, [&](const node_id& n, task_status s) { result[n.value] = std::move(s); });
        return result;
    }

    // An attempt that takes no time.
    void attempt_at(const std::string& node, std::uint64_t id, time_ms when) {
        status_batch batch;
        batch.starts = {start(node, id, when)};
        batch.finishes = {finish(node, id, task_state::done)};
        batch.finishes.front().end.ended_ms = when;
        store->commit(batch);
    }
    std::vector<std::uint64_t> history(const std::string& node = {}) {
        std::vector<std::uint64_t> ids;
        for (const auto& a : store->attempts(job_id{"j"}, node_id{node}, 10'000))
            ids.push_back(a.start.invocation.value);
        return ids;
    }

    temp_dir dir;
    retention keep;
    std::unique_ptr<status_store> store;
};

TEST_P(status_store_test, epochs_only_grow) {
    const auto first = store->begin_epoch();
    reopen();
    EXPECT_EQ(store->begin_epoch(), first + 1);
    store->clear();
    EXPECT_EQ(store->begin_epoch(), first + 2);
}

TEST_P(status_store_test, keeps_the_latest_status_with_all_its_parts) {
    status_batch batch;
    const auto expected = finish("n", 7, task_state::error, R"({"x":1})");
    batch.finishes = {expected};
    store->commit(batch);
    reopen();
    EXPECT_EQ(statuses().at("n"), expected.status);
    batch.finishes = {finish("n", 9, task_state::done)};
    store->commit(batch);
    EXPECT_EQ(statuses().at("n").state, task_state::done);
    EXPECT_EQ(statuses().size(), 1U);
    EXPECT_THAT(store->jobs(), ElementsAre(job_id{"j"}));
    batch = {};
    batch.starts.push_back({job_id{"a"}, node_id{"n"}, invocation_id{11}, "w", {"n", "instance"}, 1'000});
    store->commit(batch);
    EXPECT_THAT(store->jobs(), ElementsAre(job_id{"a"}, job_id{"j"})) << "it may still run";
}

TEST_P(status_store_test, keeps_the_history_of_attempts_the_latest_first) {
    status_batch batch;
    for (std::uint64_t id : {1, 2})
        batch.starts.push_back({job_id{"j"}, node_id{"n"}, invocation_id{id}, "w", {"n", "h", "instance"}, 1'000});
    batch.finishes = {finish("n", 1, task_state::error)};
    store->commit(batch);
    reopen();
    const auto attempts = store->attempts(job_id{"j"}, node_id{"n"}, 10);
    ASSERT_EQ(attempts.size(), 2U);
    EXPECT_EQ(attempts[0].start.invocation, invocation_id{2});
    EXPECT_FALSE(attempts[0].ended);
    EXPECT_TRUE(attempts[1].ended);
    EXPECT_EQ(attempts[1].end.reason, "exit code 3");
    EXPECT_THAT(attempts[1].start.path, ElementsAre("n", "h", "instance"));
    EXPECT_EQ(store->attempts(job_id{"j"}, {}, 1).size(), 1U);
    EXPECT_THAT(store->attempts(job_id{"j"}, node_id{"m"}, 10), IsEmpty());
}

TEST_P(status_store_test, failures_are_those_that_are_not_mended_also_where_the_attempt_is_forgotten) {
    status_batch batch;
    const char* nodes[] = {"a", "b", "c", "d"};
    for (std::uint64_t id = 1; id <= 4; ++id) batch.starts.push_back(start(nodes[id - 1], id, 1'000));
    batch.finishes = {finish("b", 2, task_state::failed), finish("a", 1, task_state::error),
                      finish("c", 3, task_state::done)};
    store->commit(batch);
    status_batch alone;
    task_status old;
    old.state = task_state::failed;
    old.invocation = invocation_id{77};  // of which there is no attempt any more
    alone.statuses = {{job_id{"j"}, node_id{"e"}, old}, {job_id{"other"}, node_id{"x"}, old}};
    store->commit(alone);
    reopen();
    std::vector<std::string> seen;
    store->for_each_failure(job_id{"j"}, [&](const failure_record& f) {
        seen.push_back(f.node.value + " " + f.reason + (f.for_good ? " for good " : " ") + std::to_string(f.ended_ms));
    });
    EXPECT_THAT(seen, ElementsAre("a exit code 3 2000", "b exit code 3 for good 2000",
                                  std::string{"e "} + forgotten_reason + " for good 0"));
}

TEST_P(status_store_test, the_same_batch_twice_changes_nothing) {
    status_batch batch;
    batch.starts.push_back({job_id{"j"}, node_id{"n"}, invocation_id{1}, "w", {"n"}, 1'000});
    batch.finishes = {finish("n", 1, task_state::done)};
    store->commit(batch);
    const auto before = statuses();
    store->commit(batch);
    EXPECT_EQ(statuses(), before);
    EXPECT_EQ(store->attempts(job_id{"j"}, {}, 10).size(), 1U);
}

TEST_P(status_store_test, any_name_that_a_node_may_have) {
    status_batch batch;
    for (const std::string name : {"a b", "quote'\"", "line\nbreak", "😀", "\xff\xfe", "%_"})
        batch.finishes.push_back(finish(name, batch.finishes.size() + 1, task_state::done));
    batch.finishes.push_back(finish(std::string(10'000, 'x'), 100, task_state::done));
    store->commit(batch);
    reopen();
    EXPECT_EQ(statuses().size(), 7U);
    EXPECT_TRUE(statuses().contains("\xff\xfe"));
}

TEST_P(status_store_test, workers_come_and_go) {
    worker_instance w;
    w.info = {shard_name{"a"}, "host", {{"cpu", 3}}};
    w.instance = 0xF000000000000001U;
    w.pid = 42;
    status_batch batch;
    batch.workers = {w};
    store->commit(batch);
    reopen();
    EXPECT_THAT(store->workers(), ElementsAre(w));
    status_batch gone;
    gone.forgotten_workers = {{shard_name{"a"}, 7}};
    store->commit(gone);
    EXPECT_THAT(store->workers(), SizeIs(1)) << "that was another life of it";
    store->clear();
    EXPECT_THAT(store->workers(), SizeIs(1)) << "it may still run something";
    gone.forgotten_workers = {{shard_name{"a"}, w.instance}};
    store->commit(gone);
    EXPECT_THAT(store->workers(), IsEmpty());
}

TEST_P(status_store_test, the_attempts_that_started_first_are_forgotten_above_a_count_but_no_status) {
    keep.max_count = 3;
    open();
    status_batch never_ends;
    never_ends.starts = {start("lost", 1, 1'000)};
    store->commit(never_ends);
    for (std::uint64_t i = 2; i <= 8; ++i) attempt_at("n" + std::to_string(i), i, 1'000);
    EXPECT_THAT(history(), ElementsAre(8, 7, 6));
    EXPECT_THAT(history("n7"), ElementsAre(7));
    EXPECT_THAT(statuses(), SizeIs(7));
    reopen();
    attempt_at("n9", 9, 1'000);
    EXPECT_THAT(history(), ElementsAre(9, 8, 7));
    store->clear();
    for (std::uint64_t i = 10; i <= 12; ++i) attempt_at("n", i, 1'000);
    EXPECT_THAT(history(), ElementsAre(12, 11, 10)) << "what was cleared does not count";
}

TEST_P(status_store_test, attempts_of_another_age_are_forgotten_by_the_clock_of_their_starts) {
    keep.max_age_ms = 100'000;
    open();
    for (std::uint64_t i = 1; i <= 3; ++i) attempt_at("n" + std::to_string(i), i, static_cast<time_ms>(i) * 50'000);
    EXPECT_THAT(history(), ElementsAre(3, 2, 1));
    status_batch wrong_clock;  // of a worker
    wrong_clock.finishes = {finish("n3", 3, task_state::done)};
    wrong_clock.finishes.front().end.ended_ms = std::numeric_limits<time_ms>::max();
    store->commit(wrong_clock);
    EXPECT_THAT(history(), ElementsAre(3, 2, 1));
    attempt_at("n4", 4, 230'000);
    EXPECT_THAT(history(), ElementsAre(4, 3)) << "older than 130,000";
}

TEST_P(status_store_test, what_starts_nothing_forgets_nothing) {
    for (std::uint64_t i = 1; i <= 3; ++i) attempt_at("n", i, 1'000);
    if (!GetParam()) return;
    keep.max_count = 1;
    reopen();
    status_batch forgiven;
    forgiven.statuses = {{job_id{"j"}, node_id{"n"}, {}}};
    store->commit(forgiven);
    EXPECT_THAT(history(), SizeIs(3));
}

TEST_P(status_store_test, a_surplus_goes_by_and_by) {
    status_batch many;
    for (std::uint64_t i = 1; i <= 1'000; ++i) {
        many.starts.push_back(start("n", i, 1'000));
        many.finishes.push_back(finish("n", i, task_state::done));
    }
    store->commit(many);
    if (!GetParam()) return;  // only a file is opened again, with another limit
    keep.max_count = 10;
    reopen();
    attempt_at("n", 1'001, 1'000);
    EXPECT_THAT(history(), SizeIs(1'001 - most_deleted(1))) << "a bounded number at a time";
    for (std::uint64_t i = 1'002; i <= 1'020; ++i) attempt_at("n", i, 1'000);
    EXPECT_THAT(history(), SizeIs(10));
}

TEST_P(status_store_test, clear_forgets_all) {
    status_batch batch;
    batch.finishes = {finish("n", 1, task_state::done)};
    store->commit(batch);
    store->clear();
    EXPECT_THAT(statuses(), IsEmpty());
    EXPECT_THAT(store->attempts(job_id{"j"}, {}, 10), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(back_ends, status_store_test, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "sqlite" : "memory"; });

class log_store_test : public ::testing::TestWithParam<bool> {
protected:
    void open() {
        store.reset();
        store = GetParam() ? open_sqlite_log_store(dir.file("l.sqlite"), keep) : make_memory_log_store(keep);
    }
    void SetUp() override { open(); }
    void add(const std::string& node, const std::string& text, log_stream stream = log_stream::out,
             time_ms at = 5'000) {
        std::vector<log_line> lines{{0, job_id{"j"}, node_id{node}, invocation_id{1}, stream, at, text}};
        store->append(lines);
    }
    std::vector<std::string> texts(const log_query& q) {
        std::vector<std::string> result;
        for (const auto& line : store->query(q)) result.push_back(line.text);
        return result;
    }
    temp_dir dir;
    retention keep;
    std::unique_ptr<log_store> store;
};

TEST_P(log_store_test, old_lines_are_forgotten_by_count_and_by_age) {
    keep.max_count = 3;
    keep.max_age_ms = 100'000;
    open();
    for (int i = 1; i <= 5; ++i) add("a", std::to_string(i), log_stream::out, 1'000 * i);
    EXPECT_THAT(texts({}), ElementsAre("3", "4", "5"));
    add("a", "6", log_stream::out, 104'500);
    EXPECT_THAT(texts({}), ElementsAre("5", "6"));
}

TEST_P(log_store_test, finds_lines_by_all_parts_of_a_query) {
    add("a", "one");
    add("b", "two", log_stream::err);
    add("a", "three", log_stream::err);
    log_query q;
    EXPECT_THAT(texts(q), ElementsAre("one", "two", "three"));
    q.node = node_id{"a"};
    EXPECT_THAT(texts(q), ElementsAre("one", "three"));
    q.any_stream = false;
    q.stream = log_stream::err;
    EXPECT_THAT(texts(q), ElementsAre("three"));
    q.job = job_id{"other"};
    EXPECT_THAT(texts(q), IsEmpty());
}

TEST_P(log_store_test, the_first_or_the_latest_lines_and_those_after_one) {
    for (const std::string text : {"1", "2", "3", "4"}) add("a", text);
    log_query q;
    q.limit = 2;
    EXPECT_THAT(texts(q), ElementsAre("1", "2"));
    q.latest = true;
    EXPECT_THAT(texts(q), ElementsAre("3", "4"));
    q = {};
    q.after_id = store->query({})[1].id;
    EXPECT_THAT(texts(q), ElementsAre("3", "4"));
}

TEST_P(log_store_test, ids_grow_even_when_the_clock_goes_back) {
    add("a", "late", log_stream::out, 9'000'000);
    add("a", "early", log_stream::out, 1'000);
    const auto lines = store->query({});
    EXPECT_LT(lines[0].id, lines[1].id);
    EXPECT_EQ(lines[0].id >> 32, 9'000);
}

INSTANTIATE_TEST_SUITE_P(back_ends, log_store_test, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "sqlite" : "memory"; });

std::string message_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const io_error& e) {
        return e.what();
    }
    return "no error";
}

std::string content(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(sqlite_files, garbage_is_refused_and_left_alone) {
    temp_dir dir;
    const std::string garbage(5'000, 'x');
    std::ofstream{dir.file("s.sqlite")} << garbage;
    EXPECT_THAT(message_of([&] { open_sqlite_status_store(dir.file("s.sqlite")); }),
                HasSubstr("is no SQLite database"));
    EXPECT_EQ(content(dir.file("s.sqlite")), garbage);
}

TEST(sqlite_files, a_damaged_file_is_refused_and_left_alone) {
    temp_dir dir;
    {
        auto store = open_sqlite_status_store(dir.file("s.sqlite"));
        status_batch batch;
        for (std::uint64_t i = 1; i < 500; ++i)
            batch.finishes.push_back(finish("node" + std::to_string(i), i, task_state::done));
        store->commit(batch);
    }
    auto damaged = content(dir.file("s.sqlite"));
    for (std::size_t i = 8192; i < damaged.size(); i += 3) damaged[i] = '\x5a';
    std::ofstream{dir.file("s.sqlite"), std::ios::binary} << damaged;
    EXPECT_THAT(message_of([&] { open_sqlite_status_store(dir.file("s.sqlite")); }), HasSubstr("damaged"));
    EXPECT_EQ(content(dir.file("s.sqlite")), damaged);
}

TEST(sqlite_files, a_newer_version_and_another_kind_are_refused) {
    temp_dir dir;
    { auto store = open_sqlite_status_store(dir.file("s.sqlite")); }
    {
        SQLite::Database db{dir.file("s.sqlite"), SQLite::OPEN_READWRITE};
        db.exec("PRAGMA user_version = 99");
    }
    EXPECT_THAT(message_of([&] { open_sqlite_status_store(dir.file("s.sqlite")); }), HasSubstr("newer version"));
    {
        SQLite::Database db{dir.file("o.sqlite"), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
        db.exec("CREATE TABLE t (x)");
    }
    EXPECT_THAT(message_of([&] { open_sqlite_status_store(dir.file("o.sqlite")); }), HasSubstr("something else"));
    { auto log = open_sqlite_log_store(dir.file("l.sqlite")); }
    EXPECT_THAT(message_of([&] { open_sqlite_status_store(dir.file("l.sqlite")); }), HasSubstr("something else"));
}

TEST(sqlite_files, a_full_disk_loses_nothing_and_recovers) {
    temp_dir dir;
    auto store = open_sqlite_status_store(dir.file("s.sqlite"));
    status_batch first;
    first.finishes = {finish("kept", 1, task_state::done)};
    store->commit(first);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{64 * 1024, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    status_batch large;
    for (std::uint64_t i = 2; i < 5'000; ++i)
        large.finishes.push_back(finish("node" + std::to_string(i), i, task_state::done));
    EXPECT_NE(message_of([&] { store->commit(large); }), "no error");
    ::setrlimit(RLIMIT_FSIZE, &before);
    store->commit(large);
    std::size_t count = 0;
    store->for_each_status(job_id{"j"}, [&](const node_id&, const task_status&) { ++count; });
    EXPECT_EQ(count, 4'999U);
}

}  // namespace
}  // namespace bistro
