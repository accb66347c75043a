#include "model/engine/worker_table.hpp"

#include <algorithm>
#include <limits>

namespace bistro {

std::string_view to_string(worker_selector selector) {
    return selector == worker_selector::busiest ? "busiest" : "round_robin";
}

std::optional<worker_selector> parse_worker_selector(std::string_view text) {
    if (text == "round_robin" || text == "roundrobin") return worker_selector::round_robin;
    if (text == "busiest") return worker_selector::busiest;
    return std::nullopt;
}

void worker_table::put(worker_index worker, worker_info info) {
    if (worker.value >= entries_.size()) entries_.resize(worker.value + std::size_t{1});
    auto& slot = entries_[worker.value];
    auto limits = worker_limits(table_, info.shard.value, info.host, info.declared);
    auto used = slot ? std::move(slot->used) : std::vector<std::int64_t>{};
    used.resize(limits.size());
    slot = entry{std::move(info), true, std::move(limits), std::move(used)};
}

void worker_table::set_accepting(worker_index worker, bool accepting) {
    if (contains(worker)) entries_[worker.value]->accepting = accepting;
}

void worker_table::erase(worker_index worker) {
    if (contains(worker)) entries_[worker.value].reset();
}

bool worker_table::contains(worker_index worker) const {
    return worker.value < entries_.size() && entries_[worker.value].has_value();
}

void worker_table::set_resources(const resource_table& table) {
    table_ = table;
    for (auto& e : entries_) {
        if (!e) continue;
        e->limits = worker_limits(table_, e->info.shard.value, e->info.host, e->info.declared);
        e->used.assign(e->limits.size(), 0);
    }
}

void worker_table::take(worker_index worker, const std::vector<std::int64_t>& demand) {
    if (!contains(worker)) return;
    for (std::size_t i = 0; i < demand.size(); ++i) entries_[worker.value]->used[i] += demand[i];
}

void worker_table::give_back(worker_index worker, const std::vector<std::int64_t>& demand) {
    if (!contains(worker)) return;
    for (std::size_t i = 0; i < demand.size(); ++i) entries_[worker.value]->used[i] -= demand[i];
}

std::optional<worker_index> worker_table::choose(worker_selector selector, const std::vector<std::int64_t>& demand,
                                                 std::string_view host) {
    const auto& defs = table_.of(worker_level);
    auto fits = [&](const entry& e) {
        if (!e.accepting || (!host.empty() && e.info.host != host)) return false;
        for (std::size_t i = 0; i < demand.size(); ++i)
            if (demand[i] > 0 && e.limits[i] - e.used[i] < demand[i]) return false;
        return true;
    };
    auto weighted_free = [&](const entry& e) {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < defs.size(); ++i) sum += (e.limits[i] - e.used[i]) * defs[i].weight;
        return sum;
    };
    std::optional<std::size_t> best;
    auto best_free = std::numeric_limits<std::int64_t>::max();
    for (std::size_t k = 0; k < entries_.size(); ++k) {
        const auto i = (next_ + k) % entries_.size();
        if (!entries_[i] || !fits(*entries_[i])) continue;
        if (selector == worker_selector::round_robin) {
            next_ = (i + 1) % entries_.size();
            return worker_index{i};
        }
        const auto free = weighted_free(*entries_[i]);
        if (free < best_free) {
            best_free = free;
            best = i;
        }
    }
    if (!best) return std::nullopt;
    return worker_index{*best};
}

std::size_t worker_table::accepting_count() const {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const auto& e) { return e && e->accepting; }));
}

std::vector<std::int64_t> worker_table::total() const {
    std::vector<std::int64_t> sum(table_.of(worker_level).size(), 0);
    for (const auto& e : entries_)
        for (std::size_t i = 0; e && i < sum.size(); ++i) sum[i] += e->limits[i];
    return sum;
}

std::vector<worker_index> worker_table::all() const {
    std::vector<worker_index> result;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i]) result.emplace_back(i);
    return result;
}

}  // namespace bistro
