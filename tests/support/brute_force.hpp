// The reference that the engine is held against: the paper's loop over every job and every node, and what it says of
// why something waits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "model/engine/engine.hpp"
#include "model/filters.hpp"
#include "tests/support/random_world.hpp"

namespace bistro::test {

// The reference: free slots are recounted from the running tasks, every path of every pending task is tried.
class brute_force {
public:
    explicit brute_force(const random_world& world) : world_{world} {}

    void start(const start_decision& d) {
        if (one_engine && world_.options.policy == policy_kind::ranked_priority) {
            EXPECT_EQ(startable(world_.jobs.at(d.job.value).priority), "") << "has a higher priority";
        }
        const auto job = world_.jobs.at(d.job.value).name;
        const auto node = std::string{world_.nodes->name(d.node)};
        EXPECT_TRUE(pending.contains({job.value, node}))
            << "started what was not pending: " << job.value << " " << node;
        for (const auto& [invocation, r] : running)
            EXPECT_FALSE(r.job == job && r.node == node) << "double run of " << job.value << " on " << node;
        record r{job, node, {}, d.worker, {}};
        for (auto n : d.path) r.path.emplace_back(world_.nodes->name(n));
        r.demands = demands_of(world_.jobs.at(d.job.value));
        check_path(d.path);
        EXPECT_TRUE(fits(world_.jobs.at(d.job.value), r.demands, d.path, d.worker))
            << "no room for " << job.value << " on " << node;
        EXPECT_TRUE(passes(world_.jobs.at(d.job.value), d.path));
        if (one_engine) check_worker(world_.jobs.at(d.job.value), r.demands, d);
        if (one_engine && first_fill) check_order(world_.jobs.at(d.job.value), r.demands, d);
        running[d.invocation] = r;
        pending.erase({job.value, node});
    }

    void finish(invocation_id id) { running.erase(id); }

    // That what keeps a job from starting is so, by nothing but what runs and the tables; on the way to the task, where
    // one is meant.
    void check(const job_spec& spec, std::optional<node_index> task, const blocker& b) const {
        SCOPED_TRACE(spec.name.value + ": " + to_string(b));
        const auto demands = demands_of(spec);
        const auto limit_of = [&](const std::string& level) {
            for (const auto& def : world_.resources.of(level))
                if (def.name == b.resource) return def.limit;
            ADD_FAILURE() << "no such resource";
            return std::int64_t{0};
        };
        if (b.what == blocker::kind::node_resource || b.what == blocker::kind::node_closed) {
            const auto place = world_.nodes->find(b.place);
            ASSERT_TRUE(place);
            EXPECT_TRUE(!task || leads_to(*task, *place)) << "is not on the way";
            if (b.what == blocker::kind::node_closed) {
                EXPECT_FALSE(passes_at(spec, *place));
                return;
            }
            const auto& level = world_.nodes->levels()[world_.nodes->level_of(*place).value];
            EXPECT_EQ(b.limit, limit_of(level));
            EXPECT_EQ(b.demand, demands.at(level).at(b.resource));
            EXPECT_EQ(b.free, b.limit - used(b.place, level, b.resource));
            EXPECT_LT(b.free, b.demand);
        } else if (b.what == blocker::kind::worker_resource) {
            for (std::size_t w = 0; w < world_.workers.size(); ++w) {
                const auto& worker = world_.workers[w];
                if (worker.info.shard.value != b.place) continue;
                EXPECT_TRUE(worker.alive && worker.accepting);
                EXPECT_EQ(b.free, worker_free(w).at(0));
                EXPECT_EQ(b.demand, demands.at(worker_level).at(b.resource));
                EXPECT_LT(b.free, b.demand);
                return;
            }
            ADD_FAILURE() << "no such worker";
        } else if (b.what == blocker::kind::no_worker && !b.resource.empty()) {
            for (const auto& worker : world_.workers)
                if (worker.alive && worker.accepting && (b.place.empty() || worker.info.host == b.place)) {
                    EXPECT_TRUE(too_small(spec, worker)) << "one that is large enough is there";
                }
        } else if (b.what == blocker::kind::no_worker) {
            for (const auto& worker : world_.workers)
                EXPECT_FALSE(worker.alive && worker.accepting && (b.place.empty() || worker.info.host == b.place));
        } else if (b.what == blocker::kind::scheduler_disabled) {
            EXPECT_FALSE(world_.options.enabled);
        }
    }

