#include "model/slot_broker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace bistro {

namespace {

bool asks_something(const std::vector<std::int64_t>& demand) {
    return std::any_of(demand.begin(), demand.end(), [](auto d) { return d > 0; });
}

bool fits(const std::int64_t* left, const std::vector<std::int64_t>& demand) {
    for (std::size_t r = 0; r < demand.size(); ++r)
        if (demand[r] > 0 && left[r] < demand[r]) return false;
    return true;
}

}  // namespace

slot_broker::slot_broker(std::uint32_t pools) : pools_{pools} { set_instance({}); }

// -- accounts ---------------------------------------------------------------------------------------------------------

void slot_broker::put(table& t, std::size_t account, const slots& limits) {
    const auto accounts = std::max(t.known.size(), account + 1);
    t.limits.resize(accounts * t.width);
    t.leased.resize(accounts * pools_ * t.width);
    t.known.resize(accounts, false);
    t.accepting.resize(accounts, true);
    t.since.resize(accounts, 0);
    t.hosts.resize(accounts);
    t.workers.resize(accounts);
    // Some have a limit below nothing.
    for (std::size_t r = 0; r < t.width; ++r) t.limits[account * t.width + r] = std::max<std::int64_t>(limits[r], 0);
    std::fill_n(t.leased.begin() + static_cast<std::ptrdiff_t>(at(t, account, 0)), pools_ * t.width, 0);
    t.known[account] = t.accepting[account] = true;
    t.since[account] = round_;
}

void slot_broker::set_instance(const slots& limits) {
    instance_ = {};
    instance_.width = limits.size();
    put(instance_, 0, limits);
}

void slot_broker::forget_workers(std::size_t width) {
    workers_ = {};
    workers_.width = width;
    account_of_.clear();
}

void slot_broker::put_worker(worker_index worker, std::string host, const slots& limits) {
    const auto [found, is_new] = account_of_.try_emplace(worker.value, workers_.known.size());
    if (is_new && !workers_.unused.empty()) {
        found->second = workers_.unused.back();
        workers_.unused.pop_back();
    }
    const auto account = found->second;
    put(workers_, account, limits);
    workers_.workers[account] = worker;
    workers_.hosts[account] = std::move(host);
}

void slot_broker::set_accepting(worker_index worker, bool accepting) {
    if (const auto found = account_of_.find(worker.value); found != account_of_.end())
        workers_.accepting[found->second] = accepting;
}

void slot_broker::erase_worker(worker_index worker) {
    const auto found = account_of_.find(worker.value);
    if (found == account_of_.end()) return;
    workers_.known[found->second] = false;
    workers_.unused.push_back(found->second);
    account_of_.erase(found);
}

bool slot_broker::takes_part(const table& t, std::size_t account) const {
    return t.known[account] && t.since[account] < round_;
}

void slot_broker::find_open() {
    open_.clear();
    open_by_host_.clear();
    for (std::size_t w = 0; w < workers_.known.size(); ++w) {
        if (!takes_part(workers_, w) || !workers_.accepting[w]) continue;
        open_.push_back(w);
        open_by_host_[workers_.hosts[w]].push_back(w);
    }
}

const std::vector<std::size_t>& slot_broker::accounts_for(const claimant& c) const {
    if (c.claim->host.empty()) return open_;
    const auto here = open_by_host_.find(c.claim->host);
    return here == open_by_host_.end() ? nowhere_ : here->second;
}

// -- reports ----------------------------------------------------------------------------------------------------------

void slot_broker::take_reports(const std::vector<slot_report>& reports) {
    for (auto* t : {&instance_, &workers_}) {
        t->used.assign(t->leased.size(), 0);
        t->dealt.assign(t->leased.size(), 0);
        t->left = t->limits;
    }
    for (std::uint32_t p = 0; p < pools_; ++p)
        for (const auto& account : reports[p].used) {
            auto& t = account.worker.valid() ? workers_ : instance_;
            const auto worker = account_of_.find(account.worker.value);
            if (account.slots.size() != t.width || (account.worker.valid() && worker == account_of_.end())) continue;
            const auto a = account.worker.valid() ? worker->second : 0;
            std::copy(account.slots.begin(), account.slots.end(),
                      t.used.begin() + static_cast<std::ptrdiff_t>(at(t, a, p)));
        }
}

