// The workers of an engine: what each has, what is taken of it, and which one a task goes to.
#pragma once

#include <cstdint>
#include <optional>
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
class worker_table {
public:
    /// Adds a worker that takes tasks, or changes one.
    void put(worker_index worker, worker_info info);
    /// A worker that takes no tasks keeps what it holds.
    void set_accepting(worker_index worker, bool accepting);
    void erase(worker_index worker);
    [[nodiscard]] bool contains(worker_index worker) const;
    [[nodiscard]] bool accepting(worker_index worker) const { return entries_[worker.value]->accepting; }
    [[nodiscard]] const worker_info& info(worker_index worker) const { return entries_[worker.value]->info; }

    /// Limits follow from the table; what is taken is forgotten, take it again.
    void set_resources(const resource_table& table);

    void take(worker_index worker, const std::vector<std::int64_t>& demand);
    void give_back(worker_index worker, const std::vector<std::int64_t>& demand);

    /// A worker that accepts tasks and has room for `demand`; on `host` only, unless that is empty.
    [[nodiscard]] std::optional<worker_index> choose(worker_selector selector, const std::vector<std::int64_t>& demand,
                                                     std::string_view host);

    [[nodiscard]] std::size_t accepting_count() const;
    /// Summed limits of all workers.
    [[nodiscard]] std::vector<std::int64_t> total() const;
    [[nodiscard]] std::vector<std::int64_t> limits(worker_index worker) const { return entries_[worker.value]->limits; }
    [[nodiscard]] std::vector<std::int64_t> used(worker_index worker) const { return entries_[worker.value]->used; }
    [[nodiscard]] std::vector<worker_index> all() const;

private:
    struct entry {
        worker_info info;
        bool accepting = true;
        std::vector<std::int64_t> limits;
        std::vector<std::int64_t> used;
    };

    std::vector<std::optional<entry>> entries_;
    resource_table table_;
    std::size_t next_ = 0;  // for round_robin
};

}  // namespace bistro
