#include "model/secret.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

TEST(same_secret, is_so_where_all_is_the_same) {
    EXPECT_TRUE(same_secret("abc", "abc"));
    EXPECT_FALSE(same_secret("abc", "abd"));
    EXPECT_FALSE(same_secret("abc", "ab"));
    EXPECT_FALSE(same_secret("", "a"));
}

}  // namespace
}  // namespace bistro
