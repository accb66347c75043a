// The [nodes] section: levels, order and sources.
#include <algorithm>
#include <set>

#include "config/toml_loader.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

void load_levels(toml_reader& nodes, load_context& c) {
    auto levels = nodes.strings("levels");
    if (!levels && !nodes.has("levels"))
        nodes.error("levels", "\"nodes.levels\" is missing; name the levels, outermost first, like [\"host\", \"db\"]");
    if (!levels) return;
    if (levels->empty()) nodes.error("levels", "\"nodes.levels\" is empty; at least one level is needed");
    if (levels->size() > 200) nodes.error("levels", "there are more than 200 levels");
    std::set<std::string> seen;
    for (const auto& level : *levels) {
        if (level == instance_level || level == worker_level)
            nodes.error("levels", "level " + quote(level) + " exists by itself; leave it out");
        else if (level.empty())
            nodes.error("levels", "a level has no name");
        else if (!seen.insert(level).second)
            nodes.error("levels", "level " + quote(level) + " is named twice");
        else
            c.config.levels.push_back(level);
    }
}

text_place place_of(const toml::node& node) { return {node.source().begin.line, node.source().begin.column}; }

// The nodes of a manual source. Their levels follow from their parents, wherever those are declared.
class manual_nodes {
public:
    manual_nodes(const toml::table& table, load_context& c) : c_{c} {
        for (const auto& [name, node] : in_file_order(table)) declare(name, *node);
    }

    std::vector<node_decl> finish() {
        for (auto& d : declared_) {
            if (!c_.manual_nodes.insert(d.name).second) {
                c_.sink.add(*where_.at(d.name).at, "node " + quote(d.name) + " is declared in an earlier source too");
                continue;
            }
            const auto depth = depth_of(d.name, 0);
            if (depth == 0) continue;
            if (depth > c_.config.levels.size()) {
                c_.sink.add(*where_.at(d.name).at, "node " + quote(d.name) + " is " + std::to_string(depth) +
                                                       " levels deep, but there are only " +
                                                       std::to_string(c_.config.levels.size()) + " levels");
                continue;
            }
            d.level = c_.config.levels[depth - 1];
        }
        std::erase_if(declared_, [](const node_decl& d) { return d.level.empty(); });
        return std::move(declared_);
    }

private:
    void declare(const std::string& name, const toml::node& node) {
        node_decl d;
        d.name = name;
        d.at = place_of(node);
        if (auto problem = node_name_problem(name); !problem.empty()) {
            c_.sink.add(node, problem);
            return;
        }
        if (node.as_table() == nullptr) {
            c_.sink.add(node, "node " + quote(name) + " must be a table like { parent = \"host1\" } or {}");
            return;
        }
        toml_reader r{*node.as_table(), "nodes.sources.nodes." + quote(name), c_.sink};
        if (auto disabled = r.boolean("disabled")) d.enabled = !*disabled;
        if (auto tags = r.strings("tags")) d.tags = *tags;
        if (auto parent = r.string("parent")) d.parents.push_back(*parent);
        if (auto parents = r.strings("parents")) d.parents.insert(d.parents.end(), parents->begin(), parents->end());
        const auto children = r.strings("children");
        r.finish();
        add(d, node);
        for (const auto& child : children.value_or(std::vector<std::string>{})) {
            node_decl below;
            below.name = child;
            below.parents = {name};
            below.at = d.at;
            add(below, node);
        }
    }

    void add(const node_decl& d, const toml::node& at) {
        if (auto problem = node_name_problem(d.name); !problem.empty()) {
            c_.sink.add(at, problem);
            return;
        }
        auto [found, is_new] = where_.emplace(d.name, place{&at, declared_.size()});
        if (is_new) {
            declared_.push_back(d);
            return;
        }
        // A node may be named in a list of children and have an entry of its own; anything else is a duplicate.
        auto& earlier = declared_[found->second.index];
        if (found->second.at == &at) {
            c_.sink.add(at, "node " + quote(d.name) + " is named twice in one list of children");
            return;
        }
        if (!earlier.parents.empty() && !d.parents.empty() && earlier.parents != d.parents) {
            c_.sink.add(at, "node " + quote(d.name) +
                                " is declared twice, with different parents; a replica is written parents = [...]");
            return;
        }
        if (earlier.parents.empty()) earlier.parents = d.parents;
        if (!d.enabled) earlier.enabled = false;
        earlier.tags.insert(earlier.tags.end(), d.tags.begin(), d.tags.end());
        found->second.at = &at;
    }