// Those that have waited longest come first.
std::vector<slot_broker::claimant> slot_broker::claimants(const std::vector<slot_report>& reports) {
    std::vector<claimant> result;
    std::map<claim_key, claim_age> ages;
    for (std::uint32_t p = 0; p < pools_; ++p)
        for (const auto& claim : reports[p].claims) {
            if (claim.tasks == 0 || claim.instance.size() != instance_.width || claim.worker.size() != workers_.width)
                continue;
            const claim_key key{p, claim.instance, claim.worker, claim.host};
            claim_age age{claim.served, round_};
            if (const auto before = ages_.find(key); before != ages_.end() && before->second.served == claim.served)
                age.since = before->second.since;
            ages.emplace(key, age);
            result.push_back({p, &claim, age.since, claim.tasks, 0});
        }
    ages_ = std::move(ages);
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.since < b.since; });
    return result;
}

// -- dealing ----------------------------------------------------------------------------------------------------------

void slot_broker::keep_what_is_used(table& t, const std::vector<slot_report>& reports) {
    t.kept = t.used;
    for (std::size_t a = 0; a < t.known.size(); ++a)
        for (std::uint32_t p = 0; p < pools_ && takes_part(t, a); ++p)
            for (std::size_t r = 0; r < t.width; ++r) t.left[a * t.width + r] -= t.used[at(t, a, p) + r];
    note_shares(t, reports);
}

// Whoever uses something has a share, and whoever claims anything.
void slot_broker::note_shares(table& t, const std::vector<slot_report>& reports) {
    t.share.assign(t.width, 0);
    t.total.assign(pools_ * t.width, 0);
    for (std::size_t a = 0; a < t.known.size(); ++a) {
        if (!takes_part(t, a) || !t.accepting[a]) continue;
        for (std::size_t r = 0; r < t.width; ++r) {
            t.share[r] += t.limits[a * t.width + r];
            for (std::uint32_t p = 0; p < pools_; ++p) t.total[p * t.width + r] += t.used[at(t, a, p) + r];
        }
    }
    std::int64_t sharers = 0;
    for (std::uint32_t p = 0; p < pools_; ++p) {
        const auto* used = t.total.data() + p * t.width;
        sharers += !reports[p].claims.empty() || std::any_of(used, used + t.width, [](auto u) { return u > 0; });
    }
    for (auto& share : t.share) share /= std::max<std::int64_t>(sharers, 1);
    t.excess.assign(pools_ * t.width, 0);
    for (std::size_t i = 0; i < t.total.size(); ++i)
        t.excess[i] = std::max<std::int64_t>(t.total[i] - t.share[i % std::max<std::size_t>(t.width, 1)], 0);
}

// Beside what its own tasks use there would be room for another one, if the other pools had nothing.
bool slot_broker::fits_beside_own(const table& t, std::size_t account, std::uint32_t pool, const slots& demand) const {
    for (std::size_t r = 0; r < demand.size(); ++r)
        if (demand[r] > 0 && t.used[at(t, account, pool) + r] + demand[r] > t.limits[account * t.width + r])
            return false;
    return true;
}

// What others would have to give up, and a little more where the pool has no lease already.
std::int64_t slot_broker::price(const claimant& c, std::size_t worker) const {
    const auto& t = workers_;
    const auto own = at(t, worker, c.pool);
    std::int64_t missing = 0;
    bool is_leased = true;
    for (std::size_t r = 0; r < t.width; ++r) {
        const auto demand = c.claim->worker[r];
        if (demand <= 0) continue;
        is_leased = is_leased && t.leased[own + r] - t.used[own + r] >= demand;
        missing += std::max<std::int64_t>(demand - t.left[worker * t.width + r], 0);
    }
    return 2 * missing + (is_leased ? 0 : 1);
}

// Enough for one task more than it runs; who keeps most gives first.
void slot_broker::take_by_right(table& t, std::size_t account, std::uint32_t pool, const slots& demand) {
    for (std::size_t r = 0; r < t.width; ++r) {
        if (demand[r] <= 0) continue;
        auto& left = t.left[account * t.width + r];
        while (left < demand[r]) {
            std::int64_t* most = nullptr;
            for (std::uint32_t p = 0; p < pools_; ++p)
                if (auto& other = t.kept[at(t, account, p) + r]; p != pool && (most == nullptr || other > *most))
                    most = &other;
            const auto given = most == nullptr ? 0 : std::min(demand[r] - left, *most);
            if (given <= 0) break;
            *most -= given;
            left += given;
            const auto giver = static_cast<std::size_t>(most - t.kept.data()) / t.width % pools_;
            t.total[giver * t.width + r] -= given;
            auto& excess = t.excess[giver * t.width + r];
            excess = std::max<std::int64_t>(excess - given, 0);
        }
        t.dealt[at(t, account, pool) + r] += demand[r];
        t.total[pool * t.width + r] += demand[r];
        left -= demand[r];
    }
}

