// Decisions: which job, which task, which worker.
#include <algorithm>

#include "model/engine/engine.hpp"
#include "model/engine/engine_job.hpp"

namespace bistro {

// -- which job --------------------------------------------------------------------------------------------------------

double engine::dominant_share(const job_entry& job) const {
    double share = 0;
    const auto look = [&](const slots& used, const slots& capacity) {
        for (std::size_t r = 0; r < used.size(); ++r)
            if (capacity[r] > 0)
                share = std::max(share, static_cast<double>(used[r]) / static_cast<double>(capacity[r]));
    };
    for (std::size_t l = 0; l < limits_.size(); ++l) look(job.used[l], capacity_[l]);
    look(job.used.back(), workers_.total());
    return share;
}

preference engine::wish_of(job_index index) const {
    const auto& job = entry(index);
    const double share = options_.policy == policy_kind::fair ? dominant_share(job) : 0.0;
    return policy_->prefer({index, job.spec.priority, job.unfinished, share, job.last_served});
}

// Under the fair policy every start and end, and every worker, changes what jobs wish: that is noted when it is needed.
void engine::renew_glance(job_index index) {
    glances_[index.value].demand = entry(index).demand;
    if (options_.policy != policy_kind::fair) note_wish(index);
}

void engine::note_wish(job_index index) {
    auto& glance = glances_[index.value];
    glance.wish = wish_of(index);
    glance.by_turn = job_turn{glance.wish, 0};
    note_offers(index);
}

void engine::note_wishes(const waiting_jobs& waiting) {
    if (options_.policy == policy_kind::fair) waiting.for_each([&](job_index job) { note_wish(job); });
}

void engine::note_offers(job_index index) {
    auto& glance = glances_[index.value];
    glance.by_offers = job_turn{glance.wish, entry(index).offers.size()};
}

void engine::update_queue(job_index index) {
    auto& job = entry(index);
    if (job.job_class == none) return;
    auto& queue = classes_[job.job_class]->queue;
    if (job.tree.searchable() || !job.offers.empty()) {
        if (options_.policy == policy_kind::fair) note_wish(index);
        queue.set(job.place, glances_[index.value].wish);
    } else {
        queue.clear(job.place);
    }
}

// Whatever a job asks for, it does not fit there.
bool engine::full_for_all(node_index place) const {
    const auto level = forest_->level_of(place);
    const auto& limits = limits_[level.value];
    const auto& least = least_demand_[level.value];
    const auto& taken = used_[level.value];
    const auto first = first_slot_of(place, level);
    for (std::size_t r = 0; r < limits.size(); ++r)
        if (least[r] > 0 && limits[r] - taken[first + r] < least[r]) return true;
    return false;
}

// A way up may lead through it.
bool engine::is_open(const job_entry& job, node_index node) const {
    return has_room(job, node) && !job.tree.parked(node) && !job.tree.closed(node);
}

// Goes on from the last node of a way towards the instance, through nodes where nothing keeps the job. False where no
// way leads there; then the way is as before. Each node is tried once: `dead` has those that lead nowhere.
bool engine::find_way_up(const job_entry& job, node_path& way, node_path& dead) const {
    if (way.back() == forest::instance()) return true;
    for (const auto parent : forest_->parents(way.back())) {
        if (!dead.empty() && std::find(dead.begin(), dead.end(), parent) != dead.end()) continue;
        if (is_open(job, parent)) {
            way.push_back(parent);
            if (find_way_up(job, way, dead)) return true;
            way.pop_back();
        }
        dead.push_back(parent);
    }
    return false;
}

bool engine::has_way_up(const job_entry& job, node_index node) const {
    node_path way{node};
    node_path dead;
    return find_way_up(job, way, dead);
}

// A job that waits at a place, and has room there, takes its next task below it without a search from the root.
bool engine::starts_directly(const job_entry& job, node_index place) const {
    if (job.wants_host() || classes_[job.job_class]->blocked || job.tree.searchable() || job.tree.closed(place))
        return false;
    // Mostly there is but one way.
    for (auto parents = forest_->parents(place); !parents.empty(); parents = forest_->parents(place)) {
        if (parents.size() > 1) return has_way_up(job, place);
        place = parents[0];
        if (!is_open(job, place)) return false;
    }
    return true;
}

// Who has room at a place; jobs that ask for the same are judged once, where they stand together.
class engine::room_at {
public:
    room_at(const engine& e, node_index place)
        : demands_{e.demands_},
          level_{e.forest_->level_of(place).value},
          limits_{e.limits_[level_]},
          taken_{e.used_[level_]},
          first_{e.first_slot_of(place, level_index{level_})} {}

