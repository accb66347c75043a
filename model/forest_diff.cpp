// What has changed between a forest and the declarations of another. Most declarations are of nodes that are there
// already, and stand fast. The others, those that have the name of one of the others, and those below a node that does
// not stand fast are judged as build_forest would: level by level, in the order of their declaration.
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "model/forest.hpp"
#include "model/node_rules.hpp"

namespace bistro {

namespace {

// Where more than this part of the nodes has changed, a whole build costs no more.
constexpr std::size_t share_worth_a_build = 4;
constexpr std::size_t few_changes = 64;

class forest_diff {
public:
    forest_diff(const forest& before, std::span<const std::span<const node_decl>> declarations)
        : before_{before},
          declarations_{declarations},
          declared_{before.size()},
          seen_{before.size()},
          open_{before.size()},
          stays_{before.size()} {
        seen_.set(0);
        for (std::uint32_t l = 0; l < before.levels().size(); ++l) {
            const auto first = before.first_of(level_index{l}).value;
            levels_.push_back({first, first, first + static_cast<std::uint32_t>(before.size_of(level_index{l}))});
        }
    }

    std::optional<found_changes> run(bool keep_order) {
        if (!find_odd() || !find_open()) return std::nullopt;
        judge();
        if (keep_order && !keeps_order()) return std::nullopt;
        return finish();
    }

private:
    enum class outcome : std::uint8_t { wrong, stays, comes };

    // One that has to be judged.
    struct candidate {
        std::uint32_t index = 0;  // among all declarations
        const node_decl* declaration = nullptr;
        outcome is = outcome::wrong;
    };

    struct level_state {
        std::uint32_t first = 0;
        std::uint32_t next = 0;  // the node that the next declaration should be of
        std::uint32_t end = 0;
        std::uint32_t last = 0;  // one past the position of the last that was declared
        bool has_more = false;   // nodes that are new, or elsewhere, so far in order
    };

    [[nodiscard]] bool are_many(std::size_t count) const {
        return count > few_changes + before_.size() / share_worth_a_build;
    }

    template <class F>
    bool for_each_declaration(F&& visit) {
        for (auto& level : levels_) level.next = level.first;
        std::uint32_t index = 0;
        for (const auto& source : declarations_)
            for (const auto& d : source)
                if (!visit(index++, d)) return false;
        return true;
    }

    std::size_t level_of(const node_decl& d) {
        if (last_level_ != 0 && before_.levels()[last_level_] == d.level) return last_level_;
        const auto level = before_.find_level(d.level);
        return last_level_ = level ? level->value : 0;
    }

    // Its namesake in the forest.
    std::optional<node_index> find(const node_decl& d) {
        auto& level = levels_[level_of(d)];
        if (level.next < level.end && before_.name(node_index{level.next}) == d.name) return node_index{level.next++};
        const auto node = before_.find(d.name);
        if (node && node->value >= level.first) level.next = node->value + 1;
        return node;
    }

    // -- who does not stand fast --------------------------------------------------------------------------------------

    // All that is declared, and then, of those that are only mentioned, the first of each name that nobody declares.
    bool find_odd() {
        bool some_are_implied = false;
        const auto look_at_declared = [&](std::uint32_t i, const node_decl& d) {
            if (d.implied) {
                some_are_implied = true;
                return true;
            }
            const auto node = find(d);
            if (node) declared_.set(node->value);
            return look(i, d, node);
        };
        if (!for_each_declaration(look_at_declared)) return false;
        if (!some_are_implied) return true;
        boost::unordered_flat_set<std::string_view> others;
        for (const auto& c : candidates_) others.insert(c.declaration->name);
        first_mention_ = bit_set{before_.size()};
        const auto look_at_implied = [&](std::uint32_t i, const node_decl& d) {
            if (!d.implied) return true;
            const auto node = find(d);
            const bool counts =
                node ? !declared_[node->value] && first_mention_.set(node->value) : others.insert(d.name).second;
            return !counts || look(i, d, node);
        };
        return for_each_declaration(look_at_implied);
    }

