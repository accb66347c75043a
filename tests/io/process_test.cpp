// Real processes through the launcher.
#include "io/process/process_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "io/file_watch.hpp"
#include "io/process/line_splitter.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using test::temp_dir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class launcher_test : public ::testing::Test {
protected:
    struct result {
        process_outcome outcome;
        std::vector<output_line> lines;
    };
    struct pending {
        std::promise<result> promise;
        std::mutex mutex;
        std::vector<output_line> lines;
    };

    std::future<result> launch(process_id id, std::vector<std::string> argv,
                               std::vector<std::string> environment = {}) {
        auto p = std::make_shared<pending>();
        process_events events;
        events.on_output = [p, id, this](std::vector<output_line> lines) {
            const std::lock_guard lock{p->mutex};
            std::size_t bytes = 0;
            for (auto& line : lines) {
                bytes += line.text.size() + 1;
                p->lines.push_back(std::move(line));
            }
            launcher->return_credit(id, bytes);
        };
        events.on_end = [p](process_outcome outcome) { p->promise.set_value({std::move(outcome), p->lines}); };
        launcher->launch(id, {std::move(argv), std::move(environment), dir.file("work")}, std::move(events));
        return p->promise.get_future();
    }
    result shell(const std::string& script) {
        const auto id = next++;
        return launch(id, {"/bin/sh", "-c", script, "sh", launcher->status_path(id)}).get();
    }
    static std::vector<std::string> texts(const result& r) {
        std::vector<std::string> t;
        for (const auto& line : r.lines) t.push_back(std::string{to_string(line.stream)} + " " + line.text);
        return t;
    }

    temp_dir dir;
    io_loop loop;
    std::unique_ptr<process_launcher> launcher = make_process_launcher(loop);
    process_id next = 1;
};

TEST_F(launcher_test, exit_codes_and_signals) {
    EXPECT_EQ(shell("exit 0").outcome.exit_code, 0);
    EXPECT_EQ(shell("exit 7").outcome.exit_code, 7);
    EXPECT_EQ(shell("kill -9 $$").outcome.signal, SIGKILL);
}

TEST_F(launcher_test, output_comes_line_by_line_and_whole) {
    EXPECT_THAT(texts(shell("echo one; printf 'no end'")), ElementsAre("stdout one", "stdout no end"));
    EXPECT_THAT(texts(shell("echo oops >&2")), ElementsAre("stderr oops"));
}

TEST_F(launcher_test, the_status_pipe_is_read) {
    EXPECT_EQ(shell("echo done > \"$1\"").outcome.status_text, "done\n");
    EXPECT_EQ(shell("true").outcome.status_text, "");
    EXPECT_EQ(shell("head -c 300000 /dev/zero | tr '\\0' x > \"$1\"").outcome.status_text.size(),
              max_status_line_bytes);
}

TEST_F(launcher_test, much_output_is_neither_lost_nor_kept_in_memory) {
    const auto r = shell("i=0; while [ $i -lt 300 ]; do head -c 16000 /dev/zero | tr '\\0' y; echo; i=$((i+1)); done");
    EXPECT_EQ(r.lines.size(), 300U);
}

TEST_F(launcher_test, what_is_not_kept_alive_is_killed) {
    auto doomed =
        launch(200, {"/bin/sh", "-c", "trap '' TERM; sleep 1000"}, {"BISTRO_STATUS=" + launcher->status_path(200)});
    EXPECT_TRUE(launcher->keep_alive(std::chrono::milliseconds{500}));
    EXPECT_EQ(doomed.get().outcome.signal, SIGKILL);
    // Nor is anything started then, until somebody speaks again: this process may have been stopped since it decided.
    EXPECT_THAT(launch(201, {"sleep", "1000"}).get().outcome.failure, HasSubstr("has not been heard"));
    EXPECT_TRUE(launcher->keep_alive(std::chrono::hours{1}));
    EXPECT_EQ(launch(202, {"true"}, {"BISTRO_STATUS=" + launcher->status_path(202)}).get().outcome.exit_code, 0);
}