    bool operator()(std::uint32_t demand) {
        if (demand != known_) look(demand);
        return room_;
    }

private:
    // Apart, as it is rarely needed.
    [[gnu::noinline]] void look(std::uint32_t demand) {
        known_ = demand;
        const auto& asked = demands_[demand].by_level[level_];
        room_ = true;
        for (std::size_t r = 0; r < limits_.size() && room_; ++r)
            room_ = asked[r] <= 0 || limits_[r] - taken_[first_ + r] >= asked[r];
    }

    const std::deque<demand_set>& demands_;
    std::size_t level_;
    const slots& limits_;
    const slot_counts& taken_;
    std::size_t first_;
    std::uint32_t known_ = none;
    bool room_ = false;
};

// Of those who wait at a place and would fit there now, the first by the policy, or by chance. Who fits but needs a
// search is set free to be found by it.
job_index engine::first_at_place(node_index place, waiting_jobs waiting, among_equals rule) {
    room_at has_room{*this, place};
    const auto set_free = [&](job_index index) {
        waiting.remove(index);
        entry(index).tree.unpark(*forest_, place);
        update_queue(index);
    };
    if (policy_->by_chance()) {
        std::vector<job_index> fitting;
        std::vector<double> weights;
        waiting.for_each([&](job_index job) {
            const auto& glance = glances_[job.value];
            if (!has_room(glance.demand)) return;
            if (!starts_directly(entry(job), place)) return set_free(job);
            fitting.push_back(job);
            weights.push_back(glance.wish.value);
        });
        return fitting.empty() ? job_index{} : fitting[draw(weights, random_)];
    }
    note_wishes(waiting);
    const auto its_turn = rule == among_equals::by_offers ? &job_glance::by_offers : &job_glance::by_turn;
    const auto* const glances = glances_.data();
    job_turn least;
    job_index first;
    waiting.for_each([&](job_index job) {
        const auto& glance = glances[job.value];
        if (!has_room(glance.demand)) return;
        const auto& theirs = glance.*its_turn;
        const bool is_first = theirs < least;
        least = is_first ? theirs : least;
        first = is_first ? job : first;
    });
    if (!first.valid() || starts_directly(entry(first), place)) return first;
    std::vector<std::pair<job_turn, job_index>> turns;
    waiting.for_each([&](job_index job) {
        if (has_room(glances[job.value].demand)) turns.emplace_back(glances[job.value].*its_turn, job);
    });
    std::sort(turns.begin(), turns.end());
    for (const auto& [_, job] : turns) {
        if (starts_directly(entry(job), place)) return job;
        set_free(job);
    }
    return {};
}

// The same of one of them, where nobody else comes before: then nobody has to be set free.
bool engine::is_first_at_place(job_index index, node_index place, const waiting_jobs& waiting) {
    room_at has_room{*this, place};
    if (!entry(index).tree.parked(place) || !has_room(glances_[index.value].demand)) return false;
    note_wishes(waiting);
    const auto* const glances = glances_.data();
    const auto its = glances[index.value].by_turn;
    bool is_first = true;
    waiting.for_each([&](job_index job) {
        const auto& glance = glances[job.value];
        const bool comes_before = glance.by_turn < its || (glance.by_turn == its && job < index);
        if (comes_before && has_room(glance.demand)) is_first = false;
    });
    return is_first && starts_directly(entry(index), place);
}

// Whom it was offered to before has it among its offers already. When a job has been served it comes after its equals,
// so that of many places each gets some: what is offered is mostly taken then.
void engine::offer(node_index place) {
    auto waiting = waiting_at_.find(place);
    waiting.set_changed(false);
    const auto before = waiting.offered_to();
    const auto to = full_for_all(place) ? job_index{} : first_at_place(place, waiting, among_equals::by_offers);
    waiting.offer_to(to);
    if (to.valid() && to != before) {
        auto& job = entry(to);
        job.offers.push_back(place);
        note_offers(to);
        fetch_place(job, place);
        if (!std::exchange(job.in_with_offers, true)) classes_[job.job_class]->with_offers.push_back(to);
        if (job.offers.size() == 1) update_queue(to);
    } else if (waiting.empty()) {
        waiting_at_.erase(place);
    }
}

// Asks for what the job's next start at this place will touch, so that it is in the cache by then.
void engine::fetch_place(const job_entry& job, node_index place) const {
    if (!job.level || forest_->level_of(place).value + 1U != job.level->value) return;
    const auto count = forest_->own_child_count(place);
    if (count == 0) return;
    const node_index first{forest_->own_begin(place)};
    const node_index last{first.value + std::min(count, forest::block_size) - 1};
    const auto& taken = used_[job.level->value];
    job.tree.fetch(first);
    taken.fetch(first_slot_of(first, *job.level));
    taken.fetch(first_slot_of(last, *job.level));
}

void engine::offer_changed_places() {
    for (auto place : changed_places_) offer(place);
    changed_places_.clear();
}

// Nobody: it is no longer offered to that job.
waiting_jobs engine::withdraw_offer(node_index place, job_index from) {
    auto waiting = waiting_at_.find(place);
    if (!waiting || waiting.offered_to() != from) return {};
    waiting.offer_to({});
    note_change(place, waiting);
    return waiting;
}

// No worker has room for its jobs. What was offered to them may be of use to others.
void engine::block(demand_class& c) {
    c.blocked = true;
    ++refusals_;
    for (auto index : std::exchange(c.with_offers, {})) {
        entry(index).in_with_offers = false;
        withdraw_offers(index);
        update_queue(index);
    }
}

std::optional<job_index> engine::choose_job() {
    offer_changed_places();
    open_queues_.clear();
    for (const auto& c : classes_)
        if (!c->blocked && !c->queue.empty()) open_queues_.push_back(&c->queue);
    return choose(*policy_, open_queues_, random_);
}

// -- which task -------------------------------------------------------------------------------------------------------

bool engine::has_room(const job_entry& job, node_index node) const {
    const auto level = forest_->level_of(node);
    const auto& limits = limits_[level.value];
    const auto& demand = job.asks[level.value];
    const auto& taken = used_[level.value];
    const auto first = first_slot_of(node, level);
    for (std::size_t r = 0; r < limits.size(); ++r)
        if (demand[r] > 0 && limits[r] - taken[first + r] < demand[r]) return false;
    return true;
}

void engine::park(job_index index, node_index node) {
    if (node == forest::instance()) ++refusals_;
    entry(index).tree.park(*forest_, node);
    waiting_at_.add(node, index);
}

void engine::unpark(job_index index, node_index node) {
    entry(index).tree.unpark(*forest_, node);
    if (auto waiting = waiting_at_.find(node)) waiting.remove(index);
}

invocation_id engine::next_id() {
    return invocation_id{std::exchange(next_invocation_, next_invocation_ + part_.count)};
}

std::optional<start_decision> engine::search(job_index index) {
    auto& job = entry(index);
    node_path path;
    while (job.tree.searchable()) {
        path.clear();
        path.push_back(forest::instance());
        while (has_room(job, path.back()) && forest_->level_of(path.back()) != *job.level)
            path.push_back(job.tree.next_child(*forest_, path.back()));
        if (!has_room(job, path.back())) {
            park(index, path.back());
            continue;
        }
        const auto worker = worker_for(index, path);
        if (!worker) {
            if (!job.wants_host()) return std::nullopt;  // its class is blocked
            continue;
        }
        std::reverse(path.begin(), path.end());
        return start_decision{next_id(), index, path.front(), path, *worker};
    }
    return std::nullopt;
}

// Takes what was offered last, if it still is for this job. Then the place is offered to the next.
std::optional<start_decision> engine::take_offer(job_index index) {
    auto& job = entry(index);
    const auto place = job.offers.back();
    job.offers.pop_back();
    note_offers(index);
    const auto waiting = withdraw_offer(place, index);
    if (!waiting || full_for_all(place)) return std::nullopt;
    if (policy_->by_chance()) {
        const bool fits = job.tree.parked(place) && has_room(job, place) && starts_directly(job, place);
        return fits ? start_below(index, place) : std::nullopt;
    }
    if (!is_first_at_place(index, place, waiting)) {
        const auto first = first_at_place(place, waiting, among_equals::by_turn);
        // What its queue knows of it may be older than what was compared here: under the fair policy shares change as
        // workers come. Else the place would go to and fro between the two.
        if (first.valid() && first != index) update_queue(first);
        if (first != index) return std::nullopt;
    }
    return start_below(index, place);
}

// As search(), below a node where the job is parked, and where it starts directly: so it leaves the host to chance.
std::optional<start_decision> engine::start_below(job_index index, node_index place) {
    auto& job = entry(index);
    for (auto next = job.tree.next_below(*forest_, place); next.valid(); next = job.tree.next_below(*forest_, place)) {
        node_path path{next};  // down to the task
        bool fits = next == place || has_room(job, next);
        while (fits && forest_->level_of(path.back()) != *job.level) {
            path.push_back(job.tree.next_child(*forest_, path.back()));
            fits = has_room(job, path.back());
        }
        if (!fits) {
            park(index, path.back());
            continue;
        }
        std::reverse(path.begin(), path.end());
        if (next != place) path.push_back(place);
        while (path.back() != forest::instance() && !forest_->has_several_parents(path.back()))
            path.push_back(forest_->parents(path.back())[0]);
        if (node_path dead; path.back() != forest::instance() && !find_way_up(job, path, dead)) return std::nullopt;
        const auto worker = worker_for(index, {});
        if (!worker) return std::nullopt;  // its class is blocked
        return start_decision{next_id(), index, path.front(), path, *worker};
    }
    unpark(index, place);
    return std::nullopt;
}

// -- which worker -----------------------------------------------------------------------------------------------------

std::string engine::host_wanted(const job_entry& job, std::span<const node_index> path) const {
    if (job.spec.host_placement) return *job.spec.host_placement;
    if (!job.spec.level_for_host_placement) return {};
    for (auto node : path)
        if (forest_->levels()[forest_->level_of(node).value] == *job.spec.level_for_host_placement)
            return std::string{forest_->name(node)};
    return {};
}

// Where there is none, the job does not ask again before some worker has room.
std::optional<worker_index> engine::worker_for(job_index index, std::span<const node_index> from_root) {
    auto& job = entry(index);
    const auto& demand = demands_[job.demand].worker;
    if (!job.wants_host()) {
        const auto worker = workers_.choose(demand, {});
        if (!worker) block(*classes_[job.job_class]);
        return worker;
    }
    const auto host = host_wanted(job, from_root);
    const auto worker = workers_.choose(demand, host);
    if (!worker) park_for_host(index, from_root, host);
    return worker;
}

// Nothing below the node that asks for this host can start, and where any host will do, nothing of the job.
void engine::park_for_host(job_index index, std::span<const node_index> from_root, const std::string& host) {
    auto& job = entry(index);
    auto node = forest::instance();
    if (!job.spec.host_placement && job.spec.level_for_host_placement)
        for (auto n : from_root)
            if (forest_->name(n) == host) node = n;
    job.tree.park(*forest_, node);
    ++refusals_;
    waiting_for_host_[host].push_back({index, node, ++waits_});
    ++job.host_waits;
}

void engine::worker_has_room(worker_index worker) {
    for (auto& c : classes_)
        if (c->blocked && workers_.fits(worker, c->demand)) c->blocked = false;
    if (waiting_for_host_.empty()) return;
    for (const auto& host : {std::string{}, workers_.info(worker).host}) {
        auto found = waiting_for_host_.find(host);
        if (found == waiting_for_host_.end()) continue;
        // Those that it is still too full for go on waiting where they are.
        std::erase_if(found->second, [&](const host_waiter& waiter) {
            if (!workers_.fits(worker, demands_[entry(waiter.job).demand].worker)) return false;
            entry(waiter.job).tree.unpark(*forest_, waiter.node);
            --entry(waiter.job).host_waits;
            update_queue(waiter.job);
            return true;
        });
        if (found->second.empty()) waiting_for_host_.erase(found);
    }
}

// -- starting ---------------------------------------------------------------------------------------------------------

void engine::wake(node_index node) {
    if (const auto waiting = waiting_at_.find(node)) note_change(node, waiting);
}

void engine::note_change(node_index place, waiting_jobs waiting) {
    if (waiting.changed()) return;
    waiting.set_changed(true);
    changed_places_.push_back(place);
}

std::vector<start_decision> engine::start(std::size_t limit) {
    std::vector<start_decision> result;
    while (options_.enabled && result.size() < limit) {
        const auto chosen = choose_job();
        if (!chosen) break;
        const auto index = *chosen;
        auto& job = entry(index);
        auto decision = job.offers.empty() ? search(index) : take_offer(index);
        if (decision) {
            job.last_served = ++served_;
            renew_glance(index);
            job.tree.erase(*forest_, decision->path);
            --pending_count_;
            auto& h = hold(decision->invocation, index, decision->worker, job.demand);
            h.nodes = decision->path;
            account(h, +1);
            if (by_task_.in_use()) note_task(h);
            result.push_back(std::move(*decision));
        }
        update_queue(index);
    }
    return result;
}

}  // namespace bistro