    bool look(std::uint32_t i, const node_decl& d, std::optional<node_index> node) {
        const bool is_there = node && *node != forest::instance() && is_as(*node, d);
        if (is_there && seen_.set(node->value)) {
            note_altered(*node, d);
            return true;
        }
        if (node && may_come_before(d, *node)) open_.set(node->value);
        candidates_.push_back({i, &d});
        return candidates_.size() <= few_changes + before_.size();
    }

    // One that is judged later than another of its name can't take its place.
    [[nodiscard]] bool may_come_before(const node_decl& d, node_index node) {
        const auto l = level_of(d);
        const auto level = before_.level_of(node).value;
        return l != 0 && (l < level || (l == level && !seen_[node.value]));
    }

    [[nodiscard]] bool is_as(node_index node, const node_decl& d) {
        return before_.level_of(node).value == level_of(d) && before_.is_below(node, d.parents);
    }

    void note_altered(node_index node, const node_decl& d) {
        if (d.enabled != before_.enabled(node) || !std::ranges::equal(d.tags, before_.tags(node)))
            altered_.emplace_back(node, &d);
    }

    // Those that are gone, and all that is below one that does not stand fast, have to be judged, too.
    bool find_open() {
        std::size_t open = 0;
        bool some_are_seen = false;
        for (std::uint32_t i = 1; i < before_.size(); ++i) {
            if (seen_[i] && !open_[i]) continue;
            open_.set(i);
            some_are_seen = some_are_seen || seen_[i];
            if (are_many(++open)) return false;
            const node_index node{i};
            for (std::uint32_t place = 0; place < before_.child_count(node); ++place)
                open_.set(before_.child(node, place).value);
        }
        std::erase_if(altered_, [&](const auto& a) { return open_[a.first.value]; });
        const auto by_index = [](const auto& a, const auto& b) { return a.index < b.index; };
        std::sort(candidates_.begin(), candidates_.end(), by_index);
        if (!some_are_seen) return true;
        const auto odd = candidates_.size();
        auto next = std::size_t{0};
        bit_set mentioned{first_mention_.size()};
        for_each_declaration([&](std::uint32_t i, const node_decl& d) {
            const auto node = find(d);
            if (!node || !open_[node->value]) return true;
            const bool counts = !d.implied || (!declared_[node->value] && mentioned.set(node->value));
            while (next < odd && candidates_[next].index < i) ++next;
            if (counts && (next == odd || candidates_[next].index != i)) candidates_.push_back({i, &d});
            return true;
        });
        const auto begin = candidates_.begin();
        std::inplace_merge(begin, begin + static_cast<std::ptrdiff_t>(odd), candidates_.end(), by_index);
        return true;
    }

    // -- who becomes a node -------------------------------------------------------------------------------------------

    void judge() {
        std::vector<std::vector<candidate*>> by_level(levels_.size());
        for (auto& c : candidates_)
            if (auto text = problem_by_itself(*c.declaration, before_.levels()); !text.empty())
                note_problem(c, std::move(text));
            else
                by_level[level_of(*c.declaration)].push_back(&c);
        for (std::size_t l = 1; l < levels_.size(); ++l)
            for (auto* c : by_level[l]) judge(*c, l);
    }

    void judge(candidate& c, std::size_t level) {
        const auto& d = *c.declaration;
        const auto node = before_.find(d.name);
        const bool is_first = !(node && stands_fast(*node)) && accepted_.try_emplace(d.name, level).second;
        if (!is_first) return note_problem(c, problem_of_second(d));
        if (auto text = problem_of_parents(d, level); !text.empty()) {
            accepted_.erase(d.name);
            return note_problem(c, std::move(text));
        }
        const bool is_there = node && is_as(*node, d) &&
                              std::ranges::all_of(before_.parents(*node), [&](node_index p) { return stays(p); });
        c.is = is_there ? outcome::stays : outcome::comes;
        if (!is_there) return;
        stays_.set(node->value);
        note_altered(*node, d);
    }

