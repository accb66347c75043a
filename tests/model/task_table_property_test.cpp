// Random jobs that depend on each other, forests, ends of attempts, losses, restarts and waits through the task tables,
// held against the rules of eligibility read off one by one: after each event, what a table has offered is exactly what
// may start, and its counts are those of a scan.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "model/node_ranges.hpp"
#include "model/task_table.hpp"
#include "tests/support/random_world.hpp"
#include "tests/support/seeds.hpp"

namespace bistro {
namespace {

using test::random_world;

class table_run {
public:
    explicit table_run(std::uint64_t seed) : world_{seed} {
        for (std::size_t j = 0; j < world_.jobs.size(); ++j) {
            draw_dependencies(j);
            jobs_.emplace_back(world_.jobs[j]);
        }
        spread_forest();
    }

    void step() {
        switch (world_.random() % 16) {
            case 0: world_.random() % 2 == 0 ? change_forest() : revise_forest(); break;
            case 1: change_job(); break;
            case 2: restart(); break;
            case 3: forgive(); break;
            case 4: adopt(); break;
            case 5:
            case 6: wait(); break;
            case 7:
            case 8:
            case 9: end_one(); break;
            case 10:
            case 11: store_one(); break;
            default: start_one(); break;
        }
        spread_news();
        compare();
    }

    void compare() {
        for (auto& job : jobs_) compare(job);
    }

private:
    struct attempt_of {
        std::string node;
        std::optional<task_status> ending;  // where it has ended, and that is not durable
    };
    struct job_run {
        explicit job_run(const job_spec& s) : spec{s}, table{s} {}
        job_spec spec;
        task_table table;
        std::map<std::string, task_status> statuses;  // of tasks that have one, durable
        std::map<invocation_id, attempt_of> live;
        std::set<std::string> offered;  // as the changes tell
        bool retired = false;
    };

    // -- the rules, one by one

    bool is_live(const job_run& job, const std::string& node) const {
        return std::any_of(job.live.begin(), job.live.end(), [&](const auto& l) { return l.second.node == node; });
    }
    std::vector<node_index> own_nodes(const job_run& job) const {
        std::vector<node_index> result;
        const auto level = world_.nodes->find_level(job.spec.level);
        for (std::uint32_t i = 0; level && i < world_.nodes->size_of(*level); ++i)
            result.push_back(node_index{world_.nodes->first_of(*level).value + i});
        return result;
    }
    task_status status_of(const job_run& job, const std::string& node) const {
        const auto found = job.statuses.find(node);
        return found == job.statuses.end() ? task_status{} : found->second;
    }
    bool counts_as_done(const job_run& job, node_index node) const {
        const std::string name{world_.nodes->name(node)};
        return world_.passes_somehow(job.spec, node) && !is_live(job, name) &&
               status_of(job, name).state == task_state::done;
    }
    bool counts_as_all_done(const job_run& job) const {
        const auto nodes = own_nodes(job);
        for (const auto& [invocation, attempt] : job.live)
            if (std::none_of(nodes.begin(), nodes.end(),
                             [&, &node = attempt.node](auto n) { return world_.nodes->name(n) == node; }))
                return false;
        return world_.nodes->find_level(job.spec.level) && std::all_of(nodes.begin(), nodes.end(), [&](node_index n) {
                   return (!world_.passes_somehow(job.spec, n) && !is_live(job, std::string{world_.nodes->name(n)})) ||
                          counts_as_done(job, n);
               });
    }
    const job_run& job_named(const job_id& name) const {
        return *std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& j) { return j.spec.name == name; });
    }
    bool is_blocked(const job_run& job, node_index node) const {
        const auto& s = job.spec;
        return !s.enabled || job.retired ||
               std::any_of(s.depends_on.begin(), s.depends_on.end(),
                           [&](const auto& other) { return !counts_as_done(job_named(other), node); }) ||
               std::any_of(s.run_only_after_all_nodes_are_done_for.begin(),
                           s.run_only_after_all_nodes_are_done_for.end(),
                           [&](const auto& other) { return !counts_as_all_done(job_named(other)); });
    }

