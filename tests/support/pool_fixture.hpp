// A resource pool alone, among stand-ins that keep what they are sent.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "actors/console/observed.hpp"
#include "actors/resource_pool.hpp"
#include "tests/support/actor_fixture.hpp"

namespace bistro::test {

class pool_test : public actor_test {
protected:
    // Keeps what orders and events say, and drops all else.
    caf::actor stand_in() {
        auto keep = [](caf::event_based_actor* self, pool_test* test) -> caf::behavior {
            // Not caf::drop: that answers with an error, which ends the pool.
            self->set_default_handler(
                [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> { return caf::message{}; });
            return {
                [=](const start_tasks& m) {
                    for (const auto& order : m.tasks) {
                        test->started.push_back(order.node.value);
                        test->handed.push_back(order.prev_data_json);
                        test->ids.push_back(order.invocation);
                    }
                    test->commands.insert(test->commands.end(), m.commands.begin(), m.commands.end());
                },
                [=](const pending_asked&) { ++test->asked_again; },
                [=](const events_happened& m) {
                    test->happened.started += m.started;
                    test->happened.ended += m.ended;
                    test->happened.events.insert(test->happened.events.end(), m.events.begin(), m.events.end());
                },
            };
        };
        return track(caf::actor{system.spawn(keep, this)});
    }

    void make_pool() { make_pool(clock()); }
    void make_pool(const runtime& time, partition part = {}) {
        other = stand_in();
        pool = track(spawn_guarded(system, time, pool_behavior, invocation_id::first_of_epoch(2),
                                   pool_links{caf::actor_cast<caf::strong_actor_ptr>(other),
                                              caf::actor_cast<monitor_actor>(other), false, part},
                                   time));
        caf::anon_send(pool, pool_configured{});
        send_job(simple_job());
        run();
    }
    static job_spec simple_job() {
        job_spec job;
        job.name = job_id{"j"};
        job.level = "host";
        job.command = {"work"};
        return job;
    }
    void send_job(const job_spec& job) {
        rules = number_of_rules(job);
        caf::anon_send(pool, job_changed{job}, caf::actor_cast<job_actor>(other));
    }

    void send_nodes(const std::vector<std::string>& names) {
        std::vector<node_decl> nodes;
        for (const auto& name : names) nodes.push_back({name, "host", {}, {}, true, false});
        forest = build_forest({"host"}, nodes, ++version).nodes;
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }

    void send_worker(std::vector<finished_task> unacknowledged) {
        worker_joined m;
        m.worker = worker_index{std::size_t{0}};
        m.info = {shard_name{"w"}, "host", {}};
        m.handle = caf::actor_cast<caf::strong_actor_ptr>(other);
        m.session = session;
        m.unacknowledged = std::move(unacknowledged);
        caf::anon_send(pool, std::move(m));
        caf::anon_send(pool, worker_accepts{worker_index{std::size_t{0}}, true});
        run();
    }

    // The forest of before with one more host, at the end.
    void send_one_more(const std::string& name) {
        forest = change_forest(forest, {{}, {{name, "host", {}, {}, true, false}}, {}}, ++version);
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }
    void send_without(const std::string& name) {
        forest = change_forest(forest, {{name}, {}, {}}, ++version);
        caf::anon_send(pool, nodes_changed{forest, {}});
        run();
    }
    // A job at some forest has something to say of it.
    void say(const forest_ptr& of, const std::vector<std::string>& ready, const std::vector<std::string>& withdrawn,
             bool replace = false) {
        pending_changed m;
        m.job = job_id{"j"};
        m.forest_version = of->version();
        m.seen_starts = {started.size()};
        m.rules = rules;
        m.replace = replace;
        for (const auto& name : ready) {
            m.ready.push_back(*of->find(name));
            m.data.emplace_back(m.ready.back(), "\"of " + name + "\"");
        }
        for (const auto& name : withdrawn) m.withdrawn.push_back(*of->find(name));
        caf::anon_send(pool, std::move(m));
        run();
    }

    // A job that has heard of so many starts offers every node.
    void offer_all(std::uint64_t seen_starts) { offer_all(std::vector{seen_starts}); }
    void offer_all(const std::vector<std::uint64_t>& seen_starts) {
        pending_changed m;
        m.job = job_id{"j"};
        m.forest_version = version;
        m.seen_starts = seen_starts;
        m.rules = rules;
        m.replace = true;
        const auto level = forest->innermost();
        for (std::size_t i = 0; i < forest->size_of(level); ++i)
            m.ready.emplace_back(forest->first_of(level).value + i);
        caf::anon_send(pool, std::move(m));
        run();
    }

    static constexpr std::uint64_t session = 7;
    std::uint64_t rules = 0;  // of the job
    std::vector<std::string> started;
    std::vector<std::string> handed;
    std::size_t asked_again = 0;
    std::vector<invocation_id> ids;
    std::vector<job_command> commands;
    events_happened happened;
    caf::actor other;
    pool_actor pool;
    forest_ptr forest;
    std::uint64_t version = 0;
};

}  // namespace bistro::test
