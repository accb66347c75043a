#include "model/text.hpp"

#include <gtest/gtest.h>

#include "model/ids.hpp"

namespace bistro {
namespace {

TEST(quote, makes_control_characters_and_bad_utf8_visible) {
    EXPECT_EQ(quote("plain"), "\"plain\"");
    EXPECT_EQ(quote("a\nb\tc\"d\\"), "\"a\\nb\\tc\\\"d\\\\\"");
    EXPECT_EQ(quote(std::string{"\0\x1b[", 3}), "\"\\x00\\x1b[\"");
    EXPECT_EQ(quote("\xff"), "\"\\xff\"");
    EXPECT_EQ(quote("😀"), "\"😀\"");
}

TEST(quote, cuts_what_is_long) {
    const auto text = quote(std::string(10'000, 'x'));
    EXPECT_LT(text.size(), 120U);
    EXPECT_NE(text.find("10000 bytes"), std::string::npos);
}

TEST(valid_utf8, keeps_what_is_valid_and_replaces_the_rest) {
    EXPECT_EQ(valid_utf8("añ€😀"), "añ€😀");
    EXPECT_EQ(valid_utf8("a\xc3"), "a\xEF\xBF\xBD");
    EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "a surrogate";
    EXPECT_EQ(valid_utf8("\xc0\xaf"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "an overlong slash";
}

TEST(nearest, finds_what_was_meant_and_nothing_far) {
    const std::vector<std::string> keys{"priority", "command", "owner"};
    EXPECT_EQ(nearest("prioritty", keys), "priority");
    EXPECT_EQ(nearest("comand", keys), "command");
    EXPECT_EQ(nearest("zebra", keys), "");
    EXPECT_EQ(nearest(std::string(5000, 'a'), keys), "");
}

TEST(duration_text, uses_the_unit_that_fits) {
    EXPECT_EQ(duration_text(340), "340 ms");
    EXPECT_EQ(duration_text(12'345), "12.3 s");
    EXPECT_EQ(duration_text(245'000), "4 min 05 s");
    EXPECT_EQ(duration_text(3 * 3'600'000 + 7 * 60'000), "3 h 07 min");
    EXPECT_EQ(duration_text(52 * 3'600'000LL), "2 d 04 h");
}

TEST(invocation_id, survives_the_way_through_text) {
    const invocation_id id{invocation_id::first_of_epoch(3).value + 16};
    EXPECT_EQ(to_string(id), "3-17");
    EXPECT_EQ(parse_invocation_id("3-17"), id);
    for (const auto* bad : {"", "3", "-", "3-", "x-1", "3-17x", "3-99999999999999", "99999999-1"})
        EXPECT_FALSE(parse_invocation_id(bad).valid()) << bad;
}

TEST(invocation_id, grows_from_epoch_to_epoch) {
    EXPECT_LT(invocation_id::first_of_epoch(1), invocation_id::first_of_epoch(2));
}

TEST(text, counts_with_a_noun) {
    EXPECT_EQ(counted(0, "task"), "0 tasks");
    EXPECT_EQ(counted(1, "task"), "1 task");
    EXPECT_EQ(counted(2, "task"), "2 tasks");
}

}  // namespace
}  // namespace bistro
