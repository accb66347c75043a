// What people ask of the forest.
#include <algorithm>

#include "actors/scheduler_parts.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

struct nodes_question {
    forest_ptr nodes;
    std::shared_ptr<const settings> config;
    node_index below;
    std::vector<node_index> children;  // of the page
    std::size_t first = 0;             // of the page, among all children
    nodes_answer answer;
    std::size_t open = 1;  // answers that are still to come, and one for the asking
};
using question_ptr = std::shared_ptr<nodes_question>;

void describe_children(nodes_question& q) {
    const auto& nodes = *q.nodes;
    q.answer.below = node_id{nodes.name(q.below)};
    for (auto at = q.below;; at = nodes.parents(at).front()) {
        q.answer.path.insert(q.answer.path.begin(), std::string{nodes.name(at)});
        if (at == forest::instance()) break;
    }
    for (const auto child : q.children) {
        node_row row;
        row.node = node_id{nodes.name(child)};
        row.level = nodes.levels()[nodes.level_of(child).value];
        row.enabled = nodes.enabled(child);
        const auto tags = nodes.tags(child);
        row.tags.assign(tags.begin(), tags.end());
        row.children = nodes.child_count(child);
        q.answer.nodes.push_back(std::move(row));
    }
}

// Nothing, and why, where the node or what it begins behind does not exist.
caf::expected<question_ptr> begin(const scheduler_state& s, const nodes_asked& m) {
    if (!s.forest || !s.forest->nodes)
        return caf::make_error(caf::sec::runtime_error, std::string{"the nodes are not known yet; try again"});
    auto q = std::make_shared<nodes_question>();
    q->nodes = s.forest->nodes;
    q->config = s.config;
    const auto& nodes = *q->nodes;
    const auto below = m.below.empty() ? std::optional{forest::instance()} : nodes.find(m.below.value);
    if (!below) return caf::make_error(not_there, "there is no node " + quote(m.below.value));
    q->below = *below;
    const auto children = nodes.children(*below);
    if (!m.after.empty()) {
        const auto last = nodes.find(m.after.value);
        const auto at = last ? std::find(children.begin(), children.end(), *last) : children.end();
        if (at == children.end())
            return caf::make_error(not_there, quote(m.after.value) + " is no child of " + quote(nodes.name(*below)));
        q->first = static_cast<std::size_t>(at - children.begin()) + 1;
    }
    const auto count = std::min<std::size_t>(children.size() - q->first, m.limit);
    const auto from = children.begin() + static_cast<std::ptrdiff_t>(q->first);
    q->children.assign(from, from + static_cast<std::ptrdiff_t>(count));
    q->answer.left_out = children.size() - q->first - count;
    describe_children(*q);
    return q;
}

void add_shares(nodes_question& q, const shares_answer& job) {
    for (std::size_t i = 0; i < q.answer.nodes.size() && q.first + i < job.shares.size(); ++i)
        q.answer.nodes[i].share += job.shares[q.first + i];
}

// Of the nodes that are the pool's.
void add_use(nodes_question& q, const node_use_answer& pool, partition part) {
    for (std::size_t i = 0; i < q.answer.nodes.size() && i < pool.used.size(); ++i) {
        if (partition_of(*q.nodes, q.children[i], part.count) != part.number) continue;
        auto& row = q.answer.nodes[i];
        const auto& defs = q.config->resources.of(row.level);
        for (std::size_t r = 0; r < defs.size() && r < pool.used[i].size(); ++r)
            row.resources.push_back({defs[r].name, {pool.used[i][r], defs[r].limit}});
    }
}

}  // namespace

caf::result<nodes_answer> list_nodes(scheduler_ptr self, const nodes_asked& m) {
    const auto& s = self->state;
    if (!m.job.empty() && !s.jobs.contains(m.job)) return caf::make_error(not_there, unknown_job(s, m.job));
    auto begun = begin(s, m);
    if (!begun) return std::move(begun.error());
    const auto q = *begun;
    auto promise = self->make_response_promise<nodes_answer>();
    auto one_less = [=]() mutable {
        if (--q->open == 0) promise.deliver(std::move(q->answer));
    };
    // Those that do not answer are left out.
    for (std::size_t p = 0; p < s.pools.size(); ++p) {
        const partition part{static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(s.pools.size())};
        ++q->open;
        self->request<caf::message_priority::high>(s.pools[p], local_request_timeout,
                                                   node_use_asked{q->nodes->version(), q->children})
            .then(
                [=](const node_use_answer& use) mutable {
                    add_use(*q, use, part);
                    one_less();
                },
                [=](const caf::error&) mutable { one_less(); });
    }
    for (const auto& [name, job] : s.jobs) {
        if (!m.job.empty() && name != m.job) continue;
        ++q->open;
        self->request<caf::message_priority::high>(job.actor, local_request_timeout,
                                                   shares_asked{q->nodes->version(), q->below})
            .then(
                [=](const shares_answer& shares) mutable {
                    add_shares(*q, shares);
                    one_less();
                },
                [=](const caf::error&) mutable { one_less(); });
    }
    one_less();
    return promise;
}

}  // namespace bistro