    // 1 for children of the instance; 0 where it can't be told (reported once).
    std::size_t depth_of(const std::string& name, std::size_t guard) {
        const auto& here = where_.at(name);
        const auto& found = declared_[here.index];
        if (guard > c_.config.levels.size()) {
            c_.sink.add(*here.at, "node " + quote(name) + " is among its own ancestors, or too deep for the levels");
            return 0;
        }
        if (auto known = depth_.find(name); known != depth_.end()) return known->second;
        std::size_t depth = 1;
        if (!found.parents.empty()) {
            const auto& parent = found.parents.front();
            if (where_.contains(parent)) {
                const auto above = depth_of(parent, guard + 1);
                depth = above == 0 ? 0 : above + 1;
            } else {
                depth = 2;  // another source's node: it can only hang below the first level, or build_forest objects
            }
        }
        return depth_[name] = depth;
    }

    struct place {
        const toml::node* at = nullptr;
        std::size_t index = 0;  // in declared_
    };

    load_context& c_;
    std::vector<node_decl> declared_;
    std::map<std::string, place> where_;
    std::map<std::string, std::size_t> depth_;
};

void load_parent_level(toml_reader& r, source_settings& source, load_context& c, bool required) {
    if (auto level = r.string("parent_level")) {
        if (c.check_level(r.at("parent_level"), *level, true, false)) source.parent_level = *level;
        if (!c.config.levels.empty() && *level == c.config.levels.back())
            r.error("parent_level", quote(*level) + " is the innermost level; nothing can hang below it");
    } else if (required && !r.has("parent_level")) {
        r.error("parent_level",
                "\"" + r.where() + "\" needs a parent_level (" + quote(instance_level) + " for the first level)");
    }
}

void load_timing(toml_reader& r, source_settings& source, std::int64_t period_s) {
    constexpr std::int64_t day_s = 86'400;
    source.period_s = r.integer("period_s", 0, 365 * day_s).value_or(period_s);
    if (auto timeout = r.integer("timeout_s", 1, day_s)) source.timeout_s = *timeout;
    if (auto retries = r.integer("retries", 0, 1000)) source.retries = *retries;
    if (auto wait = r.integer("retry_wait_s", 0, day_s)) source.retry_wait_s = *wait;
}

void load_range(toml_reader& r, source_settings& source) {
    constexpr std::int64_t far = std::int64_t{1} << 40;
    if (auto format = r.string("format")) source.format = *format;
    if (source.format.find("{i}") == std::string::npos)
        r.error("format", "\"format\" lacks {i}, so all its nodes would have one name");
    for (auto [key, value] : {std::pair{"start", &source.start}, {"end", &source.end}}) {
        if (auto number = r.integer(key, -far, far))
            *value = *number;
        else if (!r.has(key))
            r.error(key, "\"" + r.where() + "\" needs a " + key);
    }
    if (source.end < source.start) r.error("end", "\"end\" is below \"start\"");
    if (source.end - source.start >= defaults::max_range_nodes)
        r.error("end", "the range has more than " + std::to_string(defaults::max_range_nodes) + " nodes");
}

void load_source(const toml::table& table, std::size_t number, load_context& c) {
    toml_reader r{table, "nodes.sources[" + std::to_string(number) + "]", c.sink};
    source_settings source;
    const std::vector<std::string> kinds{"manual", "range_label", "script", "file"};
    const auto kind = r.word(
        "source",
        [&](std::string_view text) -> std::optional<source_kind> {
            auto found = std::find(kinds.begin(), kinds.end(), text);
            if (found == kinds.end()) return std::nullopt;
            return static_cast<source_kind>(found - kinds.begin());
        },
        kinds);
    if (!kind) {
        if (!r.has("source")) r.error("source", "\"" + r.where() + "\" needs a source: " + join(kinds, ", "));
        return;
    }
    source.kind = *kind;
    source.at = place_of(table);
    source.name = kinds[static_cast<std::size_t>(*kind)] + " source " + std::to_string(number);
    switch (*kind) {
        case source_kind::manual:
            if (const auto* nodes = r.subtable("nodes")) source.nodes = manual_nodes{*nodes, c}.finish();
            break;
        case source_kind::range_label:
            load_parent_level(r, source, c, true);
            load_range(r, source);
            break;
        case source_kind::script:
            load_parent_level(r, source, c, false);
            load_timing(r, source, defaults::script_period_s);
            if (auto command = r.strings("command"); command && !command->empty()) {
                source.command = *command;
                if (source.command.front().find('/') != std::string::npos)
                    source.command.front() = c.resolve(source.command.front());
            } else {
                r.error("command", "\"" + r.where() + "\" needs a command, a list like [\"./list-dbs.sh\"]");
            }
            break;
        case source_kind::file:
            load_parent_level(r, source, c, false);
            load_timing(r, source, defaults::file_period_s);
            if (auto path = r.string("path"))
                source.path = c.resolve(*path);
            else if (!r.has("path"))
                r.error("path", "\"" + r.where() + "\" needs the path of a file");
            break;
    }
    r.finish();
    c.config.sources.push_back(std::move(source));
}

}  // namespace

