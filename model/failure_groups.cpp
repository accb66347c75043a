#include "model/failure_groups.hpp"

#include <algorithm>
#include <boost/regex.hpp>
#include <cctype>

#include "model/filters.hpp"

namespace bistro {

namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_control(char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }

// Without what colours a text, and other control characters: a cause is shown, and typed again.
std::string plain(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("\033[")) {
            for (i += 2; i < text.size() && (text[i] < '@' || text[i] > '~');) ++i;
        } else if (text[i] == '\t') {
            result += ' ';
        } else if (!is_control(text[i])) {
            result += text[i];
        }
    }
    return result;
}

std::string cut(std::string text) {
    if (text.size() <= max_cause_bytes) return text;
    auto end = max_cause_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a character
    text.resize(end);
    return text;
}

}  // namespace

std::string cause_of(std::string_view reason, std::string_view node) {
    const auto text = plain(reason);
    const auto colon = text.find(": ");
    if (colon == std::string::npos) return cut(text);
    // A name that is a number is one of the numbers.
    const bool named = !node.empty() && !std::all_of(node.begin(), node.end(), is_digit);
    std::string result = text.substr(0, colon);
    for (auto i = colon; i < text.size();) {
        const auto end = i + node.size();
        const bool whole = (i == 0 || !is_of_word(text[i - 1])) && (end >= text.size() || !is_of_word(text[end]));
        if (named && whole && std::string_view{text}.substr(i).starts_with(node)) {
            result += "{node}";
            i = end;
        } else if (!is_digit(text[i])) {
            result += text[i++];
        } else {
            result += '#';
            while (i < text.size() && is_digit(text[i])) ++i;
        }
    }
    return cut(std::move(result));
}

std::uint32_t failure_groups::number_of(std::string cause) {
    if (const auto known = numbers_.find(cause); known != numbers_.end()) return known->second;
    if (numbers_.size() >= max_causes && cause != other_causes) return number_of(other_causes);
    std::uint32_t number = 0;
    if (unused_.empty()) {
        number = static_cast<std::uint32_t>(causes_.size());
        causes_.push_back(cause);
        counts_.push_back(0);
    } else {
        number = unused_.back();
        unused_.pop_back();
        causes_[number] = cause;
    }
    numbers_.emplace(std::move(cause), number);
    return number;
}

void failure_groups::failed(const node_id& node, std::string_view reason, bool for_good, time_ms when) {
    cleared(node);
    if (reason.empty()) reason = for_good ? "failed" : "error";  // the task's own word says it all
    const auto number = number_of(cause_of(reason, node.value));
    ++counts_[number];
    of_node_[node.value] = {number, for_good, when};
}

void failure_groups::cleared(const node_id& node) {
    const auto found = of_node_.find(node.value);
    if (found == of_node_.end()) return;
    const auto number = found->second.cause;
    of_node_.erase(found);
    if (--counts_[number] > 0) return;
    numbers_.erase(causes_[number]);
    unused_.push_back(number);
}

std::vector<failure_group> failure_groups::groups() const {
    std::vector<failure_group> all(causes_.size());
    for (const auto& [node, entry] : of_node_) {
        auto& group = all[entry.cause];
        ++group.tasks;
        if (entry.for_good) ++group.for_good;
        group.latest_ms = std::max(group.latest_ms, entry.when);
        // The first by name, so that the same are named each time.
        auto& named = group.nodes;
        const node_id name{node};
        const auto at = std::lower_bound(named.begin(), named.end(), name);
        if (named.size() < max_nodes_named || at != named.end()) named.insert(at, name);
        if (named.size() > max_nodes_named) named.pop_back();
    }
    for (std::size_t i = 0; i < all.size(); ++i) all[i].cause = causes_[i];
    std::erase_if(all, [](const failure_group& group) { return group.tasks == 0; });
    std::sort(all.begin(), all.end(), [](const failure_group& a, const failure_group& b) {
        return a.tasks != b.tasks ? a.tasks > b.tasks : a.cause < b.cause;
    });
    return all;
}

const std::string& failure_groups::cause_of_task(const node_id& node) const {
    static const std::string none;
    const auto found = of_node_.find(node.value);
    return found == of_node_.end() ? none : causes_[found->second.cause];
}

std::string failure_filter::problem() const {
    if (!state.empty() && state != "failed" && state != "backoff") return "a state is failed or backoff";
    return nodes.empty() ? std::string{} : regex_problem(nodes);
}

struct failure_matcher::compiled {
    boost::regex pattern;
};

failure_matcher::failure_matcher(const failure_filter& filter, const failure_groups& groups)
    : filter_{filter}, groups_{groups} {
    if (!filter.nodes.empty()) nodes_ = std::make_unique<compiled>(compiled{boost::regex{filter.nodes}});
}

failure_matcher::~failure_matcher() = default;

bool failure_matcher::matches(const node_id& node, const task_status& status) {
    if (!filter_.state.empty() && (filter_.state == "failed") != (status.state == task_state::failed)) return false;
    if (!filter_.cause.empty() && groups_.cause_of_task(node) != filter_.cause) return false;
    if (!filter_.error.empty() && groups_.cause_of_task(node).find(filter_.error) == std::string::npos) return false;
    if (!nodes_ || gave_up_) return !gave_up_;
    try {
        return boost::regex_search(node.value, nodes_->pattern);
    } catch (const boost::regex_error&) {
        gave_up_ = true;
        return false;
    }
}

}  // namespace bistro