void slot_broker::serve_oldest(std::vector<claimant>& claims) {
    for (auto& c : claims) {
        if (!may_use_instance(c) || !fits_beside_own(instance_, 0, c.pool, c.claim->instance)) continue;
        std::size_t best = no_worker;
        auto least = std::numeric_limits<std::int64_t>::max();
        const bool asks_worker = asks_something(c.claim->worker);
        for (const auto w : asks_worker ? accounts_for(c) : nowhere_) {
            if (least == 0) break;
            if (!fits_beside_own(workers_, w, c.pool, c.claim->worker)) continue;
            if (const auto cost = price(c, w); cost < least) {
                least = cost;
                best = w;
            }
        }
        if (asks_worker && best == no_worker) continue;
        take_by_right(instance_, 0, c.pool, c.claim->instance);
        if (asks_worker) take_by_right(workers_, best, c.pool, c.claim->worker);
        --c.open;
        ++c.dealt;
        return;
    }
}

// So many tasks' needs at most, beside the others.
std::uint64_t slot_broker::most_of(const table& t, std::size_t account, std::uint32_t pool, const slots& demand) const {
    auto most = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t r = 0; r < t.width; ++r) {
        if (demand[r] <= 0) continue;
        const auto left = t.left[account * t.width + r];
        // Where it is to use less, more is of no use.
        if (left < demand[r] || t.kept[at(t, account, pool) + r] < t.used[at(t, account, pool) + r]) return 0;
        most = std::min(most, static_cast<std::uint64_t>(left / demand[r]));
    }
    return most;
}

void slot_broker::give(claimant& c, std::size_t worker, std::uint64_t tasks) {
    const auto take = [&](table& t, std::size_t account, const slots& demand) {
        for (std::size_t r = 0; r < t.width; ++r) {
            const auto taken = std::max<std::int64_t>(demand[r], 0) * static_cast<std::int64_t>(tasks);
            t.dealt[at(t, account, c.pool) + r] += taken;
            t.left[account * t.width + r] -= taken;
            t.total[c.pool * t.width + r] += taken;
        }
    };
    take(instance_, 0, c.claim->instance);
    if (worker != no_worker) take(workers_, worker, c.claim->worker);
    c.open -= tasks;
    c.dealt += tasks;
}

bool slot_broker::may_use_instance(const claimant& c) const {
    return takes_part(instance_, 0) || !asks_something(c.claim->instance);
}

void slot_broker::deal_idle(std::vector<claimant>& claims) {
    std::vector<claimant*> without_worker;
    std::vector<claimant*> anywhere;
    std::map<std::string_view, std::vector<claimant*>> by_host;
    for (auto& c : claims) {
        if (!may_use_instance(c)) continue;
        if (!asks_something(c.claim->worker))
            without_worker.push_back(&c);
        else if (c.claim->host.empty())
            anywhere.push_back(&c);
        else
            by_host[c.claim->host].push_back(&c);
    }
    const auto is_served = [](const claimant* c) { return c->open == 0; };
    for (const auto w : open_) {
        std::erase_if(anywhere, is_served);
        auto here = anywhere;
        if (const auto placed = by_host.find(workers_.hosts[w]); placed != by_host.end())
            here.insert(here.end(), placed->second.begin(), placed->second.end());
        if (!here.empty()) deal_at(w, here);
    }
    deal_at(no_worker, without_worker);
}

