#include "model/forest.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <limits>
#include <numeric>

#include "model/hash.hpp"
#include "model/node_rules.hpp"
#include "model/text.hpp"

namespace bistro {

std::size_t forest::records::name_hash::operator()(std::string_view name) const {
    return boost::hash<std::string_view>{}(name);
}

void forest::records::index_names() {
    by_name.reserve(name_begin.size() - 1);
    for (std::uint32_t i = 0; i + 1 < name_begin.size(); ++i) by_name.insert(i);
}

bool forest::has_same_nodes(const forest& other) const {
    if (levels_ != other.levels_ || level_begin_ != other.level_begin_ || !(disabled_ == other.disabled_) ||
        parents_ != other.parents_ || !(replicas_ == other.replicas_))
        return false;
    const auto& a = *records_;
    const auto& b = *other.records_;
    if (!is_moved_ && !other.is_moved_ && a.declared == b.declared)
        return a.name_begin == b.name_begin && a.names == b.names && a.tags == b.tags;
    const auto declared_as_here = [&](const forest& f, std::uint32_t l) {
        std::vector<std::uint32_t> order(f.size_of(level_index{l}));
        std::iota(order.begin(), order.end(), f.first_of(level_index{l}).value);
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            return f.declared_position(node_index{a}) < f.declared_position(node_index{b});
        });
        return order;
    };
    for (std::uint32_t l = 0; l < levels_.size(); ++l)
        if (declared_as_here(*this, l) != declared_as_here(other, l)) return false;
    for (std::uint32_t i = 0; i < size(); ++i) {
        const node_index node{i};
        if (name(node) != other.name(node) || !std::ranges::equal(tags(node), other.tags(node))) return false;
    }
    return true;
}

std::optional<level_index> forest::find_level(std::string_view name) const {
    auto found = std::find(levels_.begin(), levels_.end(), name);
    if (found == levels_.end()) return std::nullopt;
    return level_index{static_cast<std::size_t>(found - levels_.begin())};
}

std::size_t forest::size_of(level_index level) const {
    return level_begin_[level.value + 1] - level_begin_[level.value];
}

std::optional<node_index> forest::find(std::string_view name) const {
    if (const auto late = late_by_name_.find(name); late != late_by_name_.end()) return node_index{late->second};
    const auto found = records_->by_name.find(name);
    if (found == records_->by_name.end()) return std::nullopt;
    const auto here = is_moved_ ? moved_(*found) : *found;
    return here == index_shift::none ? std::nullopt : std::optional{node_index{here}};
}

std::string_view forest::name(node_index node) const {
    return with_record(
        node, [&](std::uint32_t there) { return records_->name(there); },
        [](const late_record& late) { return std::string_view{late.name}; });
}

std::span<const std::string> forest::tags(node_index node) const {
    return with_record(
        node,
        [&](std::uint32_t there) {
            const auto found = records_->tags.find(there);
            return found == records_->tags.end() ? std::span<const std::string>{} : std::span{found->second};
        },
        [](const late_record& late) { return std::span{late.tags}; });
}

std::uint32_t forest::declared_position(node_index node) const {
    return with_record(
        node,
        [&](std::uint32_t there) {
            // Without changes of the order, positions among the records will do as well.
            return records_->declared.empty() ? there : records_->declared[there];
        },
        [](const late_record& late) { return late.declared; });
}

node_index forest::guest(node_index node, std::uint32_t place) const {
    return guests_[guests_before(node.value) + place];
}

std::vector<node_index> forest::children(node_index node) const {
    std::vector<node_index> result;
    for (std::uint32_t place = 0; place < child_count(node); ++place) result.push_back(child(node, place));
    return result;
}

std::uint64_t forest::key_of_name(std::string_view name) { return mix64(fnv1a(name)); }

std::uint32_t forest::chance_of(std::string_view name) { return static_cast<std::uint32_t>(key_of_name(name) >> 32); }

std::uint64_t forest::subtree_key(node_index node) const {
    if (node == instance()) return 0;
    auto top = node;
    while (top.value >= level_begin_[2]) top = parents(top).front();
    return subtree_keys_.empty() ? key_of_name(name(top)) : subtree_keys_[top.value - 1];
}

bool forest::is_below(node_index node, std::span<const std::string> names) const {
    const auto above = parents(node);
    if (names.empty()) return above.size() == 1 && above[0] == instance();
    std::size_t known = 0;
    for (auto at = names.begin(); at != names.end(); ++at)
        if (known < above.size() && name(above[known]) == *at)
            ++known;
        else if (std::find(names.begin(), at, *at) == at)
            return false;
    return known == above.size();
}

// From the parents of all nodes: who their children are.
void forest::connect() {
    const auto inner = level_begin_[levels_.size() - 1];
    own_begin_.assign(inner + std::size_t{1}, 0);
    own_begin_[0] = 1;
    for (const auto p : parents_) ++own_begin_[p.value + std::size_t{1}];
    std::partial_sum(own_begin_.begin(), own_begin_.end(), own_begin_.begin());
    replicas_.seal(size());
    if (has_replicas()) connect_guests();
    block_begin_.assign(inner + std::size_t{1}, 0);
    for (std::uint32_t i = 0; i < inner; ++i) {
        const auto count = child_count(node_index{i});
        block_begin_[i + std::size_t{1}] =
            block_begin_[i] + (count > block_size ? (count + block_size - 1) / block_size : 0);
    }
}

