// What is said again and again is told once, with its number.
#include "actors/repeat_filter.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace bistro {
namespace {

using namespace std::chrono_literals;

class kept_lines final : public spdlog::sinks::base_sink<std::mutex> {
public:
    std::vector<std::string> lines;
    spdlog::log_clock::time_point latest;

private:
    void sink_it_(const spdlog::details::log_msg& m) override {
        lines.emplace_back(m.payload.data(), m.payload.size());
        latest = m.time;
    }
    void flush_() override {}
};

class repeat_filter_test : public ::testing::Test {
protected:
    void say(const std::string& text, std::chrono::milliseconds at,
             spdlog::level::level_enum level = spdlog::level::info) {
        filter.log({spdlog::log_clock::time_point{1h} + at, {}, "part", level, text});
    }

    std::shared_ptr<kept_lines> kept = std::make_shared<kept_lines>();
    repeat_filter filter{kept, 5s};
};

TEST_F(repeat_filter_test, repeats_are_counted_whatever_comes_between) {
    for (int i = 0; i < 10; ++i) {
        say("a", i * 100ms);
        say("b", i * 100ms);
    }
    EXPECT_EQ(kept->lines, (std::vector<std::string>{"a", "b"}));
    say("c", 6s);
    EXPECT_EQ(kept->lines, (std::vector<std::string>{"a", "b", "a (and 9 more times)", "b (and 9 more times)", "c"}));
    say("a", 7s);
    EXPECT_EQ(kept->lines.back(), "a") << "its window is over";
}

TEST_F(repeat_filter_test, a_flush_tells_what_is_held_back_with_its_time) {
    for (int i = 0; i < 3; ++i) say("a", i * 1s);
    filter.flush();
    EXPECT_EQ(kept->lines.back(), "a (and 2 more times)");
    EXPECT_EQ(kept->latest, spdlog::log_clock::time_point{1h} + 2s);
}

TEST_F(repeat_filter_test, what_differs_is_no_repeat) {
    say("a", 0s);
    say("a", 0s, spdlog::level::err);
    say("a ", 0s);
    EXPECT_EQ(kept->lines.size(), 3U);
}

TEST_F(repeat_filter_test, a_clock_that_is_set_back_silences_nothing) {
    say("a", 0s);
    say("a", -1h);
    EXPECT_EQ(kept->lines.size(), 2U);
}

TEST_F(repeat_filter_test, more_texts_than_it_remembers_are_all_told) {
    for (std::size_t i = 0; i < repeat_filter::max_remembered; ++i) say("text " + std::to_string(i), 0s);
    say("one more", 0s);
    say("one more", 0s);
    EXPECT_EQ(kept->lines.size(), repeat_filter::max_remembered + 2);
}

}  // namespace
}  // namespace bistro
