// A forest that comes of another. What stays is found by runs of neighbours (index_shift), since a change leaves the
// order of whatever it does not touch; so little is done for each node, and nothing for its name.
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <numeric>

#include "model/forest.hpp"
#include "model/node_ranges.hpp"

namespace bistro {

namespace {
// So many nodes may be other than the shared records have them, and the part of all nodes that `share` gives; then they
// get records of their own.
constexpr std::size_t few = 64;
constexpr std::size_t share = 64;
}  // namespace

class forest_reviser {
public:
    forest_reviser(const forest_ptr& before, const node_changes& changes, std::uint64_t version)
        : before_{*before}, changes_{changes} {
        f_.version_ = version;
        f_.levels_ = before_.levels_;
        f_.next_declared_ = before_.next_declared_;
        change_->from = before;
        change_->from_version = before_.version_;
    }

    forest_ptr run() {
        if (!find_removed() || !find_altered() || !find_added()) return nullptr;
        place();
        if (f_.level_begin_.back() > max_nodes) return nullptr;
        connect();
        note_regrouped();
        carry_over();
        take_records();
        move_name_keys();
        f_.join_subtrees();
        f_.change_ = std::move(change_);
        return std::make_shared<const forest>(std::move(f_));
    }

private:
    struct newcomer {
        const node_decl* declaration = nullptr;
        std::uint32_t level = 0;
        std::uint32_t before = 0;                                  // the old node in front of which it comes
        boost::container::small_vector<std::uint32_t, 1> parents;  // in the new forest
        std::uint32_t declared = 0;
        std::uint32_t index = 0;
    };

    // Those named, and from level to level the children of those above.
    bool find_removed() {
        std::vector<std::uint32_t> named;
        for (const auto& name : changes_.removed) {
            const auto node = before_.find(name);
            if (!node || *node == forest::instance()) return false;
            named.push_back(node->value);
        }
        std::sort(named.begin(), named.end());
        std::vector<node_range> here;
        for (std::size_t l = 1; l < f_.levels_.size(); ++l) {
            here = children_of(before_, here);
            const auto begin = std::lower_bound(named.begin(), named.end(), before_.level_begin_[l]);
            const auto end = std::lower_bound(begin, named.end(), before_.level_begin_[l + 1]);
            for (auto i = begin; i != end; ++i) here.emplace_back(*i, *i + 1);
            here = joined(std::move(here));
            removed_.insert(removed_.end(), here.begin(), here.end());
        }
        return true;
    }

    [[nodiscard]] bool is_removed(std::uint32_t node) const {
        auto after = std::upper_bound(removed_.begin(), removed_.end(), node,
                                      [](std::uint32_t n, const node_range& r) { return n < r.first; });
        return after != removed_.begin() && node < (after - 1)->second;
    }

    bool find_altered() {
        for (const auto& d : changes_.altered) {
            const auto node = before_.find(d.name);
            if (!node || *node == forest::instance() || is_removed(node->value) ||
                before_.levels_[before_.level_of(*node).value] != d.level || !before_.is_below(*node, d.parents))
                return false;
            altered_.emplace_back(node->value, &d);
        }
        const auto by_node = [](const auto& a, const auto& b) { return a.first < b.first; };
        std::sort(altered_.begin(), altered_.end(), by_node);
        return std::adjacent_find(altered_.begin(), altered_.end(),
                                  [](const auto& a, const auto& b) { return a.first == b.first; }) == altered_.end();
    }

    bool find_added() {
        by_level_.resize(f_.levels_.size());
        for (const auto& d : changes_.added) {
            const auto level = f_.find_level(d.level);
            if (!level || level->value == 0 || d.implied || !node_name_problem(d.name).empty() ||
                (d.parents.empty() && level->value != 1))
                return false;
            if (const auto old = before_.find(d.name); old && !is_removed(old->value)) return false;
            const newcomer node{&d, level->value, 0, {}, f_.next_declared_++, 0};
            if (!names_.try_emplace(d.name, level->value, by_level_[level->value].size()).second) return false;
            by_level_[level->value].push_back(node);
        }
        return f_.next_declared_ <= max_declared && parents_fit();
    }

    bool parents_fit() const {
        for (std::uint32_t l = 1; l < by_level_.size(); ++l)
            for (const auto& node : by_level_[l])
                for (const auto& name : node.declaration->parents) {
                    if (const auto late = names_.find(name); late != names_.end()) {
                        if (late->second.first + 1 != l) return false;
                        continue;
                    }
                    const auto old = before_.find(name);
                    if (!old || is_removed(old->value) || before_.level_of(*old).value + 1 != l) return false;
                }
        return true;
    }

