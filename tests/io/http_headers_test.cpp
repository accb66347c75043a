#include "io/http/http_headers.hpp"

#include <gtest/gtest.h>

namespace bistro {
namespace {

TEST(http_headers, only_the_loopback_has_a_loopback_name) {
    for (const auto* host :
         {"localhost", "localhost:6790", "LOCALHOST:1", "127.0.0.1", "127.9.8.7:80", "[::1]", "[::1]:65535"})
        EXPECT_TRUE(is_loopback_name(host)) << host;
    for (const auto* host :
         {"", "evil.example.com", "127.evil.com", "127.evil.com:6790", "127.0.0.1.evil.com", "127.0.0", "127.0.0.256",
          "[::1].evil.com", "[::1]x", "[::2]", "localhost.evil.com", "localhost:99.evil",
          "localhost:", "localhost:123456", ":80", "10.0.0.1", "0.0.0.0", "localhost:80:90", "[::1]:"})
        EXPECT_FALSE(is_loopback_name(host)) << host;
}

TEST(http_headers, a_tag_is_found_in_a_list) {
    for (const auto* list : {"\"a\"", "*", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\" ,\"c\""})
        EXPECT_TRUE(lists_etag(list, "\"a\"")) << list;
    for (const auto* list : {"", "\"b\"", "a", "\"ab\"", "W/", ","}) EXPECT_FALSE(lists_etag(list, "\"a\"")) << list;
}

TEST(http_headers, a_bearer_token_is_what_stands_behind_its_scheme) {
    EXPECT_EQ(bearer_token("Bearer abc"), "abc");
    EXPECT_EQ(bearer_token("bearer  abc"), "abc");
    for (const auto* other : {"", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "abc"})
        EXPECT_EQ(bearer_token(other), "") << other;
}

}  // namespace
}  // namespace bistro
