#include "actors/nodes.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/console/observed.hpp"
#include "model/partition.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

using self_ptr = nodes_actor::stateful_pointer<nodes_state>;

std::vector<node_decl> all_declarations(const nodes_state& s) {
    std::vector<node_decl> all;
    for (const auto& source : s.sources) all.insert(all.end(), source.nodes.begin(), source.nodes.end());
    return all;
}

std::vector<std::string> names_at(const forest& nodes, const std::string& level) {
    std::vector<std::string> names;
    if (auto index = nodes.find_level(level))
        for (std::uint32_t i = 0; i < nodes.size_of(*index); ++i)
            names.emplace_back(nodes.name(node_index{nodes.first_of(*index).value + i}));
    return names;
}

// Asks each source whose parents are not those of its last fetch. True where any was asked.
bool ask_sources(self_ptr self, const forest& nodes) {
    auto& s = self->state;
    bool any = false;
    for (auto& source : s.sources) {
        const auto& level = source.settings.parent_level;
        auto parents = level.empty() ? std::vector<std::string>{} : names_at(nodes, level);
        if (source.asked && parents == source.parents) continue;
        source.asked = true;
        source.parents = std::move(parents);
        source.outstanding = ++s.requests;
        self->send(source.actor, parents_known{source.outstanding, source.parents});
        any = true;
    }
    return any;
}

// The source of the declaration with this index among all_declarations().
const nodes_state::source& source_of(const nodes_state& s, std::size_t declaration, const node_decl*& found) {
    auto source = s.sources.begin();
    for (; declaration >= source->nodes.size(); ++source) declaration -= source->nodes.size();
    found = &source->nodes[declaration];
    return *source;
}

// What the sources tell, and what is wrong with them together, each at its place.
diagnostics all_problems(const nodes_state& s, const forest_result& result) {
    diagnostics all;
    for (const auto& source : s.sources)
        for (const auto& problem : source.problems) {
            all.push_back(problem);
            if (!problem.file.empty()) continue;
            all.back() = {s.config->file, source.settings.at.line, source.settings.at.column,
                          source.settings.name + ": " + problem.message};
        }
    for (const auto& problem : result.problems) {
        const node_decl* declared = nullptr;
        const auto& source = source_of(s, problem.declaration, declared);
        const auto at = source.settings.kind == source_kind::range_label ? source.settings.at : declared->at;
        all.push_back({text_of(source.settings, s.config->file), at.line, at.column, problem.text});
    }
    if (result.more_problems > 0)
        all.push_back({s.config->file, 0, 0, counted(result.more_problems, "more node") + " can't be used"});
    return all;
}

void publish(self_ptr self, forest_result result) {
    auto& s = self->state;
    nodes_changed m;
    m.problems = all_problems(s, result);
    // What is the same goes by the same version, so that nobody has to look at it again.
    if (!s.forest || result.nodes->change_from(*s.forest) ||
        (s.forest != result.nodes && !s.forest->has_same_nodes(*result.nodes))) {
        s.forest = std::move(result.nodes);
        s.version = s.forest->version();
    }
    m.nodes = s.forest;
    s.is_published = true;
    s.node_problems = std::move(result.problems);
    s.more_node_problems = result.more_problems;
    for (const auto& source : s.sources) m.first_fetch_failed = m.first_fetch_failed || !source.ever_good;
    self->send(caf::actor_cast<nodes_listener>(s.listener), std::move(m));
}

// The forest of now where it came of the one before by a change; none where it has to be built.
forest_result changed_forest(const nodes_state& s) {
    const bool same_levels = s.forest &&
                             std::ranges::equal(std::span{s.forest->levels()}.subspan(1), s.config->levels) &&
                             s.forest->name(forest::instance()) == s.config->instance_name;
    if (!same_levels) return {};
    std::vector<std::span<const node_decl>> declared;
    for (const auto& source : s.sources) declared.emplace_back(source.nodes);
    auto found = find_changes(*s.forest, declared, s.config->engine.order == node_order::original);
    if (!found) return {};
    auto nodes = s.forest;
    if (!found->changes.empty()) {
        nodes = change_forest(s.forest, found->changes, s.version + 1);
        // What belongs to another partition now is told there anew, as all else is then.
        if (!nodes || moves_partitions(*s.forest, *nodes, *nodes->change(), s.config->partitions)) return {};
    }
    return {std::move(nodes), std::move(found->problems), found->more_problems};
}