    // Level by level: where those that come have their place, and so where those that stay have theirs.
    void place() {
        f_.level_begin_ = {0, 1};
        kept().add(0, 0, 1);
        for (std::uint32_t l = 1; l < f_.levels_.size(); ++l) {
            auto& here = by_level_[l];
            std::vector<std::uint32_t> order(here.size());
            std::iota(order.begin(), order.end(), 0U);
            for (auto& node : here) find_place(node);
            std::stable_sort(order.begin(), order.end(),
                             [&](std::uint32_t a, std::uint32_t b) { return here[a].parents[0] < here[b].parents[0]; });
            auto at = before_.level_begin_[l];
            auto to = f_.level_begin_[l];
            for (const auto i : order) {
                to = keep(at, here[i].before, to);
                at = here[i].before;
                here[i].index = to++;
                in_order_.push_back(&here[i]);
            }
            f_.level_begin_.push_back(keep(at, before_.level_begin_[l + 1], to));
        }
    }

    // Behind the last child that its first parent had; where that is new, in front of the first child of whoever stood
    // where the parent came.
    void find_place(newcomer& node) const {
        const auto& names = node.declaration->parents;
        if (names.empty()) {
            node.parents = {0};
            node.before = before_.level_begin_[node.level + std::size_t{1}];
        }
        for (const auto& name : names) {
            const auto late = names_.find(name);
            const bool is_late = late != names_.end();
            const auto* parent = is_late ? &by_level_[late->second.first][late->second.second] : nullptr;
            const auto old = is_late ? parent->before : before_.find(name)->value;
            const auto here = is_late ? parent->index : change_->kept(old);
            if (node.parents.empty()) node.before = before_.own_begin(node_index{is_late ? old : old + std::size_t{1}});
            if (std::ranges::find(node.parents, here) == node.parents.end()) node.parents.push_back(here);
        }
    }

    // Those of a range of the old forest that are not removed go on from `to`. Gives what comes next there.
    std::uint32_t keep(std::uint32_t begin, std::uint32_t end, std::uint32_t to) {
        auto gone = std::upper_bound(removed_.begin(), removed_.end(), begin,
                                     [](std::uint32_t n, const node_range& r) { return n < r.second; });
        while (begin < end) {
            const auto until = gone == removed_.end() ? end : std::min(end, std::max(begin, gone->first));
            kept().add(begin, to, until - begin);
            to += until - begin;
            begin = gone == removed_.end() ? end : std::max(until, gone->second);
            if (gone != removed_.end()) ++gone;
        }
        return to;
    }

    void connect() {
        if (in_order_.empty() && removed_.empty()) return take_connections();
        const auto size = f_.level_begin_.back();
        f_.parents_.reserve(size);
        std::vector<std::uint32_t> here(before_.level_begin_[f_.levels_.size() - 1], index_shift::none);
        f_.replicas_.reserve(before_.replicas_.size(), before_.replicas_.parent_count());
        boost::container::small_vector<std::uint32_t, 4> parents;
        auto late = in_order_.begin();
        const auto add_late = [&](std::uint32_t until) {
            for (; late != in_order_.end() && (*late)->index < until; ++late) {
                f_.parents_.emplace_back((*late)->parents[0]);
                if ((*late)->parents.size() > 1) f_.replicas_.add((*late)->index, (*late)->parents);
            }
        };
        for (const auto& run : kept().runs()) {
            add_late(run.to);
            const auto end = run.from + run.count;
            for (auto i = run.from; i < std::min(end, static_cast<std::uint32_t>(here.size())); ++i)
                here[i] = run.to + (i - run.from);
            for (auto i = std::max(run.from, 1U); i < end; ++i)
                f_.parents_.emplace_back(here[before_.parents_[i - 1].value]);
            for (const auto i : before_.replicas(run.from, end)) {
                parents.clear();
                for (const auto parent : before_.parents(node_index{i})) parents.push_back(here[parent.value]);
                f_.replicas_.add(run.to + (i - run.from), parents);
            }
        }
        add_late(size);
        f_.connect();
    }

    void take_connections() {
        f_.parents_ = before_.parents_;
        f_.replicas_ = before_.replicas_;
        f_.own_begin_ = before_.own_begin_;
        f_.guest_begin_ = before_.guest_begin_;
        f_.guests_ = before_.guests_;
        f_.block_begin_ = before_.block_begin_;
    }

    void note_regrouped() {
        auto& regrouped = change_->regrouped;
        for (const auto* node : in_order_) {
            for (const auto parent : node->parents) regrouped.emplace_back(parent);
            if (node->index + std::size_t{1} < f_.own_begin_.size()) regrouped.emplace_back(node->index);
        }
        for (const auto& [begin, end] : removed_)
            for (auto i = begin; i < end; ++i)
                for (const auto parent : before_.parents(node_index{i}))
                    if (const auto here = kept()(parent.value); here != index_shift::none) regrouped.emplace_back(here);
        std::sort(regrouped.begin(), regrouped.end());
        regrouped.erase(std::unique(regrouped.begin(), regrouped.end()), regrouped.end());
        for (const auto& [old, d] : altered_) change_->altered.emplace_back(kept()(old));
    }

