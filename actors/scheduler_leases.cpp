// Leases of the instance's and the workers' slots, where the forest has several partitions: who lacks some is heard,
// all pools are asked, and the broker (model/slot_broker.hpp) deals.
#include <algorithm>

#include "actors/scheduler_parts.hpp"

namespace bistro {

namespace {

time_ms interval(const scheduler_state& s) {
    const auto workers = static_cast<time_ms>(s.worker_handles.size());
    return std::max(deal_interval_ms + workers / workers_a_deal_ms, deal_share * s.leases.took_ms);
}

void deal_in(scheduler_ptr self, time_ms wait) {
    self->delayed_send(self, std::chrono::milliseconds{wait}, deal_due{++self->state.leases.generation});
}

bool somebody_wants(const scheduler_state& s) {
    return std::find(s.leases.wanted.begin(), s.leases.wanted.end(), true) != s.leases.wanted.end();
}

std::vector<std::int64_t> instance_limits(const scheduler_state& s) {
    std::vector<std::int64_t> limits;
    for (const auto& def : s.config->resources.of(instance_level)) limits.push_back(def.limit);
    return limits;
}

void put_account(scheduler_state& s, worker_index worker) {
    const auto* member = s.registry.find(worker);
    if (member == nullptr) return;
    const auto& info = member->who.info;
    s.leases.broker.put_worker(worker, info.host,
                               worker_limits(s.config->resources, info.shard.value, info.host, info.declared));
}

void end_round(scheduler_ptr self, const std::vector<slot_report>& reports) {
    auto& s = self->state;
    auto& l = s.leases;
    l.active = false;
    const auto began = s.options.run.now();
    auto outcome = l.broker.deal(reports);
    l.ended_ms = s.options.run.now();
    l.took_ms = l.ended_ms - began;
    for (std::size_t p = 0; p < reports.size(); ++p) l.claimed[p] = !reports[p].claims.empty();
    for (std::size_t p = 0; p < s.pools.size(); ++p)
        if (!outcome.leases[p].empty()) self->send(s.pools[p], leases_changed{std::move(outcome.leases[p])});
    l.unchanged = outcome.changed ? 0 : std::min(l.unchanged + 1, max_unchanged_deals);
    l.at_once = outcome.moving ? l.at_once + 1 : 0;
    if (std::exchange(l.again, false) || (outcome.moving && l.at_once <= max_deals_at_once)) return deal(self);
    const auto least = interval(s);
    if (somebody_wants(s)) deal_in(self, std::max(least, std::min(least << l.unchanged, longest_deal_wait_ms)));
}

}  // namespace

void deal(scheduler_ptr self) {
    auto& s = self->state;
    auto& l = s.leases;
    if (s.pools.size() == 1) return;
    if (std::exchange(l.active, true)) {
        l.again = true;
        return;
    }
    l.broker.begin_round();
    auto reports = std::make_shared<std::vector<slot_report>>(s.pools.size());
    auto missing = std::make_shared<std::size_t>(s.pools.size());
    // In order with what was sent before: a report must be of the accounts that the broker knows.
    ++l.generation;  // one that is due comes with this one
    for (std::size_t p = 0; p < s.pools.size(); ++p) {
        bool others_wait = false;
        for (std::size_t other = 0; other < s.pools.size(); ++other)
            others_wait = others_wait || (other != p && l.claimed[other]);
        self->request(s.pools[p], caf::infinite, slots_asked{others_wait})
            .then(
                [=](slot_report& report) {
                    (*reports)[p] = std::move(report);
                    if (--*missing == 0) end_round(self, *reports);
                },
                [=](const caf::error&) {});  // the pool is gone, and with it this process
    }
}

void take_wish(scheduler_ptr self, const slots_wanted& m) {
    auto& s = self->state;
    auto& l = s.leases;
    l.wanted[m.pool] = m.wanted;
    l.unchanged = 0;
    if (!somebody_wants(s) || l.active) return;
    const auto wait = l.ended_ms + interval(s) - s.options.run.now();
    if (wait <= 0) return deal(self);
    deal_in(self, wait);
}

void deal_again(scheduler_ptr self, const deal_due& m) {
    auto& s = self->state;
    if (m.generation == s.leases.generation && !s.leases.active && somebody_wants(s)) deal(self);
}

void renew_accounts(scheduler_ptr self) {
    auto& s = self->state;
    s.leases.broker.set_instance(instance_limits(s));
    s.leases.broker.forget_workers(s.config->resources.of(worker_level).size());
    for (const auto& [worker, handle] : s.worker_handles) put_account(s, worker);
    for (const auto worker : s.leases.not_accepting) s.leases.broker.set_accepting(worker, false);
    deal(self);
}

void add_account(scheduler_ptr self, worker_index worker, bool brings_tasks) {
    auto& s = self->state;
    if (brings_tasks) s.leases.broker.set_instance(instance_limits(s));
    s.leases.not_accepting.erase(worker);
    put_account(s, worker);
    deal(self);
}

void remove_account(scheduler_ptr self, worker_index worker) {
    auto& l = self->state.leases;
    l.not_accepting.erase(worker);
    l.broker.erase_worker(worker);
}

void set_accepting(scheduler_ptr self, worker_index worker, bool accepting) {
    auto& l = self->state.leases;
    if (accepting)
        l.not_accepting.erase(worker);
    else
        l.not_accepting.insert(worker);
    l.broker.set_accepting(worker, accepting);
    tell_pools(self, worker_accepts{worker, accepting});
    if (accepting) deal(self);
}

}  // namespace bistro
