#include "model/engine/worker_table.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace bistro {

std::string_view to_string(worker_selector selector) {
    return selector == worker_selector::busiest ? "busiest" : "round_robin";
}

std::optional<worker_selector> parse_worker_selector(std::string_view text) {
    if (text == "round_robin" || text == "roundrobin") return worker_selector::round_robin;
    if (text == "busiest") return worker_selector::busiest;
    return std::nullopt;
}

namespace {
constexpr auto not_there = std::numeric_limits<std::int64_t>::min();
}

// -- what the choices rest on -----------------------------------------------------------------------------------------

worker_table::group_key worker_table::key_of(const entry& e) const {
    const auto& defs = table_.of(worker_level);
    group_key key;
    key.free.reserve(width_);
    for (std::size_t i = 0; i < width_; ++i) {
        key.free.push_back(e.leased[i] - e.used[i]);
        key.weighted += key.free.back() * defs[i].weight;
    }
    return key;
}

void worker_table::join_group(std::size_t worker) {
    if (const auto& e = *entries_[worker]; is_in_group(e)) groups_[key_of(e)].insert(worker);
}

void worker_table::leave_group(std::size_t worker) {
    const auto& e = *entries_[worker];
    if (!is_in_group(e)) return;
    if (auto group = groups_.find(key_of(e)); group->second.erase(worker) > 0 && group->second.empty())
        groups_.erase(group);
}

// All that happens to a worker happens here, but for what add_used() does.
template <class Change>
void worker_table::change(worker_index worker, Change&& mutate) {
    auto& slot = entries_[worker.value];
    const auto count = [&](std::size_t step) {
        for (std::size_t i = 0; i < width_; ++i) total_[i] += step == 1 ? slot->limits[i] : -slot->limits[i];
        if (slot->leased != slot->limits) not_leased_ += step;
        if (slot->accepting) accepting_count_ += step;
    };
    if (slot) {
        leave_group(worker.value);
        count(std::size_t{0} - 1);
    }
    mutate(slot);
    if (slot) {
        join_group(worker.value);
        count(1);
    }
    update_tree(worker.value);
}

// So many more slots of each resource, times `sign`.
void worker_table::add_used(worker_index worker, slots more, std::int64_t sign) {
    if (!contains(worker)) return;
    auto& e = *entries_[worker.value];
    leave_group(worker.value);
    for (std::size_t i = 0; i < more.size(); ++i) e.used[i] += sign * more[i];
    join_group(worker.value);
    if (!e.accepting) return;
    auto* const leaf = most_free_.data() + (leaves_ + worker.value) * columns();
    for (std::size_t i = 0; i < more.size(); ++i) {
        if (more[i] == 0) continue;
        leaf[i + 1] -= sign * more[i];
        update_column(worker.value, i + 1);
    }
}

void worker_table::set_leaf(std::size_t worker) {
    auto* leaf = most_free_.data() + (leaves_ + worker) * columns();
    const bool there = worker < entries_.size() && entries_[worker] && entries_[worker]->accepting;
    leaf[0] = there ? 1 : not_there;
    for (std::size_t i = 0; i < width_; ++i)
        leaf[i + 1] = there ? entries_[worker]->leased[i] - entries_[worker]->used[i] : not_there;
}

void worker_table::update_tree(std::size_t worker) {
    set_leaf(worker);
    for (std::size_t c = 0; c < columns(); ++c) update_column(worker, c);
}

// Above the leaf.
void worker_table::update_column(std::size_t worker, std::size_t column) {
    auto* const most = most_free_.data() + column;
    const auto width = columns();
    for (auto node = (leaves_ + worker) / 2; node >= 1; node /= 2) {
        const auto* const children = most + 2 * node * width;
        const auto value = std::max(children[0], children[width]);
        if (most[node * width] == value) break;
        most[node * width] = value;
    }
}

