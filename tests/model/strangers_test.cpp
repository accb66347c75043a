#include "model/strangers.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

using std::chrono::seconds;
constexpr strangers::time_point start{seconds{1000}};

TEST(Strangers, OfAFloodTheOldestGoesAndOthersStay) {
    strangers all;
    EXPECT_EQ(all.add(-1, "10.0.0.1", start), std::nullopt);
    EXPECT_EQ(all.add(-2, "10.0.0.2", start), std::nullopt);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(max_strangers) - 2; ++i)
        EXPECT_EQ(all.add(i, "10.0.0.9", start), std::nullopt);
    for (std::int64_t i = 0; i < 1000; ++i)
        EXPECT_EQ(all.add(1000 + i, "10.0.0.9", start), i < 254 ? i : 1000 + i - 254);
    EXPECT_EQ(all.add(-3, "10.0.0.3", start), 1000 + 746) << "a newcomer takes the place of one of the flood";
    EXPECT_EQ(all.size(), max_strangers);
}

TEST(Strangers, AmongAddressesWithAsManyTheOldestGoes) {
    strangers all;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(max_strangers); ++i)
        all.add(i, "host" + std::to_string(1000 - i), start);
    EXPECT_EQ(all.add(-1, "another", start), 0) << "and not the one whose name comes first";
    EXPECT_EQ(all.add(-2, "one more", start), 1);
}

TEST(Strangers, WhoIsOneForTooLongIsOverdue) {
    strangers all;
    all.add(1, "a", start);
    all.add(2, "a", start + seconds{1});
    EXPECT_TRUE(all.overdue(start + stranger_deadline - seconds{1}).empty());
    EXPECT_EQ(all.overdue(start + stranger_deadline), std::vector<std::int64_t>{1});
    all.remove(1);
    EXPECT_TRUE(all.overdue(start + stranger_deadline).empty());
    EXPECT_EQ(all.size(), 1);
}

TEST(Strangers, ANumberThatComesAnewIsANewStranger) {
    strangers all;
    all.add(7, "a", start);
    all.add(7, "b", start + seconds{5});
    EXPECT_EQ(all.size(), 1);
    EXPECT_TRUE(all.overdue(start + stranger_deadline).empty());
}

TEST(Strangers, AnAddressIsWhatOnePersonCommands) {
    EXPECT_EQ(address_group("10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    EXPECT_EQ(address_group("2001:db8:1:2:ffff::1"), address_group("2001:db8:1:2::7"));
    EXPECT_NE(address_group("2001:db8:1:2::1"), address_group("2001:db8:1:3::1"));
    EXPECT_EQ(address_group("::ffff:10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(address_group(""), "");
}

}  // namespace
}  // namespace bistro
