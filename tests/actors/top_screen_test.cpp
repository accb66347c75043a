// The screen of bistro top, without a terminal.
#include "actors/app/top_screen.hpp"

#include <gtest/gtest.h>

#include "io/terminal/terminal.hpp"

namespace bistro {
namespace {

class top_test : public ::testing::Test {
protected:
    top_test() {
        jobs_answer jobs;
        for (const auto& [name, done] : {std::pair{"ja", 30U}, std::pair{"jb", 10U}, std::pair{"jc", 20U}}) {
            job_row row;
            row.job = job_id{name};
            row.counts.total = 40;
            row.counts.done = done;
            row.counts.running = 2;
            jobs.jobs.push_back(row);
        }
        worker_row worker;
        worker.shard = shard_name{"w1"};
        worker.health = "healthy";
        worker.connected = true;
        jobs.workers.push_back(worker);
        screen.take(jobs, 10'000);
        job_details details;
        details.job = job_id{"jb"};
        details.failures.push_back({"exit code 3: full", 7, 7, 4'000, {}});
        details.failures.push_back({"signal 9", 1, 0, 9'000, {}});
        screen.take({details});
        tasks_answer tasks;
        task_row task;
        task.job = job_id{"jb"};
        task.node = node_id{"db\033[1m1"};
        task.started_ms = 5'000;
        tasks.tasks.push_back(task);
        screen.take(tasks);
    }

    std::string text(std::size_t width = 120, std::size_t height = 20) {
        std::string all;
        for (const auto& line : screen.lines(width, height, false)) all += line + "\n";
        return all;
    }
    void press(std::initializer_list<const char*> keys) {
        for (const char* key : keys) EXPECT_FALSE(screen.key(key)) << key;
    }
    bool shows(const std::string& what) { return text().find(what) != std::string::npos; }

    top_screen screen;
};

TEST_F(top_test, it_fits_whatever_the_terminal_has) {
    for (const std::size_t width : {20U, 60U, 200U})
        for (const std::size_t height : {3U, 6U, 40U})
            for (const char* view : {"1", "2", "3", "4", "h"}) {
                screen.key(view);
                const auto lines = screen.lines(width, height, false);
                if (std::string{view} != "h") {
                    EXPECT_LE(lines.size(), height) << width << " " << height << " " << view;
                }
                for (const auto& line : lines) EXPECT_LE(display_width(line), width) << line;
                screen.key("escape");
            }
}

TEST_F(top_test, keys_turn_to_views) {
    EXPECT_TRUE(shows("> ja"));
    EXPECT_TRUE(shows("3 jobs, 120 tasks: 60 done, 6 running"));
    press({"2"});
    EXPECT_TRUE(shows("5.0 s"));
    EXPECT_FALSE(shows("\033")) << "names do nothing to the terminal";
    press({"3"});
    EXPECT_TRUE(shows("exit code 3: full"));
    press({"tab"});
    EXPECT_TRUE(shows("w1"));
    press({"tab"});
    EXPECT_TRUE(shows("> ja"));
    press({"h"});
    EXPECT_TRUE(shows("quit"));
    press({"x"});
    EXPECT_TRUE(shows("> ja")) << "any key ends the help, and does nothing else";
}

TEST_F(top_test, lines_are_sorted_and_filtered_and_the_choice_stays) {
    press({"down", "down"});
    EXPECT_TRUE(shows("> jc"));
    press({"s", "s"});  // by progress, the most first
    EXPECT_TRUE(shows("progress v"));
    const auto at = [&](const char* name) { return text().find(std::string{" "} + name + " "); };
    EXPECT_LT(at("ja"), at("jc"));
    EXPECT_LT(at("jc"), at("jb"));
    EXPECT_TRUE(shows("> jc"));
    press({"S"});
    EXPECT_GT(at("ja"), at("jc"));
    press({"/", "b", "x", "backspace", "enter"});
    EXPECT_TRUE(shows("only with \"b\""));
    EXPECT_TRUE(shows("> jb"));
    EXPECT_EQ(at("ja"), std::string::npos);
    press({"escape"});
    EXPECT_TRUE(shows("> jc"));
    press({"end"});
    EXPECT_TRUE(shows("> ja"));
    press({"home"});
    EXPECT_TRUE(shows("> jb"));
}

TEST_F(top_test, what_changes_something_is_asked_first) {
    press({"down", "p"});
    EXPECT_TRUE(shows("pause jb? y or n"));
    press({"n"});
    EXPECT_TRUE(shows("nothing was done"));
    press({"p"});
    const auto pause = screen.key("y");
    ASSERT_TRUE(pause);
    EXPECT_EQ(pause->verb, control_verb::pause);
    EXPECT_EQ(pause->job, job_id{"jb"});
    press({"2", "x"});
    const auto kill = screen.key("y");
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->verb, control_verb::kill);
    EXPECT_EQ(kill->node, node_id{"db\033[1m1"});
    press({"3", "r"});
    const auto retry = screen.key("y");
    ASSERT_TRUE(retry);
    EXPECT_EQ(retry->verb, control_verb::forgive);
    EXPECT_EQ(retry->cause, "exit code 3: full");
    press({"4", "x"});
    EXPECT_TRUE(shows("choose a job or a task first"));
    EXPECT_FALSE(screen.key("y"));
}

TEST_F(top_test, enter_leads_to_the_tasks_of_a_job_and_escape_back) {
    press({"down", "enter"});
    EXPECT_EQ(screen.shown(), top_screen::view::tasks);
    EXPECT_EQ(screen.job(), job_id{"jb"});
    press({"escape"});
    EXPECT_EQ(screen.shown(), top_screen::view::jobs);
    EXPECT_TRUE(screen.job().empty());
    press({" "});
    EXPECT_TRUE(screen.frozen());
    press({"q"});
    EXPECT_TRUE(screen.wants_to_end());
}

}  // namespace
}  // namespace bistro
