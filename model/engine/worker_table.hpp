// The workers of an engine: what each has, what is taken of it, and which one a task goes to.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/resources.hpp"

namespace bistro {

/// How a worker is chosen among those that have room.
enum class worker_selector : std::uint8_t {
    round_robin,  ///< the next one after the last one chosen
    busiest,      ///< the one with the least weighted free capacity
};

std::string_view to_string(worker_selector selector);
/// Also accepts "roundrobin", the seed system's spelling.
std::optional<worker_selector> parse_worker_selector(std::string_view text);

/// A worker as it presents itself.
struct worker_info {
    shard_name shard;
    std::string host;
    amounts declared;  ///< its own limits, where it has an opinion

    bool operator==(const worker_info&) const = default;
};

/// Slots in all vectors are in the order of the resource table's worker level.
///
/// How it chooses. For round robin the workers are the leaves of a tree, in which every node knows the most that any
/// worker below it has free of each resource; the next worker with room is found by passing over subtrees that can't
/// have one. For busiest, workers with the same free slots form a group, and groups are in the order of their weighted
/// free capacity, so that the first group with room has the worker. With W workers, taking and giving back cost
/// O(log W), and so does a choice where one resource is what binds; where several do, it also passes over workers (or
/// groups) that have enough of each resource somewhere but not together. A choice on one host looks at that host's
/// workers.
class worker_table {
public:
    using slots = std::span<const std::int64_t>;

    void set_selector(worker_selector selector);

    /// Adds a worker that takes tasks, or changes one.
    void put(worker_index worker, worker_info info);
    /// A worker that takes no tasks keeps what it holds.
    void set_accepting(worker_index worker, bool accepting);
    void erase(worker_index worker);
    [[nodiscard]] bool contains(worker_index worker) const;
    [[nodiscard]] bool accepting(worker_index worker) const { return entries_[worker.value]->accepting; }
    [[nodiscard]] const worker_info& info(worker_index worker) const { return entries_[worker.value]->info; }

    /// True: of each worker's slots those may be used that are leased (see lease()), of a new one none. Before the
    /// first worker.
    void set_leased(bool leased) { is_leased_ = leased; }
    /// Nothing where the worker is not known.
    void lease(worker_index worker, slots limits);
    /// Some slots of some worker are not leased. O(1).
    [[nodiscard]] bool lacks_leases() const { return not_leased_ > 0; }
    /// Some worker fits; where `leased` is false, as if all slots of all workers were leased. O(workers) there.
    [[nodiscard]] bool any_fits(slots demand, std::string_view host, bool leased) const;

    /// Limits follow from the table; what is leased and taken is forgotten.
    void set_resources(const resource_table& table);
    /// What is taken is forgotten.
    void take_nothing();

    void take(worker_index worker, slots demand);
    void give_back(worker_index worker, slots demand);

    /// True where the worker accepts tasks and has room.
    [[nodiscard]] bool fits(worker_index worker, slots demand) const;
    /// A worker that fits; on `host` only, unless that is empty.
    [[nodiscard]] std::optional<worker_index> choose(slots demand, std::string_view host);

    [[nodiscard]] std::size_t accepting_count() const { return accepting_count_; }
    /// Summed limits of all workers.
    [[nodiscard]] const std::vector<std::int64_t>& total() const { return total_; }
    [[nodiscard]] slots limits(worker_index worker) const { return entries_[worker.value]->limits; }
    /// What may be used of them.
    [[nodiscard]] slots leased(worker_index worker) const { return entries_[worker.value]->leased; }
    [[nodiscard]] slots used(worker_index worker) const { return entries_[worker.value]->used; }
    [[nodiscard]] std::vector<worker_index> all() const;

    /// An empty string, or the first invariant that does not hold. For tests.
    [[nodiscard]] std::string sanity_check() const;

private:
    struct entry {
        worker_info info;
        bool accepting = true;
        std::vector<std::int64_t> limits;
        std::vector<std::int64_t> leased;  // of the limits
        std::vector<std::int64_t> used;
    };
    struct group_key {
        std::int64_t weighted = 0;
        std::vector<std::int64_t> free;

        auto operator<=>(const group_key&) const = default;
    };

    [[nodiscard]] bool is_in_group(const entry& e) const {
        return e.accepting && selector_ == worker_selector::busiest;
    }
    void join_group(std::size_t worker);
    void leave_group(std::size_t worker);
    template <class Change>
    void change(worker_index worker, Change&& mutate);
    void add_used(worker_index worker, slots more, std::int64_t sign);
    void rebuild();
    void update_tree(std::size_t worker);
    void update_column(std::size_t worker, std::size_t column);
    void set_leaf(std::size_t worker);
    [[nodiscard]] group_key key_of(const entry& e) const;
    [[nodiscard]] std::optional<std::size_t> first_fitting(std::size_t node, std::size_t from, std::size_t node_first,
                                                           std::size_t node_size, slots demand) const;
    [[nodiscard]] std::size_t columns() const { return width_ + 1; }
    [[nodiscard]] static bool has_room(slots limits, slots used, slots demand);
    [[nodiscard]] bool better(std::size_t a, std::size_t b) const;

    std::vector<std::optional<entry>> entries_;
    resource_table table_;
    std::size_t width_ = 0;  // resources of the worker level
    worker_selector selector_ = worker_selector::round_robin;
    std::size_t next_ = 0;                 // for round_robin
    std::vector<std::int64_t> most_free_;  // by node of the tree and column: 1 where one accepts, then by resource
    std::size_t leaves_ = 0;
    std::map<group_key, std::set<std::size_t>> groups_;  // of those that accept; for busiest
    boost::unordered_flat_map<std::string, std::vector<std::size_t>> by_host_;
    std::vector<std::int64_t> total_;
    std::size_t accepting_count_ = 0;
    std::size_t not_leased_ = 0;  // workers of which some slots are not
    bool is_leased_ = false;
};

}  // namespace bistro