    void compare(const job_run& job) {
        task_counts expected;
        std::set<std::string> ready;
        std::set<std::string> known;
        for (auto node : own_nodes(job)) {
            const std::string name{world_.nodes->name(node)};
            known.insert(name);
            const auto status = status_of(job, name);
            if (is_live(job, name)) continue;  // counted below
            const auto count = [&]() -> std::uint64_t task_counts::* {
                if (!world_.passes_somehow(job.spec, node)) return &task_counts::excluded;
                if (status.state == task_state::done) return &task_counts::done;
                if (status.state == task_state::failed) return &task_counts::failed;
                if (is_blocked(job, node)) return &task_counts::blocked;
                return status.retry_at_ms > now_ ? &task_counts::backoff : &task_counts::ready;
            }();
            ++(expected.*count);
            if (count == &task_counts::ready) ready.insert(name);
            if (count != &task_counts::excluded) ++expected.total;
            EXPECT_EQ(job.table.status_of(node_id{name}), without_invocation(job, name, status)) << name;
        }
        for (const auto& [invocation, attempt] : job.live) {
            ++(attempt.ending ? expected.ending : expected.running);
            ++expected.total;
        }
        EXPECT_EQ(job.offered, ready) << job.spec.name.value;
        EXPECT_TRUE(job.table.counts() == expected) << job.spec.name.value;
        EXPECT_EQ(job.table.all_done(), counts_as_all_done(job)) << job.spec.name.value;
        EXPECT_EQ(job.table.sanity_check(), "") << job.spec.name.value;
        EXPECT_TRUE(!job.table.next_wakeup() || expected.backoff == 0 || *job.table.next_wakeup() > now_);
        if (expected.backoff > 0) {
            EXPECT_TRUE(job.table.next_wakeup()) << "nobody would end the waits";
        }
    }

    // Tables save room: what is plainly done does not remember its invocation.
    static task_status without_invocation(const job_run& job, const std::string& node, task_status status) {
        if (status.state == task_state::done) status.invocation = job.table.status_of(node_id{node}).invocation;
        return status;
    }

    // -- events

    void draw_dependencies(std::size_t j) {
        auto& spec = world_.jobs[j];
        spec.backoff = {{1, 5},
                        world_.random() % 2 == 0 ? backoff_policy::ending::repeat : backoff_policy::ending::fail};
        spec.enabled = world_.random() % 8 != 0;
        spec.depends_on.clear();
        spec.run_only_after_all_nodes_are_done_for.clear();
        for (std::size_t other = 0; other < j; ++other) {  // no circles
            if (world_.random() % 3 == 0 && world_.jobs[other].level == spec.level)
                spec.depends_on.push_back(world_.jobs[other].name);
            if (world_.random() % 5 == 0) spec.run_only_after_all_nodes_are_done_for.push_back(world_.jobs[other].name);
        }
    }

    // What each job tells those that depend on it, until nobody has anything to tell.
    void spread_news() {
        for (bool more = true; more;) {
            more = false;
            for (auto& job : jobs_) {
                const auto changes = job.table.take_changes();
                if (changes.empty()) continue;
                more = true;
                if (changes.replaced) job.offered.clear();
                if (changes.moved) withdraw_what_moves(job);
                for (auto n : changes.withdrawn) job.offered.erase(std::string{world_.nodes->name(n)});
                for (auto n : changes.ready) {
                    const bool is_new = job.offered.emplace(world_.nodes->name(n)).second;
                    EXPECT_TRUE(is_new) << "offered twice";
                }
                for (auto& other : jobs_)
                    if (depends(other, job) && (changes.replaced || !other.table.dependency_changed(
                                                                        job.spec.name, changes.done, changes.undone,
                                                                        job.table.all_done(), now_)))
                        other.table.dependency_replaced(job.spec.name, job.table.done_nodes(), job.table.all_done(),
                                                        now_);
            }
        }
    }
    // What a pool does by itself: of nodes that are gone, and where other jobs have to say again whether they are done.
    void withdraw_what_moves(job_run& job) {
        std::erase_if(job.offered, [&](const auto& node) { return gone_.contains(node); });
        const auto level = world_.nodes->find_level(job.spec.level);
        if (job.spec.depends_on.empty() || !level) return;
        for_each_below(*world_.nodes, world_.nodes->change()->altered, *level,
                       [&](node_index task) { job.offered.erase(std::string{world_.nodes->name(task)}); });
    }
    static bool depends(const job_run& job, const job_run& on) {
        const auto names = [&](const auto& list) {
            return std::find(list.begin(), list.end(), on.spec.name) != list.end();
        };
        return names(job.spec.depends_on) || names(job.spec.run_only_after_all_nodes_are_done_for);
    }

    void spread_forest() {
        for (auto& job : jobs_) job.table.set_forest(world_.nodes, now_);
        spread_news();
    }

    void change_forest() {
        world_.draw_nodes();
        spread_forest();
    }

    void revise_forest() {
        auto gone = world_.revise_nodes();
        if (!gone) return;
        gone_ = *std::move(gone);
        spread_forest();
        gone_.clear();
    }

    job_run& any_job() { return jobs_[world_.random() % jobs_.size()]; }

    void change_job() {
        const auto j = world_.random() % jobs_.size();
        auto& job = jobs_[j];
        if (world_.random() % 4 == 0) {
            job.table.retire(now_);
            job.retired = true;
        } else {
            draw_dependencies(j);
            job.spec = world_.jobs[j];
            job.table.set_spec(job.spec, now_);
            job.retired = false;
        }
        tell_all();
    }

