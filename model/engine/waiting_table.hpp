// Which jobs wait at which nodes. One look at a bit tells that nobody does; whoever waits lies in one piece of memory.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <vector>

#include "model/bit_set.hpp"
#include "model/ids.hpp"
#include "model/index_shift.hpp"

namespace bistro {

/// The jobs that are parked at a node, and to whom it is offered.
struct waiting_jobs {
    boost::container::small_vector<job_index, 12> jobs;
    bool changed = false;  ///< since it was last offered to anybody
    job_index offered_to;
};

class waiting_table {
public:
    /// For a forest of so many nodes; nobody waits.
    explicit waiting_table(std::size_t nodes = 0) : is_waited_at_{nodes} {}

    [[nodiscard]] bool contains(node_index node) const { return is_waited_at_[node.value]; }
    /// Null where nobody waits.
    [[nodiscard]] waiting_jobs* find(node_index node) {
        return contains(node) ? &cells_[cell_of_[node.value]] : nullptr;
    }
    [[nodiscard]] const waiting_jobs* find(node_index node) const {
        return contains(node) ? &cells_[cell_of_[node.value]] : nullptr;
    }
    /// A new one where nobody waited yet.
    waiting_jobs& at(node_index node) {
        if (!is_waited_at_.set(node.value)) return cells_[cell_of_[node.value]];
        if (node.value >= cell_of_.size()) cell_of_.resize(node.value + std::size_t{1});
        auto& cell = cell_of_[node.value];
        if (unused_.empty()) {
            cell = static_cast<std::uint32_t>(cells_.size());
            cells_.emplace_back();
        } else {
            cell = unused_.back();
            unused_.pop_back();
        }
        return cells_[cell];
    }
    void erase(node_index node) {
        if (is_waited_at_.reset(node.value)) release(cell_of_[node.value]);
    }
    /// Calls `visit` with each node and who waits there.
    template <class F>
    void for_each(F&& visit) const {
        is_waited_at_.for_each([&](std::size_t i) { visit(node_index{i}, cells_[cell_of_[i]]); });
    }
    /// Asks for what is known of a node where somebody waits, so that it is in the cache soon.
    void fetch(node_index node) const {
        const auto& cell = cells_[cell_of_[node.value]];
        __builtin_prefetch(&cell);
        __builtin_prefetch(reinterpret_cast<const char*>(&cell + 1) - 1);
    }

    /// The nodes are others now, so many; of those that are gone, nothing is known any more.
    void follow(const index_shift& kept, std::size_t nodes) {
        is_waited_at_.for_each([&](std::size_t i) {
            if (kept(static_cast<std::uint32_t>(i)) == index_shift::none) release(cell_of_[i]);
        });
        is_waited_at_ = moved(is_waited_at_, kept, nodes);
        const auto known = kept.within(0, static_cast<std::uint32_t>(cell_of_.size()), 0);
        const auto last = known.runs().empty() ? index_run{} : known.runs().back();
        cell_of_ = moved(cell_of_, known, last.to + std::size_t{last.count});
    }

private:
    void release(std::uint32_t cell) {
        cells_[cell] = {};
        unused_.push_back(cell);
    }

    bit_set is_waited_at_;                // by node
    std::vector<std::uint32_t> cell_of_;  // by node, as far as any was waited at; where it is
    std::vector<waiting_jobs> cells_;
    std::vector<std::uint32_t> unused_;
};

}  // namespace bistro