// One task's need each in turn; whoever has got least so far goes first, and where that is about the same, who holds a
// lease here already.
void slot_broker::deal_at(std::size_t worker, std::vector<claimant*>& here) {
    const auto slack = std::max<std::uint64_t>(workers_.known.size() / 16, 1);
    const auto most = [&](const claimant& c) {
        const auto of_worker = worker == no_worker ? c.open : most_of(workers_, worker, c.pool, c.claim->worker);
        return std::min({c.open, of_worker, most_of(instance_, 0, c.pool, c.claim->instance)});
    };
    std::erase_if(here, [&](const claimant* c) { return most(*c) == 0; });
    const auto turn = [&](const claimant* c) {
        const bool holds_lease =
            worker != no_worker && fits(workers_.leased.data() + at(workers_, worker, c->pool), c->claim->worker);
        return c->dealt + (holds_lease ? 0 : slack);
    };
    std::stable_sort(here.begin(), here.end(), [&](const auto* a, const auto* b) { return turn(a) < turn(b); });
    while (!here.empty()) {
        // How often there is enough for all of them.
        auto often = std::numeric_limits<std::uint64_t>::max();
        for (const auto* c : here) often = std::min(often, most(*c));
        const auto limit_by = [&](const table& t, std::size_t account, const auto& demand_of) {
            for (std::size_t r = 0; r < t.width; ++r) {
                std::int64_t sum = 0;
                for (const auto* c : here) sum += std::max<std::int64_t>(demand_of(*c)[r], 0);
                const auto left = std::max<std::int64_t>(t.left[account * t.width + r], 0);
                if (sum > 0) often = std::min(often, static_cast<std::uint64_t>(left / sum));
            }
        };
        const auto of_instance = [](const claimant& c) -> const slots& { return c.claim->instance; };
        const auto of_worker = [](const claimant& c) -> const slots& { return c.claim->worker; };
        limit_by(instance_, 0, of_instance);
        if (worker != no_worker) limit_by(workers_, worker, of_worker);
        if (often > 0)
            for (auto* c : here) give(*c, worker, often);
        // What is left is not enough for all.
        const auto before = here.size();
        while (here.size() == before)
            std::erase_if(here, [&](claimant* c) {
                if (most(*c) == 0) return true;
                give(*c, worker, 1);
                return false;
            });
    }
}

// So many tasks' needs at most, up to a share of all, of what is left and of what others use beyond theirs; but not
// where they have just got more, which would be of no use then.
std::uint64_t slot_broker::most_of_excess(const table& t, std::size_t account, std::uint32_t pool,
                                          const slots& demand) const {
    auto most = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t r = 0; r < t.width; ++r) {
        if (demand[r] <= 0) continue;
        if (t.kept[at(t, account, pool) + r] < t.used[at(t, account, pool) + r]) return 0;
        auto there = std::max<std::int64_t>(t.left[account * t.width + r], 0);
        for (std::uint32_t p = 0; p < pools_; ++p)
            if (p != pool && t.dealt[at(t, account, p) + r] == 0)
                there += std::min(t.kept[at(t, account, p) + r], t.excess[p * t.width + r]);
        there = std::min(there, t.share[r] - t.total[pool * t.width + r]);
        if (there < demand[r]) return 0;
        most = std::min(most, static_cast<std::uint64_t>(there / demand[r]));
    }
    return most;
}

void slot_broker::take_excess(table& t, std::size_t account, std::uint32_t pool, const slots& demand,
                              std::uint64_t tasks) {
    for (std::size_t r = 0; r < t.width; ++r)
        for (std::uint32_t p = 0; p < pools_; ++p) {
            auto& left = t.left[account * t.width + r];
            const auto missing = std::max<std::int64_t>(demand[r], 0) * static_cast<std::int64_t>(tasks) - left;
            if (missing <= 0 || p == pool || t.dealt[at(t, account, p) + r] > 0) continue;
            auto& excess = t.excess[p * t.width + r];
            auto& kept = t.kept[at(t, account, p) + r];
            const auto taken = std::min({missing, excess, kept});
            kept -= taken;
            excess -= taken;
            left += taken;
            t.total[p * t.width + r] -= taken;
        }
}

// Who has less than a share of all there is gets of what others use beyond theirs, as their tasks end.
void slot_broker::level_out(std::vector<claimant>& claims) {
    for (auto& c : claims) {
        if (!may_use_instance(c)) continue;
        const auto take = [&](std::size_t worker) {
            auto tasks = std::min(c.open, most_of_excess(instance_, 0, c.pool, c.claim->instance));
            if (worker != no_worker) tasks = std::min(tasks, most_of_excess(workers_, worker, c.pool, c.claim->worker));
            if (tasks == 0) return;
            take_excess(instance_, 0, c.pool, c.claim->instance, tasks);
            if (worker != no_worker) take_excess(workers_, worker, c.pool, c.claim->worker, tasks);
            give(c, worker, tasks);
        };
        if (!asks_something(c.claim->worker)) {
            take(no_worker);
            continue;
        }
        for (const auto w : accounts_for(c)) {
            if (c.open == 0) break;
            take(w);
        }
    }
}

