#include "model/filters.hpp"

#include <gtest/gtest.h>

#include "model/hash.hpp"

namespace bistro {
namespace {

bool passes(const filter_spec& spec, std::string_view node, const std::vector<std::string>& tags = {}) {
    return filter{spec, "job"}.passes(node, tags);
}

TEST(filter, without_parts_passes_all) { EXPECT_TRUE(passes({}, "anything")); }

TEST(filter, whitelist_and_blacklist) {
    filter_spec f;
    f.whitelist = {"a", "b"};
    f.blacklist = {"b"};
    EXPECT_TRUE(passes(f, "a"));
    EXPECT_FALSE(passes(f, "b")) << "all parts must pass";
    EXPECT_FALSE(passes(f, "c"));
}

TEST(filter, regular_expressions_are_searched) {
    filter_spec f;
    f.whitelist_regex = "db_[0-9]";
    f.blacklist_regex = ":db_5$";
    EXPECT_TRUE(passes(f, "host:db_4 and more"));
    EXPECT_FALSE(passes(f, "host:db_5"));
    EXPECT_FALSE(passes(f, "host"));
}

TEST(filter, a_pattern_too_complex_for_a_name_excludes_it) {
    filter_spec f;
    f.blacklist_regex = "(a*)*(b*)*(a*)*c$";
    EXPECT_FALSE(passes(f, std::string(5'000, 'a')));
    f.whitelist_regex = std::exchange(f.blacklist_regex, {});
    EXPECT_FALSE(passes(f, std::string(5'000, 'a')));
}

TEST(filter, one_tag_is_enough) {
    filter_spec f;
    f.tag_whitelist = {"ssd", "fast"};
    EXPECT_TRUE(passes(f, "n", {"old", "fast"}));
    EXPECT_FALSE(passes(f, "n", {"old"}));
    EXPECT_FALSE(passes(f, "n"));
}

TEST(filter, a_fraction_is_stable_and_near_its_share) {
    filter_spec f;
    f.fraction_of_nodes = 0.3;
    const filter some{f, "job"};
    int count = 0;
    for (int i = 0; i < 10'000; ++i) count += some.passes("node" + std::to_string(i), {}) ? 1 : 0;
    EXPECT_NEAR(count, 3000, 200);
}

// These numbers are a promise: the same on every build and machine.
TEST(filter, the_hash_behind_a_fraction_never_changes) {
    EXPECT_NE(stable_fraction("job", "node"), stable_fraction("jobn", "ode")) << "the names are kept apart";
    EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8U) << "a published test vector";
    EXPECT_EQ(mix64(1), 0x910a2dec89025cc1U);
}

TEST(filter, zero_or_less_of_the_nodes_means_all) {
    filter_spec f;
    f.fraction_of_nodes = 0;
    EXPECT_TRUE(passes(f, "a"));
    f.fraction_of_nodes = -1;
    EXPECT_TRUE(passes(f, "a"));
}

TEST(filter, bad_patterns_are_told) {
    EXPECT_NE(regex_problem("("), "");
    EXPECT_EQ(regex_problem("^a.*b$"), "");
}

}  // namespace
}  // namespace bistro