void load_nodes(toml_reader& nodes, load_context& c) {
    load_levels(nodes, c);
    if (auto order = nodes.word("order", parse_node_order, {"random", "original", "lexicographic"}))
        c.config.engine.order = *order;
    if (auto name = nodes.string("instance_name")) c.config.instance_name = *name;
    const auto* sources = nodes.array("sources");
    if (sources == nullptr || sources->empty()) {
        if (sources != nullptr || !nodes.has("sources"))
            nodes.error("sources", "there is no source of nodes; add a section [[nodes.sources]]");
    } else {
        std::size_t number = 0;
        for (const auto& element : *sources) {
            ++number;
            if (const auto* table = element.as_table())
                load_source(*table, number, c);
            else
                c.sink.add(element, "a source of nodes must be a table");
        }
    }
    nodes.finish();
}

std::vector<node_decl> range_nodes(const source_settings& source, const std::string& level,
                                   const std::vector<std::string>& parents) {
    auto replace = [](std::string text, std::string_view what, const std::string& with) {
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
            text.replace(at, what.size(), with);
        return text;
    };
    std::vector<node_decl> result;
    for (const auto& parent : parents) {
        auto format = replace(source.format, "{start}", std::to_string(source.start));
        format = replace(format, "{end}", std::to_string(source.end));
        for (auto i = source.start; i <= source.end; ++i) {
            node_decl d;
            d.name = replace(replace(format, "{i}", std::to_string(i)), "{parent}", parent);
            d.level = level;
            d.at = source.at;
            if (source.parent_level != instance_level) d.parents = {parent};
            result.push_back(std::move(d));
        }
    }
    return result;
}

std::optional<declared_nodes> nodes_of_config(const settings& config) {
    declared_nodes result;
    auto& all = result.declarations;
    for (const auto& source : config.sources) {
        if (source.kind == source_kind::file || source.kind == source_kind::script) return std::nullopt;
        all.insert(all.end(), source.nodes.begin(), source.nodes.end());
    }
    for (std::size_t depth = 0; depth < config.levels.size(); ++depth) {
        const auto above = build_forest(config.levels, all, 1, config.instance_name).nodes;
        const level_index level{depth};
        std::vector<std::string> parents;
        for (std::size_t i = 0; i < above->size_of(level); ++i)
            parents.emplace_back(above->name(node_index{above->first_of(level).value + i}));
        for (const auto& source : config.sources) {
            if (source.kind != source_kind::range_label || source.parent_level != above->levels()[depth]) continue;
            const auto nodes = range_nodes(source, config.levels[depth], parents);
            all.insert(all.end(), nodes.begin(), nodes.end());
        }
    }
    result.forest = build_forest(config.levels, all, 1, config.instance_name);
    return result;
}

std::vector<node_decl> nodes_of_lines(std::string_view text, const std::vector<std::string>& levels,
                                      std::size_t first_level, bool first_is_implied, const std::string& file,
                                      diagnostics& problems) {
    std::vector<node_decl> result;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        auto end = text.find('\n', begin);
        if (end == std::string_view::npos) end = text.size();
        auto line = text.substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        std::vector<std::string> parts;
        for (std::size_t at = 0;;) {
            const auto slash = line.find('/', at);
            parts.emplace_back(line.substr(at, slash == std::string_view::npos ? slash : slash - at));
            if (slash == std::string_view::npos) break;
            at = slash + 1;
        }
        if (first_level + parts.size() > levels.size()) {
            problems.push_back({file, number, 1,
                                quote(line) + " has " + std::to_string(parts.size()) + " parts, but there are only " +
                                    std::to_string(levels.size() - first_level) +
                                    " levels; a / stands between a node and its child"});
            continue;
        }
        if (auto bad =
                std::find_if(parts.begin(), parts.end(), [](const auto& p) { return !node_name_problem(p).empty(); });
            bad != parts.end()) {
            problems.push_back({file, number, 1, node_name_problem(*bad)});
            continue;
        }
        for (std::size_t i = 0; i < parts.size(); ++i) {
            node_decl d;
            d.name = parts[i];
            d.level = levels[first_level + i];
            if (i > 0) d.parents = {parts[i - 1]};
            d.implied = i + 1 < parts.size();
            d.at = {static_cast<std::uint32_t>(number), 1};
            if (i == 0 && d.implied && !first_is_implied) continue;  // another source has it
            result.push_back(std::move(d));
        }
    }
    return result;
}

}  // namespace bistro
