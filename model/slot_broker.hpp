// Who may use which slots of the instance and of the workers, where the forest has several partitions. Pure: it is
// asked to deal, and says what to tell whom.
//
// How it works. Each pool holds leases: so many slots of the instance, so many of each worker. The leases of an account
// (the instance, or a worker) never add up to more than its limit. A pool takes and frees leased slots by itself,
// without a message. Only when one lacks slots that others hold is there a round: all pools say what they use and what
// they lack, and the broker deals anew:
//   1. Each pool keeps what it uses.
//   2. The claim that has waited longest without a start gets what one task of it needs, from whomever. So nothing
//      starves, however large it is.
//   3. The claims get one task's need each in turn, worker by worker, of what nobody uses.
//   4. Pools that have less than an equal share of all there is get of what others use beyond theirs.
//   5. What is left stays where it is leased.
// A smaller lease holds at once, and takes effect as tasks end: a pool never starts what it has no slots for. A larger
// one is told only when the slots for it are neither leased to others nor in use there. So a limit is never exceeded,
// whatever messages are under way.
//
// A round costs O(workers x (pools + claims) x resources) at worst, for claims of any host, which are few; and nothing
// happens between rounds.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/ids.hpp"
#include "model/slot_claim.hpp"

namespace bistro {

/// Slots of one account, in the order of the resource table. An invalid worker stands for the instance.
struct account_slots {
    worker_index worker;
    std::vector<std::int64_t> slots;

    bool operator==(const account_slots&) const = default;
};

/// What a pool answers when it is asked.
struct slot_report {
    std::vector<account_slots> used;  ///< of the instance and of each worker that it knows
    std::vector<slot_claim> claims;
};

/// A pool tells no more claims than this at a time: of any host, and of certain ones.
inline constexpr std::size_t max_slot_claims = 16;
inline constexpr std::size_t max_host_claims = 4096;

class slot_broker {
public:
    using slots = std::vector<std::int64_t>;

    /// What to tell each pool.
    struct outcome {
        std::vector<std::vector<account_slots>> leases;  ///< by pool: those that change
        bool moving = false;  ///< idle slots have to be given back before others get them: deal again at once
        bool changed = false;
    };

    explicit slot_broker(std::uint32_t pools);

    // Nothing is leased of an account that is new or has other limits.
    void set_instance(const slots& limits);
    /// `width` is the number of the workers' resources; all workers are gone.
    void forget_workers(std::size_t width);
    void put_worker(worker_index worker, std::string host, const slots& limits);
    void set_accepting(worker_index worker, bool accepting);
    void erase_worker(worker_index worker);

    /// Reports that are asked for after this are of the accounts as they are now.
    void begin_round() { ++round_; }
    /// `reports` are of this round, by pool.
    outcome deal(const std::vector<slot_report>& reports);

    /// An empty string, or the first invariant that does not hold. For tests.
    [[nodiscard]] std::string sanity_check() const;

private:
    // Accounts that have the same resources. All are flat: by account, then pool, then resource.
    struct table {
        std::vector<worker_index> workers;  // by account
        std::vector<std::size_t> unused;
        std::size_t width = 0;
        slots limits;  // by account, then resource
        slots leased;
        slots used;               // as reported
        slots kept;               // of what is used
        slots dealt;              // besides
        slots need;               // what each is to have
        slots left;               // by account, then resource: of the limit, not dealt yet
        slots share;              // by resource: of each pool, of all accounts together
        slots excess;             // by pool, then resource: in use beyond the share
        slots total;              // by pool, then resource: what it is to have of all accounts
        std::vector<bool> known;  // there is such an account
        std::vector<bool> accepting;
        std::vector<std::uint64_t> since;  // round after which reports are of it
        std::vector<std::string> hosts;
    };
    struct claimant {
        std::uint32_t pool = 0;
        const slot_claim* claim = nullptr;
        std::uint64_t since = 0;
        std::uint64_t open = 0;   // tasks without a slot yet
        std::uint64_t dealt = 0;  // tasks that have one
    };
    using claim_key = std::tuple<std::uint32_t, slots, slots, std::string>;
    struct claim_age {
        std::uint64_t served = 0;
        std::uint64_t since = 0;
    };

    [[nodiscard]] std::size_t at(const table& t, std::size_t account, std::uint32_t pool) const {
        return (account * pools_ + pool) * t.width;
    }
    void put(table& t, std::size_t account, const slots& limits);
    [[nodiscard]] bool takes_part(const table& t, std::size_t account) const;
    [[nodiscard]] bool may_use_instance(const claimant& c) const;
    [[nodiscard]] const std::vector<std::size_t>& accounts_for(const claimant& c) const;
    void find_open();
    void take_reports(const std::vector<slot_report>& reports);
    [[nodiscard]] std::vector<claimant> claimants(const std::vector<slot_report>& reports);
    void keep_what_is_used(table& t, const std::vector<slot_report>& reports);
    void note_shares(table& t, const std::vector<slot_report>& reports);
    [[nodiscard]] bool fits_beside_own(const table& t, std::size_t account, std::uint32_t pool,
                                       const slots& demand) const;
    [[nodiscard]] std::int64_t price(const claimant& c, std::size_t worker) const;
    void take_by_right(table& t, std::size_t account, std::uint32_t pool, const slots& demand);
    void serve_oldest(std::vector<claimant>& claims);
    [[nodiscard]] std::uint64_t most_of(const table& t, std::size_t account, std::uint32_t pool,
                                        const slots& demand) const;
    void give(claimant& c, std::size_t worker, std::uint64_t tasks);
    void deal_idle(std::vector<claimant>& claims);
    void deal_at(std::size_t worker, std::vector<claimant*>& here);
    void level_out(std::vector<claimant>& claims);
    [[nodiscard]] std::uint64_t most_of_excess(const table& t, std::size_t account, std::uint32_t pool,
                                               const slots& demand) const;
    void take_excess(table& t, std::size_t account, std::uint32_t pool, const slots& demand, std::uint64_t tasks);
    void keep_leases(table& t);
    void announce(table& t, bool is_instance, std::uint32_t first, outcome& result);

    static constexpr std::size_t no_worker = static_cast<std::size_t>(-1);

    std::uint32_t pools_;
    std::uint64_t round_ = 0;
    table instance_;
    table workers_;
    boost::unordered_flat_map<std::uint32_t, std::size_t> account_of_;  // by worker
    std::map<claim_key, claim_age> ages_;
    // Workers that take tasks and take part, in this round.
    std::vector<std::size_t> open_;
    boost::unordered_flat_map<std::string_view, std::vector<std::size_t>> open_by_host_;
    static inline const std::vector<std::size_t> nowhere_{};
};

}  // namespace bistro