TEST_F(launcher_test, what_cannot_be_run_says_why) {
    EXPECT_THAT(launch(100, {"/nowhere/prog"}).get().outcome.failure, HasSubstr("No such file"));
    EXPECT_THAT(launch(101, {"no-such-program-in-path"}).get().outcome.failure, HasSubstr("$PATH"));
    std::ofstream{dir.file("plain")} << "text";
    EXPECT_THAT(launch(102, {dir.file("plain")}).get().outcome.failure, HasSubstr("Permission denied"));
    EXPECT_THAT(launch(103, {"true", std::string(200'000, 'x')}).get().outcome.failure, HasSubstr("too large"));
    EXPECT_EQ(launch(104, {"true"}).get().outcome.failure, "");
}

TEST_F(launcher_test, a_process_leads_its_group_and_leaves_nobody_behind) {
    const auto r = shell("sleep 1000 & echo $!; [ $(ps -o pgid= $$) = $$ ] && echo leader");
    ASSERT_EQ(r.lines.size(), 2U);
    EXPECT_EQ(r.lines[1].text, "leader");
    // It has got its KILL, and ends as soon as it is its turn; one that got none would be here for ever.
    for (std::string state; state != "gone" && state != "Z" && state != "X"; std::this_thread::yield()) {
        std::string name;
        state = "gone";
        std::ifstream{"/proc/" + r.lines[0].text + "/stat"} >> name >> name >> state;
    }
}

TEST_F(launcher_test, a_signal_reaches_the_whole_group) {
    auto future = launch(200, {"/bin/sh", "-c", "sleep 1000 & wait"});
    launcher->signal(200, SIGTERM);
    EXPECT_EQ(future.get().outcome.signal, SIGTERM);
    launcher->signal(200, SIGTERM);  // for one that has ended: nothing
}

TEST_F(launcher_test, descriptors_and_signals_are_clean) {
    // Descriptors as the shell counts its own, without a pipe that it may hold for a moment. Signals as grep inherits
    // them: while the shell waits for it, the shell blocks some for a moment.
    const auto r = shell(
        "n=0; for f in /proc/$$/fd/*; do [ -e $f ] && n=$((n + 1)); done; echo $n; grep -c '^SigIgn:\\s*0*$' "
        "/proc/self/status; "
        "grep -c '^SigBlk:\\s*0*$' /proc/self/status");
    ASSERT_EQ(r.lines.size(), 3U);
    EXPECT_EQ(r.lines[0].text, "3");
    EXPECT_EQ(r.lines[1].text, "1");
    EXPECT_EQ(r.lines[2].text, "1");
}

TEST_F(launcher_test, the_environment_is_passed_on) {
    auto r = launch(300, {"/bin/sh", "-c", "echo \"$BISTRO_NODE\"; pwd"}, {"BISTRO_NODE=a 'b' \"c\""}).get();
    ASSERT_EQ(r.lines.size(), 2U);
    EXPECT_EQ(r.lines[0].text, "a 'b' \"c\"");
    EXPECT_EQ(r.lines[1].text, dir.file("work"));
}

TEST_F(launcher_test, many_at_once) {
    std::vector<std::future<result>> futures;
    for (process_id id = 1'000; id < 1'200; ++id) futures.push_back(launch(id, {"/bin/sh", "-c", "echo $$"}));
    for (auto& f : futures) EXPECT_EQ(f.get().lines.size(), 1U);
}

TEST_F(launcher_test, destruction_ends_what_runs) {
    auto p = std::make_shared<std::promise<int>>();
    process_events events;
    events.on_output = [p](std::vector<output_line> lines) { p->set_value(std::stoi(lines.at(0).text)); };
    launcher->launch(1, {{"/bin/sh", "-c", "echo $$; exec sleep 1000"}, {}, dir.path()}, events);
    const int pid = p->get_future().get();
    launcher.reset();
    EXPECT_EQ(::kill(pid, 0), -1) << "ended and reaped";
}

TEST(line_splitter, leaves_raw_lines_as_they_are) {
    line_splitter splitter{true};
    std::vector<std::string> lines;
    const auto odd = std::string(max_line_bytes + 10, 'a') + "\xff";
    splitter.feed(odd + "\n", lines);
    EXPECT_EQ(lines, std::vector<std::string>{odd});
}

TEST(line_splitter, cuts_and_marks_long_lines) {
    line_splitter splitter;
    std::vector<std::string> lines;
    splitter.feed(std::string(max_line_bytes + 10, 'a'), lines);
    EXPECT_TRUE(lines.empty());
    splitter.feed("bc\nnext\n", lines);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_THAT(lines[0], HasSubstr("[... 12 bytes cut]"));
    EXPECT_EQ(lines[1], "next");
}

TEST(line_splitter, makes_bad_utf8_harmless) {
    line_splitter splitter;
    std::vector<std::string> lines;
    splitter.feed("a\xff", lines);
    splitter.finish(lines);
    EXPECT_THAT(lines, ElementsAre("a\xEF\xBF\xBD"));
}

TEST(file_watch, hears_writes_and_replacements) {
    temp_dir dir;
    io_loop loop;
    std::promise<void> first;
    std::promise<void> second;
    std::atomic<int> calls = 0;
    std::ofstream{dir.file("c")} << "1";
    file_watch watch{loop, dir.file("c"), [&](bool whole) {
                         if (!whole) return;
                         if (++calls == 1) first.set_value();
                         if (calls == 2) second.set_value();
                     }};
    std::ofstream{dir.file("other")} << "x";
    std::ofstream{dir.file("c"), std::ios::app} << "2";
    first.get_future().wait();
    std::filesystem::rename(dir.file("other"), dir.file("c"));
    second.get_future().wait();
}

}  // namespace
}  // namespace bistro
