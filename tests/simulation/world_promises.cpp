// What a simulated cluster promises, and the mistakes that are planted at its seams to see them broken.
#include <algorithm>
#include <tuple>

#include "model/text.hpp"
#include "tests/simulation/world.hpp"

namespace bistro::simulation {

namespace {

constexpr std::size_t most_attempts = 100'000;  // at one task

std::vector<attempt>::const_iterator kept_end(const std::vector<attempt>& attempts, invocation_id invocation) {
    return std::find_if(attempts.begin(), attempts.end(),
                        [&](const attempt& a) { return a.start.invocation == invocation && a.ended; });
}

}  // namespace

// -- mistakes on purpose ----------------------------------------------------------------------------------------------

bool world::tamper(connection& c, side to, envelope& message) {
    const auto planted = options_.planted;
    auto& content = message.content;
    if (content.match_elements<hello>()) {
        auto m = content.get_as<hello>(0);
        m.worker = c.stand_in(to, m.worker);
        sessions_[c.worker()] = m.session;
        if (planted == mutation::unreported_tasks) m.running.clear();
        if (planted == mutation::slots_lost_on_return && !greeted_.insert(m.who.instance).second)
            m.who.info.declared = {{"cpu", 1}};
        if (planted == mutation::unreported_results) m.unacknowledged.clear();
        for (const auto& finished : m.unacknowledged) expect_acknowledgement(c, finished);
        content = caf::make_message(std::move(m));
    } else if (content.match_elements<welcome>()) {
        auto m = content.get_as<welcome>(0);
        m.scheduler = c.stand_in(to, m.scheduler);
        for (auto& pool : m.pools) pool = c.stand_in(to, pool);
        if (planted == mutation::late_worker_deadline) m.timeouts.lost_after_ms *= 3;
        content = caf::make_message(std::move(m));
    } else if (content.match_elements<tasks_finished>()) {
        acknowledge_results early;
        if (planted == mutation::no_fencing) content.get_mutable_as<tasks_finished>(0).session = sessions_[c.worker()];
        for (const auto& finished : content.get_as<tasks_finished>(0).ends) {
            expect_acknowledgement(c, finished);
            early.invocations.push_back(finished.end.invocation);
        }
        if (planted == mutation::early_acknowledgement && !early.invocations.empty()) {
            check_acknowledgement(c.worker(), early);
            caf::anon_send(workers_[c.worker()].actor, std::move(early));
        }
    } else if (content.match_elements<start_tasks>()) {
        if (planted == mutation::no_fencing) content.get_mutable_as<start_tasks>(0).session = sessions_[c.worker()];
    } else if (content.match_elements<acknowledge_results>()) {
        if (planted == mutation::lost_acknowledgements) return false;
        check_acknowledgement(c.worker(), content.get_as<acknowledge_results>(0));
    }
    return true;
}

// -- promises ---------------------------------------------------------------------------------------------------------

void world::check_processes(const task_process& added) {
    std::size_t in_all = 1;
    std::size_t on_host = 1;
    std::size_t on_worker = 1;
    for (const auto& [id, p] : processes_.running) {
        if (p.job == added.job && p.node == added.node)
            fail("two live invocations of " + added.job.value + " on " + added.node.value);
        ++in_all;
        on_host += p.host == added.host;
        on_worker += p.worker == added.worker;
    }
    const bool tight = settings_ == variants_[tight_variant] && now_ms_ - configured_ms_ >= config_takes_ms;
    if (in_all > (tight ? tight_limit_of_instance : limit_of_instance)) fail("more tasks than the instance has slots");
    if (on_host > (tight ? tight_limit_of_host : limit_of_host))
        fail("more tasks on " + added.host + " than it has slots");
    if (on_worker > limit_of_worker)
        fail("more tasks on worker " + std::to_string(added.worker) + " than it has slots");
    if (acknowledged_done_.contains({added.job, added.node}))
        fail(added.job.value + " on " + added.node.value + " runs again, though its end was acknowledged as done");
}

void world::expect_acknowledgement(const connection& c, const finished_task& finished) {
    // What survives a break may come from a worker that does not; if it lives, it says so again.
    if (!c.open()) return;
    // A refused order is kept by nobody; and what is acknowledged may still be under way a second time.
    if (finished.end.result != attempt_result::never_started && !acknowledged_.contains(finished.end.invocation))
        unacknowledged_[c.worker()].insert(finished.end.invocation);
}

void world::check_acknowledgement(std::size_t worker, const acknowledge_results& m) {
    for (const auto invocation : m.invocations) {
        unacknowledged_[worker].erase(invocation);
        acknowledged_.insert(invocation);
        const auto found = ended_.find(invocation.value);
        if (found == ended_.end()) continue;  // never started
        const auto& [job, node] = std::tie(found->second.job, found->second.node);
        const auto attempts = disk_.statuses->attempts(job, node, most_attempts);
        if (is_done(job, node) && kept_end(attempts, invocation) == attempts.end()) continue;  // by another attempt
        // An end that comes after another attempt has begun says nothing any more.
        if (std::any_of(attempts.begin(), attempts.end(),
                        [&](const attempt& a) { return a.start.invocation > invocation; }))
            continue;
        const auto kept = kept_end(attempts, invocation);
        if (kept == attempts.end())
            return fail("the result of " + to_string(invocation) + " is acknowledged, but not durable");
        if (kept->end.result == attempt_result::done) acknowledged_done_.emplace(job, node);
    }
}

bool world::is_done(const job_id& job, const node_id& node) const {
    bool done = false;
    disk_.statuses->for_each_status(job, [&](const node_id& other, const task_status& status) {
        done = done || (other == node && status.state == task_state::done);
    });
    return done;
}

void world::check_queues() {
    for (const auto& c : connections_)
        for (const auto to : {side::scheduler, side::worker})
            if (c->under_way(to).size() > longest_queue) fail("a connection's queue grows without bound");
    // Only those that have something to do: CAF counts what is in a mailbox by opening it.
    for (auto* job : coordinator().jobs) {
        auto* actor = dynamic_cast<caf::scheduled_actor*>(job);
        if (actor != nullptr && actor->mailbox().size() > longest_queue)
            fail(std::string{"the mailbox of "} + actor->name() + " grows without bound");
    }
}

std::string world::what_is_left() const {
    std::string result;
    for (const auto* job : {"first", "second"}) {
        std::size_t known = 0;
        disk_.statuses->for_each_status(job_id{job}, [&](const node_id& node, const task_status& status) {
            ++known;
            if (status.state != task_state::done)
                result += std::string{job} + " " + node.value + " is " + std::string{to_string(status.state)} + ", ";
        });
        if (known < nodes) result += counted(nodes - known, "task") + " of " + job + " never had a result, ";
    }
    for (const auto& [worker, results] : unacknowledged_)
        for (const auto invocation : results)
            result += "worker " + std::to_string(worker) + " still has " + to_string(invocation) + ", ";
    return result + "which is all that is known";
}

bool world::all_done(const std::vector<std::string>& jobs) const {
    std::size_t done = 0;
    for (const auto& job : jobs)
        disk_.statuses->for_each_status(
            job_id{job}, [&](const node_id&, const task_status& status) { done += status.state == task_state::done; });
    return done == nodes * jobs.size() && std::all_of(unacknowledged_.begin(), unacknowledged_.end(),
                                                      [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace bistro::simulation