    // The level and the resource of which the job asks for more than any of its nodes has; the outermost level first.
    [[nodiscard]] std::optional<std::pair<std::string, std::string>> never_enough(const job_spec& spec) const {
        const auto demands = demands_of(spec);
        const auto& levels = world_.nodes->levels();
        for (std::size_t l = 0; l <= world_.nodes->find_level(spec.level)->value; ++l)
            for (const auto& def : world_.resources.of(levels[l]))
                if (demands.at(levels[l]).at(def.name) > def.limit) return std::pair{levels[l], def.name};
        return std::nullopt;
    }

    [[nodiscard]] bool too_small(const job_spec& spec, const random_world::worker& worker) const {
        const auto demands = demands_of(spec);
        const auto& defs = world_.resources.of(worker_level);
        const auto& info = worker.info;
        const auto limits = worker_limits(world_.resources, info.shard.value, info.host, info.declared);
        for (std::size_t r = 0; r < defs.size(); ++r)
            if (demands.at(worker_level).at(defs[r].name) > std::max<std::int64_t>(limits[r], 0)) return true;
        return false;
    }

    // There are workers on a host (empty: on any), and all are too small for the job, also those that only take nothing
    // now.
    [[nodiscard]] bool workers_never_fit(const job_spec& spec, const std::string& host) const {
        bool any = false;
        for (const auto& worker : world_.workers) {
            if (!worker.alive || (!host.empty() && worker.info.host != host)) continue;
            if (!too_small(spec, worker)) return false;
            any = any || worker.accepting;
        }
        return any;
    }

    // No task of the job can start, whatever ends: of its nodes, or of the workers that are there.
    [[nodiscard]] bool never_starts(const job_spec& spec) const {
        return never_enough(spec) || workers_never_fit(spec, spec.host_placement.value_or(""));
    }

    // By level and resource, how many pending tasks of a job have there the first node without room on their way down
    // from the instance, and which nodes those are. Only without replicas.
    struct tasks_and_places {
        std::uint64_t tasks = 0;
        std::set<std::string> places;
    };
    [[nodiscard]] std::map<std::pair<std::string, std::string>, tasks_and_places> short_nodes(
        const job_spec& spec) const {
        std::map<std::pair<std::string, std::string>, tasks_and_places> result;
        const auto demands = demands_of(spec);
        const auto never = never_enough(spec);
        for (const auto& [job, name] : pending) {
            if (job != spec.name.value) continue;
            std::vector<node_index> path{*world_.nodes->find(name)};
            while (!world_.nodes->parents(path.back()).empty())
                path.push_back(world_.nodes->parents(path.back()).front());
            const auto first = std::find_if(path.rbegin(), path.rend(), [&](node_index n) {
                if (never) return world_.nodes->levels()[world_.nodes->level_of(n).value] == never->first;
                return !node_fits(demands, n) || !world_.nodes->enabled(n);
            });
            if (first == path.rend()) continue;
            if (!never && spec.level_for_host_placement && workers_never_fit(spec, host_of(spec, path))) continue;
            const std::string place{world_.nodes->name(*first)};
            const auto& level = world_.nodes->levels()[world_.nodes->level_of(*first).value];
            for (const auto& def : world_.resources.of(level))
                if (const auto demand = demands.at(level).at(def.name);
                    demand > 0 && (!never || def.name == never->second) &&
                    def.limit - used(place, level, def.name) < demand) {
                    auto& at = result[{level, def.name}];
                    ++at.tasks;
                    at.places.insert(place);
                    break;
                }
        }
        return result;
    }

    // Who holds some of what is short.
    [[nodiscard]] std::set<invocation_id> holders(const blocker& b) const {
        std::set<invocation_id> result;
        for (const auto& entry : running) {
            const auto& r = entry.second;
            const auto holds = [&](const std::string& level) {
                const auto at = r.demands.find(level);
                return at != r.demands.end() && at->second.contains(b.resource) && at->second.at(b.resource) > 0;
            };
            if (b.what == blocker::kind::worker_resource) {
                if (world_.workers[r.worker.value].info.shard.value == b.place && holds(std::string{worker_level}))
                    result.insert(entry.first);
            } else if (const auto place = world_.nodes->find(b.place);
                       place && std::find(r.path.begin(), r.path.end(), b.place) != r.path.end() &&
                       holds(world_.nodes->levels()[world_.nodes->level_of(*place).value])) {
                result.insert(entry.first);
            }
        }
        return result;
    }

