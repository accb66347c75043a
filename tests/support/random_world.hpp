// A small random system: forest with odd shapes and replicas, resources, jobs and workers. One seed decides it all.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "model/engine/engine.hpp"
#include "tests/support/random_nodes.hpp"

namespace bistro::test {

struct random_world {
    struct worker {
        worker_info info;
        bool alive = true;
        bool accepting = true;
    };

    explicit random_world(std::uint64_t seed) : random{seed} {
        options.policy = static_cast<policy_kind>(random() % 5);
        options.order = static_cast<node_order>(random() % 3);
        options.selector = static_cast<worker_selector>(random() % 2);
        options.seed = seed;
        const auto depth = 1 + random() % 3;
        for (std::size_t l = 0; l < depth; ++l) levels.push_back("level" + std::to_string(l + 1));
        draw_nodes();
        draw_limits();
        const auto worker_count = 1 + random() % 4;
        for (std::size_t w = 0; w < worker_count; ++w) {
            amounts declared;
            if (random() % 2 == 0) declared["cpu"] = static_cast<std::int64_t>(random() % 6);
            // Hosts share names with nodes, so that placement by level finds some.
            workers.push_back(
                {{shard_name{"w" + std::to_string(w)}, "level1_" + std::to_string(random() % 3), declared}});
        }
        const auto job_count = 1 + random() % 5;
        for (std::size_t j = 0; j < job_count; ++j) jobs.push_back(draw_job(j));
    }

    void draw_nodes() {
        // Some parents have more tasks than one block takes.
        const auto innermost = random() % 20 == 0 ? 150 : 6;
        declared = draw_declarations(random, levels, 6, innermost, with_replicas);
        nodes = build_forest(levels, declared, ++version).nodes;
    }

    /// Changes some of the nodes. Gives the names that are gone, or elsewhere now; nothing where that takes a whole
    /// build, and all has stayed.
    std::optional<std::set<std::string>> revise_nodes() {
        auto revised = revise(random, levels, declared, with_replicas);
        auto next = change_forest(nodes, revised.changes, version + 1);
        if (!next) return std::nullopt;
        ++version;
        nodes = std::move(next);
        declared = std::move(revised.declared);
        return std::move(revised.gone);
    }

    void draw_limits() {
        resources = {};
        auto names = levels;
        names.push_back(instance_level);
        names.push_back(worker_level);
        for (const auto& level : names) {
            const auto count = level == worker_level ? 1 : random() % 3;
            for (std::size_t r = 0; r < count; ++r) {
                resource_def def;
                def.name = level == worker_level ? "cpu" : level + "_r" + std::to_string(r);
                def.limit = static_cast<std::int64_t>(random() % 6);
                def.default_demand = static_cast<std::int64_t>(random() % 3);
                def.weight = static_cast<std::int64_t>(random() % 3);
                resources.by_level[level].push_back(def);
            }
        }
        if (random() % 3 == 0) resources.worker_overrides["w0"]["cpu"] = static_cast<std::int64_t>(random() % 8);
    }

    void draw_demands(job_spec& spec) {
        spec.resources.clear();
        for (const auto& [level, defs] : resources.by_level)
            for (const auto& def : defs)
                if (random() % 3 == 0) spec.resources[def.name] = static_cast<std::int64_t>(random() % 8);
    }

    job_spec draw_job(std::size_t number) {
        job_spec spec;
        spec.name = job_id{"job" + std::to_string(number)};
        spec.priority = static_cast<double>(random() % 4);
        spec.level = random() % 4 == 0 ? std::string{instance_level} : levels[random() % levels.size()];
        draw_demands(spec);
        if (random() % 3 == 0) {
            filter_spec f;
            f.blacklist.push_back(levels.front() + "_1");
            if (random() % 2 == 0) f.fraction_of_nodes = 0.7;
            spec.filters[levels.front()] = f;
            filter_spec tagged;
            tagged.tag_whitelist.push_back("ssd");
            if (random() % 3 == 0) spec.filters[levels[random() % levels.size()]] = tagged;
        }
        if (random() % 6 == 0) spec.host_placement = "level1_" + std::to_string(random() % 3);
        if (random() % 5 == 0) spec.level_for_host_placement = levels.front();
        return spec;
    }

    [[nodiscard]] bool passes_somehow(const job_spec& spec, node_index node) const {
        if (!nodes->enabled(node)) return false;
        auto f = spec.filters.find(nodes->levels()[nodes->level_of(node).value]);
        if (f != spec.filters.end() && !filter{f->second, spec.name.value}.passes(nodes->name(node), nodes->tags(node)))
            return false;
        const auto parents = nodes->parents(node);
        if (parents.empty()) return true;
        for (auto p : parents)
            if (passes_somehow(spec, p)) return true;
        return false;
    }

    random_source random;
    engine_options options;
    std::vector<std::string> levels;
    bool with_replicas = random() % 2 == 0;
    std::vector<node_decl> declared;
    forest_ptr nodes;
    resource_table resources;
    std::vector<worker> workers;
    std::vector<job_spec> jobs;
    std::uint64_t version = 0;
};

}  // namespace bistro::test
