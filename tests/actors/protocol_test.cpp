// Every message that crosses processes, to bytes and back.
#include <gtest/gtest.h>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <limits>

#include "tests/support/actor_fixture.hpp"

namespace bistro {
namespace {

class protocol_test : public test::actor_test {
protected:
    template <class T>
    T round_trip(T value) {
        std::vector<char> bytes;
        caf::binary_serializer out{system, bytes};
        EXPECT_EQ(out(value), caf::none);
        T copy{};
        caf::binary_deserializer in{system, bytes};
        EXPECT_EQ(in(copy), caf::none);
        EXPECT_EQ(in.remaining(), 0U);
        return copy;
    }
};

TEST_F(protocol_test, hello_and_welcome) {
    hello h;
    h.secret = "s";
    h.who.info = {shard_name{"w"}, "host", {{"cpu", -1}}};
    h.who.instance = ~std::uint64_t{0};
    h.who.timeouts = {1, 2, 3, 4};
    h.session = 9;
    h.running = {{invocation_id{1}, job_id{"j"}, node_id{"n"}, {"n", "instance"}, 5, {{{"instance", {{"r", 1}}}}, {}}}};
    h.unacknowledged = {{job_id{"j"}, node_id{"m"}, {}}};
    h.unacknowledged[0].end.result = attempt_result::failed;
    h.unacknowledged[0].end.reason = "why";
    const auto copy = round_trip(h);
    EXPECT_EQ(copy.who, h.who);
    EXPECT_EQ(copy.running[0].path, h.running[0].path);
    EXPECT_EQ(copy.running[0].demands, h.running[0].demands);
    EXPECT_EQ(copy.unacknowledged[0].end, h.unacknowledged[0].end);
    welcome w{hello_verdict::shard_taken, worker_index{3}, {5, 6, 7, 8}, "r", {}, {}};
    EXPECT_EQ(round_trip(w).timeouts, w.timeouts);
    EXPECT_EQ(round_trip(w).verdict, w.verdict);
}

TEST_F(protocol_test, a_member_is_told_whom_to_send_results) {
    welcome w;
    w.verdict = hello_verdict::shard_taken;
    EXPECT_TRUE(valid(w));
    w.verdict = hello_verdict::joined;
    w.scheduler = caf::actor_cast<caf::strong_actor_ptr>(system.spawn([](caf::event_based_actor*, int) {}, 0));
    EXPECT_FALSE(valid(w)) << "nobody to send results to";
    w.pools = {w.scheduler, nullptr};
    EXPECT_FALSE(valid(w));
    w.pools.pop_back();
    EXPECT_TRUE(valid(w));
    w.pools.resize(max_partitions + 1, w.scheduler);
    EXPECT_FALSE(valid(w));
}

TEST_F(protocol_test, tasks_there_and_back) {
    start_tasks s;
    s.session = 2;
    s.commands = {{job_id{"j"},
                   3,
                   {"a", "b"},
                   "{}",
                   "/d",
                   1,
                   2,
                   status_source::pipe,
                   command_arguments::none,
                   {{{"instance", {}}, {"db", {{"r", 1}}}}, {{"cpu", 2}}}}};
    s.tasks = {{invocation_id{4}, job_id{"j"}, node_id{"n"}, {"n", "instance"}, "{}"}};
    const auto copy = round_trip(s);
    EXPECT_EQ(copy.commands[0].command, s.commands[0].command);
    EXPECT_EQ(copy.commands[0].arguments, command_arguments::none);
    EXPECT_EQ(copy.commands[0].demands, s.commands[0].demands);
    EXPECT_EQ(copy.tasks[0].path, s.tasks[0].path);
    tasks_finished f{worker_index{1}, 5, {{job_id{"j"}, node_id{"n"}, {}}}};
    EXPECT_EQ(round_trip(f).ends.size(), 1U);
    EXPECT_EQ(round_trip(acknowledge_results{3, {invocation_id{7}}}).invocations[0], invocation_id{7});
    EXPECT_EQ(round_trip(kill_invocations{3, {invocation_id{7}}, "r"}).reason, "r");
    EXPECT_EQ(round_trip(heartbeat{worker_index{1}, 5, false}).known, false);
    EXPECT_EQ(round_trip(goodbye{worker_index{1}, 5}).instance, 5U);
}

TEST_F(protocol_test, questions_and_answers) {
    jobs_answer j;
    j.jobs = {{job_id{"j"}, "o", false, 2.5, "db", {1, 2, 3, 4, 5, 6, 7, 8}, "w"}};
    j.problems = {{"a", "b"}};
    EXPECT_EQ(round_trip(j).jobs[0].counts, j.jobs[0].counts);
    EXPECT_EQ(round_trip(j).jobs[0].priority, 2.5);
    j.jobs[0].priority = std::numeric_limits<double>::infinity();
    EXPECT_EQ(round_trip(j).jobs[0].priority, j.jobs[0].priority) << "CAF's own way never ends";
    EXPECT_EQ(round_trip(j).problems, j.problems);
    j.workers = {{shard_name{"w"}, "h", 1, "healthy", true, false, true, 2, {{"slot", 3}}}};
    const auto row = round_trip(j).workers.at(0);
    EXPECT_EQ(row.health, "healthy");
    EXPECT_TRUE(row.leaving);
    EXPECT_EQ(row.declared, j.workers[0].declared);
    EXPECT_EQ(round_trip(jobs_asked{"s"}).secret, "s");
    EXPECT_EQ(round_trip(tasks_asked{"s", job_id{"j"}, "done", 5}).limit, 5U);
    tasks_answer t{{{job_id{"j"}, node_id{"n"}, "done", 1, 2, "w", 3, invocation_id{4}, "{}"}}, 6};
    EXPECT_EQ(round_trip(t).tasks[0].started_ms, 3);
    logs_asked l;
    l.query.any_stream = false;
    l.query.stream = log_stream::err;
    EXPECT_EQ(round_trip(l).query.stream, log_stream::err);
    logs_answer a{{{1, job_id{"j"}, node_id{"n"}, invocation_id{2}, log_stream::err, 3, "t"}}, {{"w", 1}}, {"v"}};
    EXPECT_EQ(round_trip(a).lines[0].text, "t");
    EXPECT_EQ(round_trip(control_asked{"s", control_verb::stop, {}, {}}).verb, control_verb::stop);
    EXPECT_EQ(round_trip(control_answer{true, "t"}).text, "t");
}

TEST(validation, questions_and_answers_of_people) {
    const std::string too_long(2000, 'x');
    tasks_asked t;
    EXPECT_TRUE(valid(t));
    t.state = too_long;
    EXPECT_FALSE(valid(t));
    explain_asked e;
    EXPECT_TRUE(valid(e));
    e.node = node_id{too_long};
    EXPECT_FALSE(valid(e));
    control_asked c;
    EXPECT_FALSE(valid(c)) << "all jobs are never meant";
    c.verb = control_verb::stop;
    EXPECT_TRUE(valid(c));
    c.verb = control_verb::forgive;
    c.job = job_id{too_long};
    EXPECT_FALSE(valid(c));
    c.job = job_id{"j"};
    EXPECT_TRUE(valid(c));
    c.cause = too_long;
    EXPECT_FALSE(valid(c));
    c.cause = {};
    c.nodes = "(";
    EXPECT_FALSE(valid(c)) << "no regular expression";
    c.nodes = "h1";
    c.state = "done";
    EXPECT_FALSE(valid(c)) << "nothing to retry there";
    console_asked console;
    console.words = {"tap", "scheduler"};
    EXPECT_TRUE(valid(console));
    console.words.assign(9, "word");
    EXPECT_FALSE(valid(console));
    console.words = {too_long};
    EXPECT_FALSE(valid(console));
    details_asked d;
    EXPECT_TRUE(valid(d));
    d.job = job_id{too_long};
    EXPECT_FALSE(valid(d));
    console_answer seen{{"a"}, {{"1"}}, {"note"}, 0};
    EXPECT_TRUE(valid(seen));
    seen.rows.assign(max_console_rows + 1, {"1"});
    EXPECT_FALSE(valid(seen));
    seen.rows = {{std::string(1U << 20, 'x')}};
    EXPECT_FALSE(valid(seen)) << "one text alone";
    wait_asked waits{"s", job_id{"j"}, longest_wait_at_once_s};
    EXPECT_TRUE(valid(waits));
    ++waits.timeout_s;
    EXPECT_FALSE(valid(waits));
    waits.timeout_s = 0;
    EXPECT_FALSE(valid(waits));
    nodes_asked n;
    n.limit = 1000;
    EXPECT_TRUE(valid(n));
    n.limit = std::numeric_limits<std::uint64_t>::max();
    EXPECT_FALSE(valid(n));
    logs_asked l;
    EXPECT_TRUE(valid(l));
    l.query.limit = std::numeric_limits<std::size_t>::max();
    EXPECT_FALSE(valid(l));
    logs_answer a;
    a.lines.resize(1);
    EXPECT_TRUE(valid(a));
    a.lines[0].stream = static_cast<log_stream>(99);
    EXPECT_FALSE(valid(a));
    kill_invocations k;
    EXPECT_TRUE(valid(k));
    k.reason.assign(1'000'000, 'x');
    EXPECT_FALSE(valid(k));
}

TEST(validation, enumerations_out_of_range_are_refused) {
    control_asked c;
    c.verb = static_cast<control_verb>(99);
    EXPECT_FALSE(valid(c));
    tasks_finished f{worker_index{1}, 5, {{job_id{"j"}, node_id{"n"}, {}}}};
    EXPECT_FALSE(valid(f)) << "an attempt has a number";
    f.ends[0].end.invocation = invocation_id{1};
    EXPECT_TRUE(valid(f));
    f.ends[0].job = job_id{"a/../b"};
    EXPECT_FALSE(valid(f));
    f.ends[0].job = job_id{"j"};
    f.ends[0].end.ended_ms = std::numeric_limits<time_ms>::max();
    EXPECT_FALSE(valid(f)) << "no sum with it would be a time";
    f.ends[0].end.ended_ms = 0;
    f.ends[0].end.result = static_cast<attempt_result>(99);
    EXPECT_FALSE(valid(f));
    start_tasks s;
    s.commands = {{job_id{"../evil"}, 3, {"a"}, "{}", "", 1, 2, status_source::pipe, command_arguments::none, {}}};
    EXPECT_FALSE(valid(s)) << "a job's name becomes a folder";
    s.commands[0].job = job_id{"fine"};
    EXPECT_TRUE(valid(s));
    hello h;
    EXPECT_FALSE(valid(h)) << "no shard name";
    h.who.info = {shard_name{"w"}, "host", {}};
    h.running = {{invocation_id{1}, job_id{"j"}, node_id{"n"}, {"n", "instance"}, 5, {{{"db", {{"r", 1}}}}, {}}}};
    EXPECT_TRUE(valid(h));
    for (const std::int64_t wrong : {std::int64_t{-1}, max_amount + 1}) {
        h.running[0].demands.nodes[0].second["r"] = wrong;
        EXPECT_FALSE(valid(h)) << "it would free slots, or take all";
    }
    h.running[0].demands = {};
    h.who.info.declared["cpu"] = -1;
    EXPECT_FALSE(valid(h));
    logs_asked l;
    l.query.stream = static_cast<log_stream>(7);
    EXPECT_FALSE(valid(l));
    welcome w;
    w.verdict = static_cast<hello_verdict>(9);
    EXPECT_FALSE(valid(w));
}

}  // namespace
}  // namespace bistro
