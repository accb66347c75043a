// Failures of a job by their cause: what went wrong once, many times, or everywhere.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/task_status.hpp"

namespace bistro {

/// Longer ones are cut.
inline constexpr std::size_t max_cause_bytes = 1000;
/// What tasks that failed in the same way have in common: the reason of their end, without control characters and,
/// behind the first colon, where the task's own words begin, with the node's name as {node} and each number as #.
std::string cause_of(std::string_view reason, std::string_view node);

struct failure_group {
    std::string cause;
    std::uint64_t tasks = 0;
    std::uint64_t for_good = 0;  ///< of these: not tried again
    time_ms latest_ms = 0;
    std::vector<node_id> nodes;  ///< some of them
};

/// The tasks of a job whose last attempt went wrong, by cause. Pure.
class failure_groups {
public:
    /// Further causes count as one.
    static constexpr std::size_t max_causes = 1000;
    static constexpr const char* other_causes = "(other causes)";
    static constexpr std::size_t max_nodes_named = 5;

    /// The last attempt at the task of that node went wrong.
    void failed(const node_id& node, std::string_view reason, bool for_good, time_ms when);
    /// Or it did not, or is forgiven.
    void cleared(const node_id& node);

    [[nodiscard]] bool empty() const { return of_node_.empty(); }
    /// Those with most tasks first. O(tasks that failed).
    [[nodiscard]] std::vector<failure_group> groups() const;
    /// Empty: it has not failed.
    [[nodiscard]] const std::string& cause_of_task(const node_id& node) const;

private:
    struct entry {
        std::uint32_t cause = 0;
        bool for_good = false;
        time_ms when = 0;
    };
    std::uint32_t number_of(std::string cause);

    std::vector<std::string> causes_;
    std::vector<std::uint64_t> counts_;
    std::vector<std::uint32_t> unused_;  // numbers of causes that no task has
    std::map<std::string, std::uint32_t, std::less<>> numbers_;
    boost::unordered_flat_map<std::string, entry> of_node_;
};

/// Which failed tasks are meant; what is empty means all.
struct failure_filter {
    std::string error;       ///< a part of the cause
    std::string nodes;       ///< a regular expression that is found in the node's name
    std::string state;       ///< "failed" or "backoff"
    std::string cause = {};  ///< the whole cause

    [[nodiscard]] bool empty() const { return error.empty() && nodes.empty() && state.empty() && cause.empty(); }
    /// Why it can't be used; empty: it can.
    [[nodiscard]] std::string problem() const;
};

/// A filter, ready for use.
class failure_matcher {
public:
    /// `filter` has no problem(). Both are used while this lives.
    failure_matcher(const failure_filter& filter, const failure_groups& groups);
    ~failure_matcher();
    failure_matcher(const failure_matcher&) = delete;
    failure_matcher& operator=(const failure_matcher&) = delete;

    [[nodiscard]] bool matches(const node_id& node, const task_status& status);
    /// The regular expression took too long on some name; then it matches nothing any more.
    [[nodiscard]] bool gave_up() const { return gave_up_; }

private:
    struct compiled;
    const failure_filter& filter_;
    const failure_groups& groups_;
    std::unique_ptr<compiled> nodes_;
    bool gave_up_ = false;
};

}  // namespace bistro
