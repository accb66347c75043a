#include "model/policies/job_queue.hpp"

#include <algorithm>

namespace bistro {

job_queue::place job_queue::winner_of(place a, place b) const {
    return a == none || (b != none && entries_[b] < entries_[a]) ? b : a;
}

job_queue::node job_queue::join(const node& a, const node& b) const {
    return {winner_of(a.winner, b.winner), a.count + b.count, a.weight + b.weight};
}

job_queue::place job_queue::add(job_index job) {
    place p = 0;
    if (!unused_.empty()) {
        p = unused_.back();
        unused_.pop_back();
    } else {
        p = static_cast<place>(entries_.size());
        entries_.emplace_back();
        if (const auto leaves = nodes_.size() / 2; p >= leaves) {
            const auto more = std::max<std::size_t>(2 * leaves, 2);
            std::vector<node> grown(2 * more);
            std::copy(nodes_.begin() + static_cast<std::ptrdiff_t>(leaves), nodes_.end(),
                      grown.begin() + static_cast<std::ptrdiff_t>(more));
            nodes_ = std::move(grown);
            for (auto i = more - 1; i >= 1; --i) nodes_[i] = join(nodes_[2 * i], nodes_[2 * i + 1]);
        }
    }
    entries_[p] = {{}, job};
    return p;
}

void job_queue::remove(place p) {
    clear(p);
    unused_.push_back(p);
}

void job_queue::update(place p) {
    for (auto i = (nodes_.size() / 2 + p) / 2; i >= 1; i /= 2) nodes_[i] = join(nodes_[2 * i], nodes_[2 * i + 1]);
}

void job_queue::set(place p, const preference& wish) {
    auto& leaf = nodes_[nodes_.size() / 2 + p];
    if (leaf.count == 1 && entries_[p].wish == wish) return;
    entries_[p].wish = wish;
    if (leaf.count == 0 || leaf.weight != wish.value) {
        leaf = {p, 1, wish.value};
        return update(p);
    }
    for (auto i = (nodes_.size() / 2 + p) / 2; i >= 1; i /= 2)
        nodes_[i].winner = winner_of(nodes_[2 * i].winner, nodes_[2 * i + 1].winner);
}

void job_queue::clear(place p) {
    auto& leaf = nodes_[nodes_.size() / 2 + p];
    if (leaf.count == 0) return;
    leaf = {};
    update(p);
}

job_index job_queue::at_weight(double point) const {
    std::size_t i = 1;
    while (i < nodes_.size() / 2) {
        const auto& left = nodes_[2 * i];
        const bool go_left = nodes_[2 * i + 1].count == 0 || (left.count > 0 && point < left.weight);
        if (!go_left) point -= left.weight;
        i = 2 * i + (go_left ? 0 : 1);
    }
    return at(nodes_[i].winner);
}

job_index job_queue::at_position(std::size_t position) const {
    std::size_t i = 1;
    while (i < nodes_.size() / 2) {
        const auto left = nodes_[2 * i].count;
        const bool go_left = position < left;
        if (!go_left) position -= left;
        i = 2 * i + (go_left ? 0 : 1);
    }
    return at(nodes_[i].winner);
}

std::optional<job_index> choose(const policy& rule, std::span<const job_queue* const> queues, random_source& random) {
    if (queues.empty()) return std::nullopt;
    if (!rule.by_chance()) {
        const auto* first = *std::min_element(queues.begin(), queues.end(),
                                              [](const auto* a, const auto* b) { return a->first() < b->first(); });
        return first->first().job;
    }
    const bool by_weight = std::any_of(queues.begin(), queues.end(), [](const auto* q) { return q->weight() > 0; });
    std::vector<double> weights;
    for (const auto* queue : queues)
        weights.push_back(by_weight ? queue->weight() : static_cast<double>(queue->count()));
    const auto& queue = *queues[draw(weights, random)];
    const double part = unit_interval(random);
    return by_weight ? queue.at_weight(part * queue.weight())
                     : queue.at_position(static_cast<std::size_t>(part * static_cast<double>(queue.count())));
}

}  // namespace bistro
