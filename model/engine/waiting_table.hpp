// Which jobs wait at which nodes. One look at a bit tells that nobody does; who does is a bit each, so that with up to
// 64 jobs four such nodes share a line of the cache.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "model/bit_set.hpp"
#include "model/fetch_line.hpp"
#include "model/ids.hpp"
#include "model/index_shift.hpp"

namespace bistro {

/// The jobs that are parked at a node, and to whom it is offered. A view of a waiting_table, until somebody else comes
/// to wait there.
class waiting_jobs {
public:
    waiting_jobs() = default;
    explicit waiting_jobs(std::span<std::uint64_t> cell) : cell_{cell} {}

    /// False where nobody waits.
    explicit operator bool() const { return !cell_.empty(); }
    [[nodiscard]] job_index offered_to() const { return job_index{static_cast<std::uint32_t>(cell_[0])}; }
    void offer_to(job_index job) { cell_[0] = (cell_[0] & changed_bit) | job.value; }
    /// Since it was last offered to anybody.
    [[nodiscard]] bool changed() const { return (cell_[0] & changed_bit) != 0; }
    void set_changed(bool changed) { cell_[0] = (cell_[0] & ~changed_bit) | (changed ? changed_bit : 0); }

    [[nodiscard]] bool contains(job_index job) const {
        return 1 + job.value / bits < cell_.size() && (cell_[1 + job.value / bits] >> job.value % bits & 1U) != 0;
    }
    void remove(job_index job) {
        if (1 + job.value / bits < cell_.size()) cell_[1 + job.value / bits] &= ~(std::uint64_t{1} << job.value % bits);
    }
    [[nodiscard]] std::size_t size() const {
        std::size_t sum = 0;
        for (const auto word : cell_.subspan(1)) sum += static_cast<std::size_t>(std::popcount(word));
        return sum;
    }
    [[nodiscard]] bool empty() const {
        for (const auto word : cell_.subspan(1))
            if (word != 0) return false;
        return true;
    }
    /// Calls `visit` with each job, in the order of their indexes. It may remove that job.
    template <class F>
    void for_each(F&& visit) const {
        for (std::size_t w = 1; w < cell_.size(); ++w)
            for (auto left = cell_[w]; left != 0; left &= left - 1)
                visit(job_index{(w - 1) * bits + static_cast<std::size_t>(std::countr_zero(left))});
    }

private:
    static constexpr std::size_t bits = 64;
    static constexpr std::uint64_t changed_bit = std::uint64_t{1} << 32;

    std::span<std::uint64_t> cell_;  // to whom it is offered, and whether it has changed; then the jobs
};

class waiting_table {
public:
    /// For a forest of so many nodes; nobody waits.
    explicit waiting_table(std::size_t nodes = 0) : is_waited_at_{nodes} {}

    [[nodiscard]] bool contains(node_index node) const { return is_waited_at_[node.value]; }
    [[nodiscard]] bool waits(node_index node, job_index job) const {
        const auto word = 1 + job.value / bit_set::bits;
        return contains(node) && word < width_ &&
               (words_[cell_of_[node.value] * width_ + word] >> job.value % bit_set::bits & 1U) != 0;
    }
    [[nodiscard]] waiting_jobs find(node_index node) {
        return contains(node) ? cell(cell_of_[node.value]) : waiting_jobs{};
    }
    /// The job waits there from now on. O(all that waits) where its index is the first above a multiple of 64.
    void add(node_index node, job_index job);
    void erase(node_index node) {
        if (is_waited_at_.reset(node.value)) unused_.push_back(cell_of_[node.value]);
    }
    /// Calls `visit` with each node and who waits there.
    template <class F>
    void for_each(F&& visit) {
        is_waited_at_.for_each([&](std::size_t i) { visit(node_index{i}, cell(cell_of_[i])); });
    }
    /// Asks for what is known of a node where somebody waits, so that it is in the cache soon.
    void fetch(node_index node) const { fetch_line(&words_[cell_of_[node.value] * width_]); }

    /// The nodes are others now, so many; of those that are gone, nothing is known any more.
    void follow(const index_shift& kept, std::size_t nodes);

private:
    [[nodiscard]] waiting_jobs cell(std::uint32_t number) {
        return waiting_jobs{std::span{words_}.subspan(number * width_, width_)};
    }
    [[nodiscard]] std::uint32_t new_cell();
    void widen(std::size_t width);

    bit_set is_waited_at_;                // by node
    std::vector<std::uint32_t> cell_of_;  // by node, as far as any was waited at; where it is
    std::size_t width_ = 2;               // words of a cell
    std::vector<std::uint64_t> words_;    // the cells
    std::vector<std::uint32_t> unused_;   // cells
};

}  // namespace bistro