void forest::connect_guests() {
    guest_begin_.assign(own_begin_.size(), 0);
    replicas_.for_each([&](node_index, std::span<const node_index> all) {
        for (const auto p : all.subspan(1)) ++guest_begin_[p.value + std::size_t{1}];
    });
    std::partial_sum(guest_begin_.begin(), guest_begin_.end(), guest_begin_.begin());
    guests_.resize(guest_begin_.back());
    auto next = guest_begin_;
    replicas_.for_each_place([&](node_index node, std::span<const node_index> all, std::span<std::uint32_t> places) {
        for (std::size_t i = 1; i < all.size(); ++i) {
            const auto p = all[i].value;
            const auto own = own_begin_[p + std::size_t{1}] - own_begin_[p];
            places[i] = own + (next[p] - guest_begin_[p]);
            guests_[next[p]++] = node;
        }
    });
}

// Subtrees that a node with several parents joins get the least key of theirs.
void forest::join_subtrees() {
    if (!has_replicas()) return;
    const auto tops = static_cast<std::uint32_t>(size_of(level_index{1}));
    std::vector<std::uint32_t> joined(tops);
    std::iota(joined.begin(), joined.end(), 0U);
    const auto root = [&](std::uint32_t top) {
        while (joined[top] != top) top = joined[top] = joined[joined[top]];
        return top;
    };
    std::vector<std::uint32_t> top_of(level_begin_[levels_.size() - 1]);  // of nodes above the innermost level
    for (std::uint32_t n = 1; n < top_of.size(); ++n)
        top_of[n] = n < level_begin_[2] ? n - 1 : top_of[parents_[n - 1].value];
    replicas_.for_each([&](node_index, std::span<const node_index> above) {
        const auto top = root(top_of[above[0].value]);
        for (const auto parent : above.subspan(1)) joined[root(top_of[parent.value])] = root(top);
    });
    std::vector<std::uint64_t> least(tops, std::numeric_limits<std::uint64_t>::max());
    if (name_keys_.empty())
        for (std::uint32_t t = 0; t < tops; ++t)
            name_keys_.push_back(key_of_name(name(node_index{t + std::size_t{1}})));
    for (std::uint32_t t = 0; t < tops; ++t) least[root(t)] = std::min(least[root(t)], name_keys_[t]);
    for (std::uint32_t t = 0; t < tops; ++t) subtree_keys_.push_back(least[root(t)]);
}

std::string node_name_problem(std::string_view name) {
    if (name.empty()) return "a node name is empty";
    if (name.size() > max_node_name_bytes)
        return "a node name has " + std::to_string(name.size()) + " bytes, more than " +
               std::to_string(max_node_name_bytes) + ": " + quote(name);
    if (name.find('\0') != std::string_view::npos) return "a node name contains a NUL byte: " + quote(name);
    return {};
}

/// Builds the arrays of a forest, level by level.
class forest_builder {
public:
    using parent_list = boost::container::small_vector<std::uint32_t, 1>;

    forest_builder(const std::vector<std::string>& levels, const std::vector<node_decl>& declarations,
                   std::uint64_t version, const std::string& instance_name)
        : declarations_{declarations} {
        f_.version_ = version;
        known_.reserve(declarations.size() + 1);
        f_.levels_.push_back(instance_level_name);
        f_.levels_.insert(f_.levels_.end(), levels.begin(), levels.end());
        f_.level_begin_.push_back(0);
        append(instance_name, 0, {});
        records_->declared.push_back(0);
        f_.level_begin_.push_back(1);
    }

    void add_level(std::size_t level, const std::vector<const node_decl*>& declarations) {
        std::vector<accepted> nodes;
        nodes.reserve(declarations.size());
        for (const auto* d : declarations) accept(level, *d, nodes);
        const auto by_parent = [](const auto& a, const auto& b) { return a.parents[0] < b.parents[0]; };
        if (!std::is_sorted(nodes.begin(), nodes.end(), by_parent))
            std::stable_sort(nodes.begin(), nodes.end(), by_parent);
        for (const auto& node : nodes) {
            append(node.declaration->name, level, node.parents);
            records_->declared.push_back(node.position);
            if (!node.declaration->tags.empty())
                records_->tags.emplace(static_cast<std::uint32_t>(level_.size() - 1), node.declaration->tags);
            if (!node.declaration->enabled) disabled_.push_back(static_cast<std::uint32_t>(level_.size() - 1));
        }
        f_.level_begin_.push_back(static_cast<std::uint32_t>(level_.size()));
    }

    [[nodiscard]] const std::vector<std::string>& levels() const { return f_.levels_; }

    void problem(const node_decl& d, std::string text) {
        if (problems_.size() < max_node_problems)
            problems_.push_back({std::move(text), static_cast<std::size_t>(&d - declarations_.data())});
        else
            ++more_problems_;
    }

