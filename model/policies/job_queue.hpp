// Jobs that could start a task, kept so that a policy's choice costs O(log jobs) instead of a look at each of them.
#pragma once

#include <cstdint>
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

        auto operator<=>(const entry&) const = default;
    };

    /// A place for a job; it is not in the queue yet. O(places) now and then, like a vector that grows.
    place add(job_index job);
    /// Gives the place back.
    void remove(place p);

    /// In the queue with this preference, from now on. O(log places).
    void set(place p, const preference& wish);
    void set(place p, const preference& wish, job_index job);
    /// Not in the queue. O(log places).
    void clear(place p);

    [[nodiscard]] bool empty() const { return count() == 0; }
    [[nodiscard]] std::size_t count() const { return nodes_.empty() ? 0 : nodes_[1].count; }
    /// The first by preference. Only where not empty(). O(1).
    [[nodiscard]] const entry& first() const { return entries_[nodes_[1].winner]; }
    [[nodiscard]] place first_place() const { return nodes_[1].winner; }
    [[nodiscard]] bool contains(place p) const {
        return p < entries_.size() && nodes_[nodes_.size() / 2 + p].count > 0;
    }
    [[nodiscard]] const entry& at(place p) const { return entries_[p]; }
    /// The sum of the weights.
    [[nodiscard]] double weight() const { return nodes_.empty() ? 0 : nodes_[1].weight; }
    /// What is at a point within [0, weight()), or at a position within [0, count()). O(log places).
    [[nodiscard]] place at_weight(double point) const;
    [[nodiscard]] place at_position(std::size_t position) const;

private:
    struct node {
        place winner = none;
        std::uint32_t count = 0;
        double weight = 0;
    };

    void update(place p);
    [[nodiscard]] node join(const node& a, const node& b) const;

    std::vector<entry> entries_;
    std::vector<place> unused_;
    std::vector<node> nodes_;  // 1 is the root, i's children are 2i and 2i + 1, the leaves are the second half
};

}  // namespace bistro