    [[nodiscard]] std::string problem_of_parents(const node_decl& d, std::size_t level) const {
        if (d.parents.empty()) return problem_without_parent(d, level, before_.levels());
        for (const auto& parent : d.parents)
            if (auto text = problem_of_parent(d, parent, level, before_.levels(), level_of_node(parent)); !text.empty())
                return text;
        return {};
    }

    // Of what stands fast, or has been accepted so far.
    [[nodiscard]] std::optional<std::size_t> level_of_node(std::string_view name) const {
        if (const auto found = accepted_.find(name); found != accepted_.end()) return found->second;
        const auto node = before_.find(name);
        if (!node || !stands_fast(*node)) return std::nullopt;
        return before_.level_of(*node).value;
    }

    [[nodiscard]] bool stands_fast(node_index node) const { return seen_[node.value] && !open_[node.value]; }

    [[nodiscard]] bool stays(node_index node) const { return (open_[node.value] ? stays_ : seen_)[node.value]; }

    void note_problem(const candidate& c, std::string text) {
        if (result_.problems.size() < max_node_problems)
            result_.problems.push_back({std::move(text), c.index});
        else
            ++result_.more_problems;
    }

    // -- what is told -------------------------------------------------------------------------------------------------

    // False where what is new or has moved does not come last in its level, or the rest is not in the order that it
    // has.
    bool keeps_order() {
        auto next = candidates_.begin();
        bit_set mentioned{first_mention_.size()};
        return for_each_declaration([&](std::uint32_t i, const node_decl& d) {
            const auto node = find(d);
            const bool counts = !d.implied || !node || (!declared_[node->value] && mentioned.set(node->value));
            if (!counts) return true;
            while (next != candidates_.end() && next->index < i) ++next;
            const bool is_judged = next != candidates_.end() && next->index == i;
            if (!is_judged && !node) return true;  // mentioned once more
            if (is_judged && next->is == outcome::wrong) return true;
            auto& level = levels_[level_of(d)];
            if (is_judged && next->is == outcome::comes) {
                level.has_more = true;
                return true;
            }
            const auto position = before_.declared_position(*node);
            if (position < level.last || level.has_more) return false;
            level.last = position + 1;
            return true;
        });
    }

    std::optional<found_changes> finish() {
        auto& changes = result_.changes;
        for (std::uint32_t i = 1; i < before_.size(); ++i)
            if (!stays(node_index{i})) changes.removed.emplace_back(before_.name(node_index{i}));
        for (const auto& c : candidates_) {
            if (c.is != outcome::comes) continue;
            changes.added.push_back(*c.declaration);
            changes.added.back().implied = false;
        }
        for (const auto& [node, d] : altered_) changes.altered.push_back(*d);
        if (are_many(changes.removed.size() + changes.added.size() + changes.altered.size())) return std::nullopt;
        return std::move(result_);
    }

    const forest& before_;
    std::span<const std::span<const node_decl>> declarations_;
    bit_set declared_;       // by node: its name is, not only mentioned
    bit_set first_mention_;  // by node: mentioned, and nowhere declared
    bit_set seen_;           // by node: one declaration is as it is
    bit_set open_;           // by node: does not stand fast
    bit_set stays_;          // by node, of those: stays nevertheless
    std::vector<level_state> levels_;
    std::size_t last_level_ = 0;
    std::vector<candidate> candidates_;
    std::vector<std::pair<node_index, const node_decl*>> altered_;
    boost::unordered_flat_map<std::string_view, std::size_t> accepted_;  // of the candidates, by name: their level
    found_changes result_;
};

}  // namespace

std::optional<found_changes> find_changes(const forest& before,
                                          std::span<const std::span<const node_decl>> declarations, bool keep_order) {
    return forest_diff{before, declarations}.run(keep_order);
}

}  // namespace bistro