    // As the scheduler does where dependents change: each says everything to those that depend on it.
    void tell_all() {
        spread_news();
        for (auto& job : jobs_)
            for (auto& other : jobs_)
                if (depends(other, job))
                    other.table.dependency_replaced(job.spec.name, job.table.done_nodes(), job.table.all_done(), now_);
    }

    // Only what is durable is left; what ran is found again by and by, or never.
    void restart() {
        for (auto& job : jobs_) {
            if (job.retired) continue;
            job.table = task_table{job.spec};
            for (const auto& [node, status] : job.statuses) job.table.restore(node_id{node}, status, now_);
            job.offered.clear();
            auto live = std::exchange(job.live, {});
            job.table.set_forest(world_.nodes, now_);
            for (auto& [invocation, attempt] : live) {
                if (world_.random() % 2 == 0) continue;
                EXPECT_TRUE(job.table.adopt(invocation, {node_id{attempt.node}, "w", now_}, now_));
                job.live[invocation] = {attempt.node, {}};
            }
        }
        tell_all();
    }

    void start_one() {
        auto& job = any_job();
        if (job.offered.empty()) return;
        auto it = job.offered.begin();
        std::advance(it, static_cast<long>(world_.random() % job.offered.size()));
        const auto node = *it;
        job.offered.erase(it);
        const auto invocation = next_invocation();
        job.live[invocation] = {node, {}};
        job.table.started(invocation, {node_id{node}, "w", now_}, now_);
    }

    invocation_id next_invocation() { return invocation_id{++invocations_}; }

    // Whoever tells of a task that runs has withdrawn it.
    void adopt() {
        auto& job = any_job();
        const auto nodes = own_nodes(job);
        if (nodes.empty()) return;
        const std::string node{world_.nodes->name(nodes[world_.random() % nodes.size()])};
        const auto status = status_of(job, node);
        const auto invocation = next_invocation();
        const bool is_news =
            status.state != task_state::done && status.state != task_state::failed && !is_live(job, node);
        job.offered.erase(node);
        EXPECT_EQ(job.table.adopt(invocation, {node_id{node}, "w", now_}, now_), is_news) << node;
        if (is_news) job.live[invocation] = {node, {}};
    }

    std::map<invocation_id, attempt_of>::iterator any_live(job_run& job, bool ending) {
        std::vector<std::map<invocation_id, attempt_of>::iterator> found;
        for (auto it = job.live.begin(); it != job.live.end(); ++it)
            if (it->second.ending.has_value() == ending) found.push_back(it);
        return found.empty() ? job.live.end() : found[world_.random() % found.size()];
    }

    void end_one() {
        auto& job = any_job();
        const auto it = any_live(job, false);
        if (it == job.live.end()) return;
        attempt_end end;
        end.invocation = it->first;
        end.result = static_cast<attempt_result>(world_.random() % 7);
        end.ended_ms = now_;
        if (end.result == attempt_result::lost) end.not_before_ms = now_ + 3000;
        if (world_.random() % 4 == 0) end.data_json = "{}";
        const auto change = job.table.ended(end);
        ASSERT_TRUE(change);
        EXPECT_EQ(change->node.value, it->second.node);
        EXPECT_TRUE(change->status == next_status(status_of(job, it->second.node), end, job.spec.backoff));
        it->second.ending = change->status;
        EXPECT_FALSE(job.table.ended(end)) << "an end counts once";
    }

    void store_one() {
        auto& job = any_job();
        const auto it = any_live(job, true);
        if (it == job.live.end()) return;
        job.statuses[it->second.node] = *it->second.ending;
        job.table.made_durable(it->first, now_);
        job.live.erase(it);
    }

    void forgive() {
        auto& job = any_job();
        std::set<std::string> changed;
        for (const auto& change : job.table.forgive(now_)) changed.insert(change.node.value);
        for (auto& [node, status] : job.statuses) {
            if (is_live(job, node)) continue;
            const auto after = forgiven(status, now_);
            EXPECT_EQ(after.has_value(), changed.contains(node)) << node;
            if (after) status = *after;
        }
    }

    void wait() {
        now_ += static_cast<time_ms>(world_.random() % 4000);
        for (auto& job : jobs_) job.table.advance(now_);
    }

    random_world world_;
    std::vector<job_run> jobs_;
    std::set<std::string> gone_;  // with the change of the forest that is being told
    time_ms now_ = 1'000'000;
    std::uint64_t invocations_ = 0;
};

TEST(task_table_property, offers_exactly_what_the_rules_allow) {
    test::for_each_seed(1000, [](std::uint64_t seed) {
        table_run run{seed};
        run.compare();
        for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) run.step();
    });
}

}  // namespace
}  // namespace bistro
