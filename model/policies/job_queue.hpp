// Jobs that could start a task, kept so that a policy's choice costs O(log jobs) instead of a look at each of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/policies/policy.hpp"

namespace bistro {

/// A tournament tree over places; each place belongs to a job, that is in the queue or not.
class job_queue {
public:
    using place = std::uint32_t;
    static constexpr place none = static_cast<place>(-1);

    struct entry {
        preference wish;
        job_index job;

        bool operator==(const entry&) const = default;
        bool operator<(const entry& other) const { return wish == other.wish ? job < other.job : wish < other.wish; }
    };

    /// A place for a job; it is not in the queue yet. O(places) now and then, like a vector that grows.
    place add(job_index job);
    /// Gives the place back.
    void remove(place p);

    /// In the queue with this preference, from now on. O(log places).
    void set(place p, const preference& wish);
    /// Not in the queue. O(log places).
    void clear(place p);

    [[nodiscard]] bool empty() const { return count() == 0; }
    [[nodiscard]] std::size_t count() const { return nodes_.empty() ? 0 : nodes_[1].count; }
    /// The first by preference. Only where not empty(). O(1).
    [[nodiscard]] const entry& first() const { return entries_[nodes_[1].winner]; }
    /// Whose place it is.
    [[nodiscard]] job_index at(place p) const { return entries_[p].job; }
    /// The sum of the weights.
    [[nodiscard]] double weight() const { return nodes_.empty() ? 0 : nodes_[1].weight; }
    /// The job at a point within [0, weight()), or the one at a position within [0, count()). O(log places).
    [[nodiscard]] job_index at_weight(double point) const;
    [[nodiscard]] job_index at_position(std::size_t position) const;

private:
    struct node {
        place winner = none;
        std::uint32_t count = 0;
        double weight = 0;
    };

    void update(place p);
    [[nodiscard]] place winner_of(place a, place b) const;
    [[nodiscard]] node join(const node& a, const node& b) const;

    std::vector<entry> entries_;
    std::vector<place> unused_;
    std::vector<node> nodes_;  // 1 is the root, i's children are 2i and 2i + 1, the leaves are the second half
};

/// The job to serve next: the first of all queues by preference, or drawn by chance. None of the queues is empty; no
/// queue, no job. O(queues + log places).
std::optional<job_index> choose(const policy& rule, std::span<const job_queue* const> queues, random_source& random);

}  // namespace bistro