// What nobody needs now stays where it is; what is nobody's is divided, so that there is something when it is needed.
void slot_broker::keep_leases(table& t) {
    t.need = t.kept;
    for (std::size_t i = 0; i < t.need.size(); ++i) t.need[i] += t.dealt[i];
    for (std::size_t a = 0; a < t.known.size(); ++a) {
        if (!takes_part(t, a)) continue;
        for (std::size_t r = 0; r < t.width; ++r) {
            auto& left = t.left[a * t.width + r];
            for (std::uint32_t p = 0; p < pools_; ++p) {
                auto& need = t.need[at(t, a, p) + r];
                const auto kept =
                    std::clamp<std::int64_t>(t.leased[at(t, a, p) + r] - need, 0, std::max<std::int64_t>(left, 0));
                need += kept;
                left -= kept;
            }
            if (left <= 0) continue;
            const auto share = left / pools_;
            const auto odd = static_cast<std::uint32_t>(left % pools_);
            for (std::uint32_t i = 0; i < pools_; ++i)
                t.need[at(t, a, static_cast<std::uint32_t>((a + i) % pools_)) + r] += share + (i < odd ? 1 : 0);
            left = 0;
        }
    }
}

void slot_broker::announce(table& t, bool is_instance, std::uint32_t first, outcome& result) {
    for (std::size_t a = 0; a < t.known.size(); ++a) {
        if (!takes_part(t, a)) continue;
        std::vector<bool> changes(pools_, false);
        for (std::size_t r = 0; r < t.width; ++r) {
            auto unheld = t.limits[a * t.width + r];
            for (std::uint32_t p = 0; p < pools_; ++p)
                unheld -= std::max(t.leased[at(t, a, p) + r], t.used[at(t, a, p) + r]);
            bool gets_too_little = false;
            bool idle_comes_back = false;
            for (std::uint32_t i = 0; i < pools_; ++i) {
                const auto p = (first + i) % pools_;
                auto& leased = t.leased[at(t, a, p) + r];
                const auto need = t.need[at(t, a, p) + r];
                const auto before = leased;
                if (need < leased) {
                    leased = need;
                    idle_comes_back = idle_comes_back || before > t.used[at(t, a, p) + r];
                } else if (const auto more = std::min(need - leased, std::max<std::int64_t>(unheld, 0));
                           need > leased) {
                    leased += more;
                    unheld -= more;
                    gets_too_little = gets_too_little || leased < need;
                }
                changes[p] = changes[p] || leased != before;
            }
            result.moving = result.moving || (gets_too_little && idle_comes_back);
        }
        for (std::uint32_t p = 0; p < pools_; ++p) {
            if (!changes[p]) continue;
            const auto from = t.leased.begin() + static_cast<std::ptrdiff_t>(at(t, a, p));
            result.leases[p].push_back(
                {is_instance ? worker_index{} : t.workers[a], {from, from + static_cast<std::ptrdiff_t>(t.width)}});
            result.changed = true;
        }
    }
}

slot_broker::outcome slot_broker::deal(const std::vector<slot_report>& reports) {
    take_reports(reports);
    find_open();
    auto claims = claimants(reports);
    keep_what_is_used(instance_, reports);
    keep_what_is_used(workers_, reports);
    serve_oldest(claims);
    deal_idle(claims);
    level_out(claims);
    keep_leases(instance_);
    keep_leases(workers_);
    outcome result;
    result.leases.resize(pools_);
    const auto first = claims.empty() ? 0 : claims.front().pool;
    announce(instance_, true, first, result);
    announce(workers_, false, first, result);
    return result;
}

std::string slot_broker::sanity_check() const {
    for (const auto* t : {&instance_, &workers_})
        for (std::size_t a = 0; a < t->known.size(); ++a)
            for (std::size_t r = 0; r < t->width; ++r) {
                std::int64_t sum = 0;
                for (std::uint32_t p = 0; p < pools_; ++p) sum += t->leased[at(*t, a, p) + r];
                if (sum > t->limits[a * t->width + r]) return "more is leased than there is";
            }
    return {};
}

}  // namespace bistro
