// What a pool says of what waits.
#include <caf/all.hpp>

#include "actors/resource_pool.hpp"

namespace bistro {

std::vector<std::pair<job_id, std::string>> waiting_reasons(const pool_state& s) {
    std::vector<std::pair<job_id, std::string>> reasons;
    for (const auto& [job, entry] : s.jobs) {
        const auto index = s.core->find_job(job);
        if (!index) continue;
        const auto b = s.core->why_waiting(*index);
        if (b.what != blocker::kind::none) reasons.emplace_back(job, to_string(b));
    }
    return reasons;
}

waiting_explained explain(const pool_state& s, const waiting_asked& m) {
    waiting_explained answer;
    answer.why.what = blocker::kind::no_such_task;
    const auto job = s.core->find_job(m.job);
    if (!job) return answer;
    if (m.node.empty()) {
        answer.all = s.core->all_waiting(*job);
        return answer;
    }
    const auto node = s.nodes ? s.nodes->find(m.node.value) : std::nullopt;
    if (!node) return answer;
    // Its job may not have heard yet that it was started.
    answer.why = s.core->is_pending(*job, *node) ? s.core->why_waiting(*job, *node) : blocker{};
    auto found = name_holders(s, {answer.why});
    answer.holders = std::move(found.holders);
    answer.other_holders = found.others;
    return answer;
}

holders_answer name_holders(const pool_state& s, const holders_asked& m) {
    holders_answer answer;
    const auto [holders, count] = s.core->holders(m.why, max_holders);
    for (auto invocation : holders) {
        const auto held = *s.core->held(invocation);
        std::string shard;
        if (const auto worker = s.workers.find(held.worker); worker != s.workers.end())
            shard = worker->second.info.shard.value;
        for (const auto& peer : s.peers)
            if (const auto theirs = peer.running.find(invocation); theirs != peer.running.end()) shard = theirs->second;
        answer.holders.push_back({held.job, node_id{held.path.front()}, shard});
    }
    answer.others = count - holders.size();
    return answer;
}

}  // namespace bistro