void worker_table::rebuild() {
    width_ = table_.of(worker_level).size();
    leaves_ = std::max<std::size_t>(std::bit_ceil(entries_.size()), 2);
    most_free_.assign(2 * leaves_ * columns(), not_there);
    groups_.clear();
    total_.assign(width_, 0);
    accepting_count_ = not_leased_ = 0;
    for (std::size_t w = 0; w < entries_.size(); ++w) {
        if (!entries_[w]) continue;
        const auto& e = *entries_[w];
        for (std::size_t i = 0; i < width_; ++i) total_[i] += e.limits[i];
        set_leaf(w);
        if (e.leased != e.limits) ++not_leased_;
        if (!e.accepting) continue;
        ++accepting_count_;
        if (selector_ == worker_selector::busiest) groups_[key_of(e)].insert(w);
    }
    for (auto node = leaves_ - 1; node >= 1; --node)
        for (std::size_t c = 0; c < columns(); ++c)
            most_free_[node * columns() + c] =
                std::max(most_free_[2 * node * columns() + c], most_free_[(2 * node + 1) * columns() + c]);
}

void worker_table::set_selector(worker_selector selector) {
    if (std::exchange(selector_, selector) != selector) rebuild();
}

// -- workers come, change and go --------------------------------------------------------------------------------------

void worker_table::put(worker_index worker, worker_info info) {
    if (worker.value >= leaves_ || worker.value >= entries_.size()) {
        entries_.resize(std::max(entries_.size(), worker.value + std::size_t{1}));
        if (entries_.size() > leaves_) rebuild();
    }
    auto limits = worker_limits(table_, info.shard.value, info.host, info.declared);
    if (auto& before = entries_[worker.value]; before && before->info.host != info.host)
        std::erase(by_host_[before->info.host], worker.value);
    auto& here = by_host_[info.host];
    if (std::find(here.begin(), here.end(), worker.value) == here.end()) here.push_back(worker.value);
    change(worker, [&](std::optional<entry>& slot) {
        auto used = slot ? std::move(slot->used) : std::vector<std::int64_t>{};
        used.resize(limits.size());
        auto leased = is_leased_ ? std::vector<std::int64_t>(limits.size()) : limits;
        slot = entry{std::move(info), true, std::move(limits), std::move(leased), std::move(used)};
    });
}

void worker_table::set_accepting(worker_index worker, bool accepting) {
    if (contains(worker)) change(worker, [&](auto& slot) { slot->accepting = accepting; });
}

void worker_table::erase(worker_index worker) {
    if (!contains(worker)) return;
    const auto host = by_host_.find(entries_[worker.value]->info.host);
    std::erase(host->second, worker.value);
    if (host->second.empty()) by_host_.erase(host);
    change(worker, [](auto& slot) { slot.reset(); });
}

bool worker_table::contains(worker_index worker) const {
    return worker.value < entries_.size() && entries_[worker.value].has_value();
}

void worker_table::set_resources(const resource_table& table) {
    table_ = table;
    for (auto& e : entries_) {
        if (!e) continue;
        e->limits = worker_limits(table_, e->info.shard.value, e->info.host, e->info.declared);
        e->leased = is_leased_ ? std::vector<std::int64_t>(e->limits.size()) : e->limits;
        e->used.assign(e->limits.size(), 0);
    }
    rebuild();
}

void worker_table::take_nothing() {
    for (auto& e : entries_)
        if (e) e->used.assign(e->limits.size(), 0);
    rebuild();
}

void worker_table::lease(worker_index worker, slots limits) {
    if (contains(worker) && limits.size() == width_)
        change(worker, [&](auto& slot) { slot->leased.assign(limits.begin(), limits.end()); });
}

void worker_table::take(worker_index worker, slots demand) { add_used(worker, demand, +1); }

void worker_table::give_back(worker_index worker, slots demand) { add_used(worker, demand, -1); }

// -- choices ----------------------------------------------------------------------------------------------------------

bool worker_table::fits(worker_index worker, slots demand) const {
    if (!contains(worker) || !entries_[worker.value]->accepting) return false;
    const auto& e = *entries_[worker.value];
    return has_room(e.leased, e.used, demand);
}

bool worker_table::has_room(slots limits, slots used, slots demand) {
    for (std::size_t i = 0; i < demand.size(); ++i)
        if (demand[i] > 0 && limits[i] - used[i] < demand[i]) return false;
    return true;
}

