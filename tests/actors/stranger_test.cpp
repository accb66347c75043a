// What a message of a stranger is taken for, as CAF itself writes it.
#include "actors/protocol/stranger.hpp"

#include <gmock/gmock.h>

#include <caf/all.hpp>

#include "actors/protocol/type_ids.hpp"
#include "tests/support/actor_fixture.hpp"

namespace bistro {
namespace {

using testing::Eq;
using testing::Optional;

class strangers : public testing::Test {
protected:
    template <class... Ts>
    std::string payload(Ts&&... parts) {
        return with_stages({}, std::forward<Ts>(parts)...);
    }

    template <class... Ts>
    std::string with_stages(const std::vector<caf::strong_actor_ptr>& stages, Ts&&... parts) {
        caf::scoped_execution_unit unit{&system};
        std::vector<char> bytes;
        caf::binary_serializer sink{&unit, bytes};
        EXPECT_FALSE(sink(stages, caf::make_message(std::forward<Ts>(parts)...)));
        return {bytes.begin(), bytes.end()};
    }

    template <class Message>
    static Message with_secret(const std::string& secret) {
        Message m;
        m.secret = secret;
        return m;
    }

    static stranger_message is(std::string_view type, std::optional<std::string_view> secret = {}) {
        return {type, secret};
    }

    test::test_config config;
    caf::actor_system system{config};
};

TEST_F(strangers, what_a_gateway_takes_is_read_with_its_secret) {
    EXPECT_THAT(read_stranger_message(payload(protocol_asked{})), Optional(is("bistro::protocol_asked")));
    hello m;
    m.secret = "s3cret";
    m.running.resize(300);
    EXPECT_THAT(read_stranger_message(payload(m)), Optional(is("bistro::hello", "s3cret")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<secret_told>("a"))),
                Optional(is("bistro::secret_told", "a")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<jobs_asked>("b"))), Optional(is("bistro::jobs_asked", "b")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<tasks_asked>("c"))),
                Optional(is("bistro::tasks_asked", "c")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<logs_asked>("d"))), Optional(is("bistro::logs_asked", "d")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<control_asked>("e"))),
                Optional(is("bistro::control_asked", "e")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<explain_asked>("f"))),
                Optional(is("bistro::explain_asked", "f")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<wait_asked>("g"))), Optional(is("bistro::wait_asked", "g")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<console_asked>("h"))),
                Optional(is("bistro::console_asked", "h")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<details_asked>("i"))),
                Optional(is("bistro::details_asked", "i")));
    EXPECT_THAT(read_stranger_message(payload(with_secret<nodes_asked>("j"))),
                Optional(is("bistro::nodes_asked", "j")));
    const std::string long_one(1000, 'x');
    EXPECT_THAT(read_stranger_message(payload(with_secret<secret_told>(long_one))),
                Optional(is("bistro::secret_told", long_one)));
}

TEST_F(strangers, anything_else_is_nothing) {
    EXPECT_THAT(read_stranger_message(payload(goodbye{})), Eq(std::nullopt));
    EXPECT_THAT(read_stranger_message(payload(tasks_finished{})), Eq(std::nullopt));
    EXPECT_THAT(read_stranger_message(payload(std::string{"text"})), Eq(std::nullopt));
    EXPECT_THAT(read_stranger_message(payload(with_secret<secret_told>("a"), 1)), Eq(std::nullopt))
        << "more than one part";
    EXPECT_THAT(read_stranger_message(payload()), Eq(std::nullopt));
    EXPECT_THAT(read_stranger_message(with_stages({nullptr}, with_secret<secret_told>("a"))), Eq(std::nullopt))
        << "forwarded";
}

TEST_F(strangers, what_is_cut_off_anywhere_is_nothing) {
    const auto whole = payload(with_secret<secret_told>("secret"));
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_THAT(read_stranger_message(std::string_view{whole}.substr(0, n)), Eq(std::nullopt)) << n;
    std::string endless = whole.substr(0, whole.size() - 7) + std::string(20, '\xff');
    EXPECT_THAT(read_stranger_message(endless), Eq(std::nullopt));
}

}  // namespace
}  // namespace bistro