    forest_result finish() {
        index_names();
        f_.parents_.shrink_to_fit();
        f_.connect();
        drop_what_is_implied();
        f_.records_ = std::move(records_);
        f_.join_subtrees();
        return {std::make_shared<const forest>(std::move(f_)), std::move(problems_), more_problems_};
    }

    [[nodiscard]] parent_list find_parents(std::size_t level, const node_decl& d) {
        if (d.parents.empty()) {
            auto text = problem_without_parent(d, level, f_.levels_);
            if (text.empty()) return {0};
            problem(d, std::move(text));
            return {};
        }
        parent_list result;
        for (const auto& parent : d.parents) {
            const auto found = known_.find(parent);
            std::optional<std::size_t> above;
            if (found != known_.end()) above = found->second == unplaced ? level : level_[found->second];
            if (auto text = problem_of_parent(d, parent, level, f_.levels_, above); !text.empty()) {
                problem(d, std::move(text));
                return {};
            }
            if (std::find(result.begin(), result.end(), found->second) == result.end()) result.push_back(found->second);
        }
        return result;
    }

private:
    static constexpr const char* instance_level_name = "instance";
    static constexpr std::uint32_t unplaced = static_cast<std::uint32_t>(-1);  // of the level that is being added

    struct accepted {
        const node_decl* declaration;
        parent_list parents;
        std::uint32_t position;
    };

    void accept(std::size_t level, const node_decl& d, std::vector<accepted>& nodes) {
        if (!known_.emplace(d.name, unplaced).second) {
            problem(d, problem_of_second(d));
            return;
        }
        auto parents = find_parents(level, d);
        if (parents.empty()) {
            known_.erase(d.name);
            return;
        }
        nodes.push_back({&d, std::move(parents), static_cast<std::uint32_t>(nodes.size())});
    }

    void append(const std::string& name, std::size_t level, const parent_list& parents) {
        known_.insert_or_assign(name, static_cast<std::uint32_t>(level_.size()));
        records_->name_begin.push_back(records_->names.size());
        records_->names.insert(records_->names.end(), name.begin(), name.end());
        if (!parents.empty()) f_.parents_.emplace_back(parents[0]);
        if (parents.size() > 1) f_.replicas_.add(static_cast<std::uint32_t>(level_.size()), parents);
        level_.push_back(static_cast<std::uint8_t>(level));
    }

    void index_names() {
        records_->name_begin.push_back(records_->names.size());
        records_->names.shrink_to_fit();
        known_ = {};
        records_->index_names();
        const auto inner = f_.level_begin_[f_.levels_.size() - 1];
        for (std::uint32_t i = 0; i < inner; ++i) f_.chances_.push_back(forest::chance_of(records_->name(i)));
        f_.next_declared_ = static_cast<std::uint32_t>(level_.size());
        if (disabled_.empty()) return;
        f_.disabled_ = bit_set{level_.size()};
        for (const auto node : disabled_) f_.disabled_.set(node);
    }

    // Most forests are declared parent by parent.
    void drop_what_is_implied() {
        records_->name_begin.shrink_to_fit();
        auto& declared = records_->declared;
        bool same = true;
        for (std::size_t i = 0; i < declared.size() && same; ++i) same = declared[i] == i - f_.level_begin_[level_[i]];
        if (same) declared = {};
        declared.shrink_to_fit();
    }

    forest f_;
    std::shared_ptr<forest::records> records_ = std::make_shared<forest::records>();
    std::vector<std::uint32_t> disabled_;
    std::vector<std::uint8_t> level_;                                   // by node
    boost::unordered_flat_map<std::string_view, std::uint32_t> known_;  // names as the caller has them
    const std::vector<node_decl>& declarations_;
    std::vector<node_problem> problems_;
    std::size_t more_problems_ = 0;
};

forest_result build_forest(const std::vector<std::string>& levels, const std::vector<node_decl>& declarations,
                           std::uint64_t version, const std::string& instance_name) {
    forest_builder builder{levels, declarations, version, instance_name};
    std::vector<std::vector<const node_decl*>> by_level(levels.size());
    boost::unordered_flat_set<std::string_view> real;
    if (std::any_of(declarations.begin(), declarations.end(), [](const auto& d) { return d.implied; }))
        for (const auto& d : declarations)
            if (!d.implied) real.emplace(d.name);
    boost::unordered_flat_set<std::string_view> implied;
    for (const auto& d : declarations) {
        if (d.implied && (real.contains(d.name) || !implied.emplace(d.name).second)) continue;
        if (auto problem = problem_by_itself(d, builder.levels()); !problem.empty()) {
            builder.problem(d, std::move(problem));
            continue;
        }
        const auto level = std::find(levels.begin(), levels.end(), d.level);
        by_level[static_cast<std::size_t>(level - levels.begin())].push_back(&d);
    }
    for (std::size_t i = 0; i < levels.size(); ++i) builder.add_level(i + 1, by_level[i]);
    return builder.finish();
}

}  // namespace bistro