    // What is kept of each node in an array.
    void carry_over() {
        const auto inner = f_.level_begin_[f_.levels_.size() - 1];
        const auto inner_before = before_.level_begin_[f_.levels_.size() - 1];
        f_.chances_ = moved(before_.chances_, kept().within(0, inner_before, 0), inner);
        for (const auto* node : in_order_)
            if (node->index < inner) f_.chances_[node->index] = forest::chance_of(node->declaration->name);
        const auto size = f_.level_begin_.back();
        auto disabled = before_.disabled_.empty() ? bit_set{size} : moved(before_.disabled_, kept(), size);
        const auto note = [&](std::uint32_t node, bool enabled) {
            enabled ? disabled.reset(node) : disabled.set(node);
        };
        for (const auto* node : in_order_) note(node->index, node->declaration->enabled);
        for (const auto& [old, d] : altered_) note(kept()(old), d->enabled);
        if (disabled.first()) f_.disabled_ = std::move(disabled);
    }

    void take_records() {
        f_.records_ = before_.records_;
        f_.is_moved_ = true;
        const auto shared = before_.is_moved_ ? before_.moved_.then(kept())
                                              : index_shift{static_cast<std::uint32_t>(before_.size())}.then(kept());
        std::vector<std::uint32_t> others;
        for (const auto& [old, d] : altered_) others.push_back(kept()(old));
        f_.moved_ = shared.without(others);
        for (const auto& [old, late] : before_.late_)
            if (const auto here = kept()(old); here != index_shift::none) add_late(here, late);
        for (const auto& [old, d] : altered_)
            add_late(kept()(old), {d->name, d->tags, before_.declared_position(node_index{old})});
        for (const auto* node : in_order_)
            add_late(node->index, {node->declaration->name, node->declaration->tags, node->declared});
        const auto gone = f_.records_->name_begin.size() - 1 - f_.moved_.kept();
        if (f_.late_.size() + gone > few + f_.size() / share) gather_records();
    }

    // Of the names of outermost nodes, where they are known already.
    void move_name_keys() {
        if (!f_.has_replicas() || before_.name_keys_.empty()) return;
        const auto tops = kept().within(before_.level_begin_[1], before_.level_begin_[2], 1);
        f_.name_keys_ = moved(before_.name_keys_, tops, f_.size_of(level_index{1}));
        for (const auto& node : by_level_[1])
            f_.name_keys_[node.index - 1] = forest::key_of_name(node.declaration->name);
    }

    void add_late(std::uint32_t node, forest::late_record late) {
        f_.late_by_name_.insert_or_assign(late.name, node);
        f_.late_.insert_or_assign(node, std::move(late));
    }

    void gather_records() {
        auto own = std::make_shared<forest::records>();
        const auto size = static_cast<std::uint32_t>(f_.size());
        own->names.reserve(f_.records_->names.size());
        own->name_begin.reserve(size + std::size_t{1});
        own->declared.reserve(size);
        for (std::uint32_t i = 0; i < size; ++i) {
            const node_index node{i};
            const auto name = f_.name(node);
            own->name_begin.push_back(own->names.size());
            own->names.insert(own->names.end(), name.begin(), name.end());
            own->declared.push_back(f_.declared_position(node));
            if (const auto tags = f_.tags(node); !tags.empty())
                own->tags.emplace(i, std::vector(tags.begin(), tags.end()));
        }
        own->name_begin.push_back(own->names.size());
        own->index_names();
        f_.records_ = std::move(own);
        f_.is_moved_ = false;
        f_.moved_ = {};
        f_.late_ = {};
        f_.late_by_name_ = {};
    }

    index_shift& kept() { return change_->kept; }

    static constexpr std::uint32_t max_declared = 4'000'000'000;

    const forest& before_;
    const node_changes& changes_;
    forest f_;
    std::shared_ptr<forest_change> change_ = std::make_shared<forest_change>();
    std::vector<node_range> removed_;                                  // of the old forest, ascending
    std::vector<std::pair<std::uint32_t, const node_decl*>> altered_;  // by node of the old forest
    std::vector<std::vector<newcomer>> by_level_;
    std::map<std::string_view, std::pair<std::uint32_t, std::size_t>> names_;  // of those that come: where they are
    std::vector<const newcomer*> in_order_;                                    // of the new forest
};

forest_ptr change_forest(const forest_ptr& before, const node_changes& changes, std::uint64_t version) {
    return forest_reviser{before, changes, version}.run();
}

}  // namespace bistro
