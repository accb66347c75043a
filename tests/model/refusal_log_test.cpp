#include "model/refusal_log.hpp"

#include <gmock/gmock.h>

namespace bistro {
namespace {

using testing::Eq;
using testing::Optional;

const refusal_log::time_point start{};

TEST(refusal_log, one_line_of_a_peer_in_a_while_and_the_others_are_counted) {
    refusal_log log;
    EXPECT_THAT(log.refused("a", start), Optional(0u));
    EXPECT_THAT(log.refused("a", start), Eq(std::nullopt));
    EXPECT_THAT(log.refused("b", start), Optional(0u)) << "another peer";
    EXPECT_THAT(log.refused("a", start + refusal_log_interval / 2), Eq(std::nullopt));
    EXPECT_THAT(log.refused("a", start + refusal_log_interval), Optional(2u));
    EXPECT_THAT(log.refused("a", start + 2 * refusal_log_interval), Optional(0u));
}

TEST(refusal_log, beyond_a_number_of_peers_all_are_one) {
    refusal_log log;
    for (std::size_t i = 0; i < max_refused_peers; ++i) EXPECT_TRUE(log.refused(std::to_string(i), start));
    EXPECT_TRUE(log.refused("one more", start));
    EXPECT_THAT(log.refused("and another", start), Eq(std::nullopt));
    EXPECT_THAT(log.refused("0", start), Eq(std::nullopt)) << "those from before stay apart";
    EXPECT_THAT(log.refused("later", start + 2 * refusal_log_interval), Optional(0u)) << "the others are over";
}

}  // namespace
}  // namespace bistro