    // Is there anything that the engine could have started and did not? Of jobs above that priority.
    [[nodiscard]] std::string startable(double above = -1) const {
        for (const auto& spec : world_.jobs) {
            if (spec.priority <= above) continue;
            const auto demands = demands_of(spec);
            for (std::uint32_t i = 0; i < world_.nodes->size(); ++i) {
                const node_index node{i};
                const std::string name{world_.nodes->name(node)};
                if (!pending.contains({spec.name.value, name})) continue;
                std::vector<node_index> path{node};
                if (any_path(spec, demands, path)) return spec.name.value + " on " + name;
            }
        }
        return {};
    }

    std::set<std::pair<std::string, std::string>> pending;
    bool first_fill = true;  // nothing has ended or changed yet
    bool one_engine = true;  // which looks at all jobs, nodes and workers together

    struct record {
        job_id job;
        std::string node;
        std::vector<std::string> path;
        worker_index worker;
        std::map<std::string, amounts> demands;
    };
    std::map<invocation_id, record> running;

private:
    using demand_map = std::map<std::string, amounts>;

    [[nodiscard]] demand_map demands_of(const job_spec& spec) const {
        demand_map result;
        for (const auto& [level, defs] : world_.resources.by_level)
            for (const auto& def : defs) {
                auto own = spec.resources.find(def.name);
                result[level][def.name] = own == spec.resources.end() ? def.default_demand : own->second;
            }
        return result;
    }

    [[nodiscard]] std::int64_t used(const std::string& node, const std::string& level,
                                    const std::string& resource) const {
        std::int64_t sum = 0;
        for (const auto& [id, r] : running)
            if (std::find(r.path.begin(), r.path.end(), node) != r.path.end()) {
                auto at = r.demands.find(level);
                if (at != r.demands.end() && at->second.contains(resource)) sum += at->second.at(resource);
            }
        return sum;
    }

    // By resource of the worker level.
    [[nodiscard]] std::vector<std::int64_t> worker_free(std::size_t w) const {
        const auto& info = world_.workers[w].info;
        auto free = worker_limits(world_.resources, info.shard.value, info.host, info.declared);
        const auto& defs = world_.resources.of(worker_level);
        for (std::size_t r = 0; r < defs.size(); ++r)
            for (const auto& [id, run] : running)
                if (run.worker.value == w && run.demands.contains(worker_level) &&
                    run.demands.at(worker_level).contains(defs[r].name))
                    free[r] -= run.demands.at(worker_level).at(defs[r].name);
        return {free.begin(), free.end()};
    }

    [[nodiscard]] bool worker_fits(const demand_map& demands, const std::string& host, std::size_t w) const {
        const auto& worker = world_.workers[w];
        if (!worker.alive || !worker.accepting || (!host.empty() && worker.info.host != host)) return false;
        const auto free = worker_free(w);
        const auto& defs = world_.resources.of(worker_level);
        for (std::size_t r = 0; r < defs.size(); ++r) {
            const auto demand = demands.at(worker_level).at(defs[r].name);
            if (demand > 0 && free[r] < demand) return false;
        }
        return true;
    }

    [[nodiscard]] std::int64_t weighted_free(std::size_t w) const {
        const auto free = worker_free(w);
        const auto& defs = world_.resources.of(worker_level);
        std::int64_t sum = 0;
        for (std::size_t r = 0; r < defs.size(); ++r) sum += defs[r].weight * free[r];
        return sum;
    }

    // Round robin: the next worker with room after the last one chosen. Busiest: none with room has less free.
    void check_worker(const job_spec& spec, const demand_map& demands, const start_decision& d) {
        const auto host = host_of(spec, d.path);
        const auto count = world_.workers.size();
        if (world_.options.selector == worker_selector::busiest) {
            for (std::size_t w = 0; w < count; ++w)
                EXPECT_TRUE(!worker_fits(demands, host, w) || weighted_free(w) >= weighted_free(d.worker.value))
                    << "worker " << w << " is busier than " << d.worker.value;
            return;
        }
        auto expected = next_worker_;
        while (!worker_fits(demands, host, expected % count) && expected < next_worker_ + count) ++expected;
        EXPECT_EQ(expected % count, d.worker.value);
        next_worker_ = d.worker.value + 1;
    }

