#include "io/http/event_feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bistro {
namespace {

struct reader : http_events {
    bool send(std::string bytes) override {
        if (!open) return false;
        text += bytes;
        return true;
    }

    // "1 2 gap": the numbers of the events, and what has none.
    std::string seen() const {
        std::string result;
        for (std::size_t at = 0; (at = text.find("event: ", at)) != std::string::npos; ++at) {
            const auto id = text.rfind("id: 7-", at);
            const bool own = id != std::string::npos && text.find('\n', id) + 1 == at;
            const auto from = own ? id + 6 : at + 7;
            result += (result.empty() ? "" : " ") + text.substr(from, text.find('\n', from) - from);
        }
        return result;
    }

    std::string text;
    bool open = true;
};

void publish(event_feed& feed, std::uint64_t first, std::uint64_t last) {
    for (auto n = first; n <= last; ++n) feed.publish(n, "start", "{\"seq\":" + std::to_string(n) + "}");
}

TEST(event_feed, a_reader_gets_what_comes_from_then_on) {
    event_feed feed{7};
    publish(feed, 1, 2);
    const auto r = std::make_shared<reader>();
    feed.subscribe(r, "");
    publish(feed, 3, 4);
    EXPECT_EQ(r->seen(), "3 4");
    EXPECT_THAT(r->text, testing::StartsWith("id: 7-3\nevent: start\ndata: {\"seq\":3}\n\n"));
}

TEST(event_feed, who_comes_back_gets_what_it_missed) {
    event_feed feed{7};
    publish(feed, 1, 5);
    const auto r = std::make_shared<reader>();
    feed.subscribe(r, "7-3");
    publish(feed, 6, 6);
    EXPECT_EQ(r->seen(), "4 5 6");
}

TEST(event_feed, what_was_never_given_out_is_a_gap) {
    event_feed feed{7};
    publish(feed, 1, 2);
    for (const auto* last : {"7-", "7-99999999999999999999", "7-1x", "7", "x", "7-9"}) {
        const auto r = std::make_shared<reader>();
        feed.subscribe(r, last);
        EXPECT_EQ(r->seen(), "gap 1 2") << last;
    }
}

TEST(event_feed, what_is_not_known_any_more_is_a_gap) {
    event_feed feed{7};
    publish(feed, 1, event_feed::kept + 3);
    for (const auto& [last, expected] : {std::pair{"7-2", "gap 4"},
                                         {"7-3", "4 5"},
                                         {"6-9", "gap 4"},
                                         {"x", "gap 4"},
                                         {"7-99999999", "gap 4"},
                                         {"7-", "gap 4"}}) {
        const auto r = std::make_shared<reader>();
        feed.subscribe(r, last);
        EXPECT_THAT(r->seen(), testing::StartsWith(expected)) << last;
    }
    event_feed young{7};
    const auto r = std::make_shared<reader>();
    young.subscribe(r, "7-1");
    publish(young, 1, 1);
    EXPECT_EQ(r->seen(), "gap 1");
}

TEST(event_feed, readers_that_are_gone_are_forgotten) {
    event_feed feed{7};
    const auto r = std::make_shared<reader>();
    feed.subscribe(r, "");
    EXPECT_EQ(feed.readers(), 1U);
    r->open = false;
    publish(feed, 1, 1);
    EXPECT_EQ(feed.readers(), 0U);
    feed.subscribe(r, "7-0");
    EXPECT_EQ(feed.readers(), 0U);
}

}  // namespace
}  // namespace bistro