bool worker_table::any_fits(slots demand, std::string_view host, bool leased) const {
    const auto fits_here = [&](std::size_t w) {
        const auto& e = entries_[w];
        return e && e->accepting && has_room(leased ? e->leased : e->limits, e->used, demand);
    };
    if (!host.empty()) {
        const auto here = by_host_.find(std::string{host});
        return here != by_host_.end() && std::any_of(here->second.begin(), here->second.end(), fits_here);
    }
    if (leased) return leaves_ > 0 && first_fitting(1, 0, 0, leaves_, demand).has_value();
    for (std::size_t w = 0; w < entries_.size(); ++w)
        if (fits_here(w)) return true;
    return false;
}

// Of two workers that fit, as far as the selector cares.
bool worker_table::better(std::size_t a, std::size_t b) const {
    if (selector_ == worker_selector::busiest) {
        const auto free_a = key_of(*entries_[a]).weighted;
        const auto free_b = key_of(*entries_[b]).weighted;
        if (free_a != free_b) return free_a < free_b;
        return a < b;
    }
    const auto turn = [&](std::size_t w) { return (w + entries_.size() - next_) % entries_.size(); };
    return turn(a) < turn(b);
}

// The first worker from `from` on that fits, below a node of the tree.
std::optional<std::size_t> worker_table::first_fitting(std::size_t node, std::size_t from, std::size_t node_first,
                                                       std::size_t node_size, slots demand) const {
    if (node_first + node_size <= from) return std::nullopt;
    const auto* most = most_free_.data() + node * columns();
    if (most[0] != 1) return std::nullopt;
    for (std::size_t i = 0; i < demand.size(); ++i)
        if (demand[i] > 0 && most[i + 1] < demand[i]) return std::nullopt;
    if (node_size == 1) return node_first;
    const auto half = node_size / 2;
    if (auto found = first_fitting(2 * node, from, node_first, half, demand)) return found;
    return first_fitting(2 * node + 1, from, node_first + half, half, demand);
}

std::optional<worker_index> worker_table::choose(slots demand, std::string_view host) {
    std::optional<std::size_t> best;
    if (!host.empty()) {
        const auto here = by_host_.find(std::string{host});
        if (here == by_host_.end()) return std::nullopt;
        for (auto w : here->second)
            if (fits(worker_index{w}, demand) && (!best || better(w, *best))) best = w;
    } else if (selector_ == worker_selector::busiest) {
        // With one resource the groups are in the order of what is free of it. With several, a worker over its limit
        // has less than nothing free of one, which may make up for much of another.
        group_key least{0, {}};
        const bool ordered = width_ == 1 && demand[0] > 0;
        if (ordered) least.weighted = demand[0] * table_.of(worker_level)[0].weight;
        for (auto group = ordered ? groups_.lower_bound(least) : groups_.begin(); group != groups_.end() && !best;
             ++group)
            if (fits(worker_index{*group->second.begin()}, demand)) best = *group->second.begin();
    } else if (fits(worker_index{next_}, demand)) {
        best = next_;
    } else if (leaves_ > 0) {
        best = first_fitting(1, next_, 0, leaves_, demand);
        if (!best) best = first_fitting(1, 0, 0, leaves_, demand);
    }
    if (!best) return std::nullopt;
    if (selector_ == worker_selector::round_robin) next_ = *best + 1 < entries_.size() ? *best + 1 : 0;
    return worker_index{*best};
}

std::vector<worker_index> worker_table::all() const {
    std::vector<worker_index> result;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i]) result.emplace_back(i);
    return result;
}

std::string worker_table::sanity_check() const {
    auto fresh = *this;
    fresh.rebuild();
    if (fresh.leaves_ == leaves_ && fresh.most_free_ != most_free_) return "the tree of free worker slots is stale";
    if (fresh.groups_ != groups_) return "the groups of workers are stale";
    if (fresh.total_ != total_ || fresh.accepting_count_ != accepting_count_ || fresh.not_leased_ != not_leased_)
        return "sums over workers are stale";
    return {};
}

}  // namespace bistro
