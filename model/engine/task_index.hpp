// Finds what a running task holds, by its job and node: a hash table whose entries are chained by the numbers of what
// they hold. A start touches one place of it, an end mostly two; which can be fetched before. But most tasks come and
// go without a question, and then the table is not worth its keep: after many changes nothing is known any more, and
// whoever asks has to fill it again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/fetch_line.hpp"
#include "model/hash.hpp"
#include "model/ids.hpp"

namespace bistro {

class task_index {
public:
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

    /// False: nothing is known, and nothing needs to be inserted or erased until somebody asks.
    [[nodiscard]] bool in_use() const { return in_use_; }
    /// Comes before questions. False where it was not in use: all has to be inserted first, which takes a look at so
    /// many.
    bool ask(std::size_t looks) {
        changes_ = 0;
        looks_ = looks;
        return std::exchange(in_use_, true);
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    /// What a task holds has this number. O(1) amortised. `task_of` gives job and node of each number that is known, as
    /// a pair.
    template <class F>
    void insert(job_index job, node_index node, std::uint32_t number, F&& task_of) {
        if (2 * (size_ + 1) > heads_.size()) grow(task_of);
        if (number >= next_.size()) next_.resize(number + std::size_t{1}, none);
        auto& head = heads_[slot_of(job, node)];
        next_[number] = std::exchange(head, number);
        ++size_;
        count_change();
    }
    /// It is known with this job and node.
    void erase(job_index job, node_index node, std::uint32_t number) {
        auto* at = &heads_[slot_of(job, node)];
        while (*at != number) at = &next_[*at];
        *at = next_[number];
        --size_;
        count_change();
    }
    /// Nothing is known any more.
    void clear() {
        heads_.clear();
        size_ = 0;
        in_use_ = false;
    }
    /// The number of what the task holds, or none.
    template <class F>
    [[nodiscard]] std::uint32_t find(job_index job, node_index node, F&& task_of) const {
        if (size_ == 0) return none;
        auto at = heads_[slot_of(job, node)];
        while (at != none && task_of(at) != std::pair{job, node}) at = next_[at];
        return at;
    }
    /// Asks for what is known of a task, so that it is in the cache soon.
    void fetch(job_index job, node_index node) const {
        if (size_ > 0) fetch_line(&heads_[slot_of(job, node)]);
    }
    void fetch(std::uint32_t number) const { fetch_line(&next_[number]); }

private:
    static constexpr std::size_t least_slots = 64;
    // Between two questions, for each that is known, or for each look: to keep up with more costs more than to fill it
    // again; and with fewer, to fill it would cost more than they did.
    static constexpr std::size_t changes_each = 4;

    [[nodiscard]] std::size_t slot_of(job_index job, node_index node) const {
        return mix64(std::uint64_t{job.value} << 32 | node.value) & (heads_.size() - 1);
    }
    void count_change() {
        if (++changes_ > std::max(changes_each * std::max(size_, least_slots), looks_)) clear();
    }
    template <class F>
    void grow(F&& task_of) {
        const auto before =
            std::exchange(heads_, std::vector<std::uint32_t>(std::max(2 * heads_.size(), least_slots), none));
        for (auto number : before)
            while (number != none) {
                const auto [job, node] = task_of(number);
                auto& head = heads_[slot_of(job, node)];
                const auto following = next_[number];
                next_[number] = std::exchange(head, number);
                number = following;
            }
    }

    std::vector<std::uint32_t> heads_;  // a power of two, at least twice the size
    std::vector<std::uint32_t> next_;   // by number
    std::size_t size_ = 0;
    std::size_t changes_ = 0;  // since somebody asked
    std::size_t looks_ = 0;    // that it takes to fill it
    bool in_use_ = false;
};

}  // namespace bistro