// Sources hang below each other's nodes, so a forest is only published once none has a question open: before that it
// would lack nodes that are known to come.
void merge(self_ptr self) {
    auto& s = self->state;
    auto result = changed_forest(s);
    if (!result.nodes)
        result = build_forest(s.config->levels, all_declarations(s), s.version + 1, s.config->instance_name);
    if (ask_sources(self, *result.nodes)) return;
    if (std::any_of(s.sources.begin(), s.sources.end(), [](const auto& source) { return source.outstanding != 0; }))
        return;
    publish(self, std::move(result));
}

// The same nodes may have moved in the file of the config.
void take_places(nodes_state& s) {
    for (std::size_t i = 0; i < s.sources.size(); ++i) {
        auto& source = s.sources[i];
        source.settings = s.config->sources[i];
        if (source.settings.kind == source_kind::manual && !source.nodes.empty()) source.nodes = source.settings.nodes;
    }
}

void configure(self_ptr self, const std::shared_ptr<const settings>& config) {
    auto& s = self->state;
    const bool same = s.config && s.config->levels == config->levels && s.config->sources == config->sources &&
                      s.config->instance_name == config->instance_name &&
                      s.config->engine.order == config->engine.order;
    const bool same_levels = s.config && s.config->levels == config->levels;
    s.config = config;
    if (same) return take_places(s);
    s.is_published = false;
    std::vector<nodes_state::source> old = std::move(s.sources);
    s.sources.clear();
    for (std::size_t i = 0; i < config->sources.size(); ++i) {
        nodes_state::source source;
        source.settings = config->sources[i];
        // A source that did not change keeps its nodes, so that a failing script is not noticed by its neighbours.
        auto before = std::find_if(old.begin(), old.end(),
                                   [&](const auto& o) { return o.actor && o.settings == source.settings; });
        if (before != old.end() && same_levels && before - old.begin() == static_cast<std::ptrdiff_t>(i)) {
            s.sources.push_back(std::move(*before));
            *before = {};
            continue;
        }
        const auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
        source.actor = s.tools.own_threads
                           ? spawn_child<caf::detached>(self, node_source_behavior, source.settings, i, config->levels,
                                                        me, s.tools)
                           : spawn_child(self, node_source_behavior, source.settings, i, config->levels, me, s.tools);
        s.sources.push_back(std::move(source));
    }
    for (auto& source : old)
        if (source.actor) self->send_exit(source.actor, caf::exit_reason::user_shutdown);
    take_places(s);
    merge(self);
}

}  // namespace

nodes_actor::behavior_type nodes_behavior(self_ptr self, caf::strong_actor_ptr listener, source_tools tools) {
    self->state.listener = std::move(listener);
    self->state.tools = tools;
    self->set_exit_handler([=](caf::exit_msg& m) {
        for (auto& source : self->state.sources)
            if (source.actor) self->send_exit(source.actor, m.reason);
        self->quit(std::move(m.reason));
    });
    return {
        [=](source_fetched& m) {
            auto& s = self->state;
            if (m.source >= s.sources.size()) return;
            auto& source = s.sources[m.source];
            if (m.request != 0 && m.request != source.outstanding) return;  // its parents have changed since
            if (m.request != 0) source.outstanding = 0;
            source.problems = std::move(m.problems);
            if (!m.failed) {
                source.ever_good = true;
                if (m.request == 0 && s.is_published && m.nodes == source.nodes)
                    return publish(self, {s.forest, s.node_problems, s.more_node_problems});
                source.nodes = std::move(m.nodes);
                s.is_published = false;
            }
            merge(self);
        },
        [=](const config_changed& m) { configure(self, m.config); },
    };
}

}  // namespace bistro