    // As long as nothing was freed, no task of the job that could start comes before the one that did. (Later, places
    // that were freed are served in the order in which that happened.)
    void check_order(const job_spec& spec, const demand_map& demands, const start_decision& d) const {
        const auto& nodes = *world_.nodes;
        const auto before = [&](node_index a, node_index b) {
            return world_.options.order == node_order::lexicographic
                       ? nodes.name(a) < nodes.name(b)
                       : nodes.declared_position(a) < nodes.declared_position(b);
        };
        if (world_.options.order == node_order::random) return;
        for (const auto& [job, name] : pending) {
            if (job != spec.name.value) continue;
            std::vector<node_index> path{*nodes.find(name)};
            if (before(path[0], d.node)) {
                EXPECT_FALSE(any_path(spec, demands, path)) << name << " comes before " << nodes.name(d.node);
            }
        }
    }

    [[nodiscard]] bool node_fits(const demand_map& demands, node_index node) const {
        const auto& level = world_.nodes->levels()[world_.nodes->level_of(node).value];
        for (const auto& def : world_.resources.of(level)) {
            const auto demand = demands.at(level).at(def.name);
            if (demand > 0 && def.limit - used(std::string{world_.nodes->name(node)}, level, def.name) < demand)
                return false;
        }
        return true;
    }

    [[nodiscard]] bool passes_at(const job_spec& spec, node_index node) const {
        if (!world_.nodes->enabled(node)) return false;
        auto f = spec.filters.find(world_.nodes->levels()[world_.nodes->level_of(node).value]);
        return f == spec.filters.end() ||
               filter{f->second, spec.name.value}.passes(world_.nodes->name(node), world_.nodes->tags(node));
    }

    [[nodiscard]] bool passes(const job_spec& spec, std::span<const node_index> path) const {
        return std::all_of(path.begin(), path.end(), [&](node_index n) { return passes_at(spec, n); });
    }

    [[nodiscard]] std::string host_of(const job_spec& spec, std::span<const node_index> path) const {
        if (spec.host_placement) return *spec.host_placement;
        if (spec.level_for_host_placement)
            for (auto n : path)
                if (world_.nodes->levels()[world_.nodes->level_of(n).value] == *spec.level_for_host_placement)
                    return std::string{world_.nodes->name(n)};
        return {};
    }

    [[nodiscard]] bool fits(const job_spec& spec, const demand_map& demands, std::span<const node_index> path,
                            worker_index w) const {
        return worker_fits(demands, host_of(spec, path), w.value) &&
               std::all_of(path.begin(), path.end(), [&](node_index n) { return node_fits(demands, n); });
    }

    bool any_path(const job_spec& spec, const demand_map& demands, std::vector<node_index>& path) const {
        const auto node = path.back();
        if (!node_fits(demands, node) || !passes_at(spec, node)) return false;
        const auto parents = world_.nodes->parents(node);
        if (parents.empty()) {
            const auto host = host_of(spec, path);
            for (std::size_t w = 0; w < world_.workers.size(); ++w)
                if (worker_fits(demands, host, w)) return true;
            return false;
        }
        for (auto p : parents) {
            path.push_back(p);
            const bool found = any_path(spec, demands, path);
            path.pop_back();
            if (found) return true;
        }
        return false;
    }

    // `above` is the node, or one of its ancestors.
    [[nodiscard]] bool leads_to(node_index node, node_index above) const {
        if (node == above) return true;
        const auto parents = world_.nodes->parents(node);
        return std::any_of(parents.begin(), parents.end(), [&](node_index p) { return leads_to(p, above); });
    }

    void check_path(std::span<const node_index> path) const {
        for (std::size_t i = 0; i + 1 < path.size(); ++i) {
            const auto parents = world_.nodes->parents(path[i]);
            EXPECT_NE(std::find(parents.begin(), parents.end(), path[i + 1]), parents.end()) << "not a path";
        }
        EXPECT_EQ(path.back(), forest::instance());
    }

    const random_world& world_;
    std::size_t next_worker_ = 0;
};

}  // namespace bistro::test
