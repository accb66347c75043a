// The [jobs.NAME] sections.
#include <algorithm>
#include <functional>
#include <limits>

#include "config/toml_loader.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr std::int64_t max_seconds = std::int64_t{10} * 365 * 86'400;

filter_spec load_filter(const toml::table& table, const std::string& where, error_sink& sink) {
    toml_reader r{table, where, sink};
    filter_spec f;
    for (auto [key, value] :
         {std::pair{"whitelist", &f.whitelist}, {"blacklist", &f.blacklist}, {"tag_whitelist", &f.tag_whitelist}})
        if (auto names = r.strings(key)) *value = *names;
    for (auto [key, value] :
         {std::pair{"whitelist_regex", &f.whitelist_regex}, {"blacklist_regex", &f.blacklist_regex}})
        if (auto pattern = r.string(key)) {
            if (auto problem = regex_problem(*pattern); !problem.empty())
                r.error(key, quote(*pattern) + " is no regular expression: " + problem);
            *value = *pattern;
        }
    if (auto fraction = r.number("fraction_of_nodes", std::numeric_limits<double>::lowest(), 1.0))
        f.fraction_of_nodes = *fraction;
    r.finish();
    return f;
}

std::vector<std::string> known_resources(const settings& config) {
    std::vector<std::string> names;
    for (const auto& [level, defs] : config.resources.by_level)
        for (const auto& def : defs) names.push_back(def.name);
    return names;
}

void load_demands(toml_reader& r, job_spec& job, load_context& c) {
    auto demands = r.integers("resources");
    if (!demands) return;
    job.resources = *demands;
    const auto known = known_resources(c.config);
    for (const auto& [name, amount] : *demands) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        auto message = "there is no resource " + quote(name);
        if (auto near = nearest(name, known); !near.empty()) message += "; did you mean " + quote(near) + "?";
        r.error("resources", message);
    }
}

void load_command(toml_reader& r, job_spec& job, load_context& c) {
    auto command = r.strings("command");
    if (!command) {
        if (!r.has("command"))
            r.error("command", "\"" + r.where() + "\" needs a command, a list like [\"./work.sh\", \"--fast\"]");
        return;
    }
    if (command->empty() || command->front().empty()) {
        r.error("command", "\"" + r.where() + ".command\" is empty; its first element is the program to run");
        return;
    }
    if (std::any_of(command->begin(), command->end(), [](const auto& a) { return a.find('\0') != std::string::npos; }))
        r.error("command", "\"" + r.where() + ".command\" contains a NUL byte, which no process can be given");
    if (command->front().starts_with("bistro:") && command->front() != null_command) {
        r.error("command", "\"" + r.where() + ".command\": there is no built-in command " + quote(command->front()) +
                               "; there is " + quote(std::string{null_command}));
        return;
    }
    job.command = *command;
    if (job.command.front().find('/') != std::string::npos) job.command.front() = c.resolve(job.command.front());
}

void load_placement(toml_reader& r, job_spec& job, load_context& c) {
    if (auto level = r.string("level_for_tasks"); level && c.check_level(r.at("level_for_tasks"), *level, true, false))
        job.level = *level;
    job.host_placement = r.string("host_placement");
    auto level = r.string("level_for_host_placement");
    if (!level || !c.check_level(r.at("level_for_host_placement"), *level, true, false)) return;
    auto depth = [&](const std::string& name) {
        return std::find(c.config.levels.begin(), c.config.levels.end(), name) - c.config.levels.begin();
    };
    if (*level != instance_level && (job.level == instance_level || depth(*level) > depth(job.level)))
        r.error("level_for_host_placement",
                "level " + quote(*level) + " is below the job's own level " + quote(job.level));
    job.level_for_host_placement = *level;
}

void load_filters(toml_reader& r, job_spec& job, load_context& c) {
    const auto* filters = r.subtable("filters");
    if (filters == nullptr) return;
    for (const auto& [level, node] : *filters) {
        const std::string name{level.str()};
        const auto where = r.where() + ".filters." + name;
        if (!c.check_level(node, name, true, false)) continue;
        if (const auto* table = node.as_table())
            job.filters[name] = load_filter(*table, where, c.sink);
        else
            c.sink.add(node, "\"" + where + "\" must be a table");
    }
}

std::vector<job_id> load_job_list(toml_reader& r, std::string_view key) {
    std::vector<job_id> result;
    for (const auto& name : r.strings(key).value_or(std::vector<std::string>{})) {
        const job_id id{name};
        if (std::find(result.begin(), result.end(), id) == result.end()) result.push_back(id);
    }
    return result;
}

job_spec load_job(const std::string& name, const toml::table& table, load_context& c) {
    toml_reader r{table, "jobs." + name, c.sink};
    auto job = c.config.job_defaults;
    job.name = job_id{name};
    if (auto problem = job_name_problem(name); !problem.empty()) c.sink.add(table, problem);
    if (auto owner = r.string("owner")) {
        job.owner = *owner;
    } else if (!r.has("owner")) {
        r.error("owner", "\"" + r.where() + "\" needs an owner");
    }
    if (auto enabled = r.boolean("enabled")) job.enabled = *enabled;
    load_command(r, job, c);
    if (auto priority = r.number("priority", 0, 1e12)) job.priority = *priority;
    if (const auto* config = r.subtable("config")) job.config_json = to_json(*config);
    load_demands(r, job, c);
    if (auto backoff = load_backoff(r, "backoff")) job.backoff = *std::move(backoff);
    load_placement(r, job, c);
    load_filters(r, job, c);
    job.depends_on = load_job_list(r, "depends_on");
    job.run_only_after_all_nodes_are_done_for = load_job_list(r, "run_only_after_all_nodes_are_done_for");
    job.kill_orphan_tasks_after_s = load_orphan_rule(r, job.kill_orphan_tasks_after_s);
    if (auto timeout = r.integer("timeout_s", 0, max_seconds)) job.timeout_s = *timeout;
    if (auto wait = r.integer("kill_wait_s", 0, 3600)) {
        job.kill_wait_s = *wait;
        if (*wait > c.longest_kill_wait_s())
            r.error("kill_wait_s",
                    "\"kill_wait_s\" is " + std::to_string(*wait) + " s, but a worker has only " +
                        std::to_string(c.longest_kill_wait_s()) +
                        " s to end its tasks before it counts as lost; raise [workers] kill_ms and lost_after_ms");
    }
    if (auto dir = r.string("working_directory")) job.working_directory = c.resolve(*dir);
    if (auto status = r.word("status",
                             [](std::string_view text) -> std::optional<status_source> {
                                 if (text == "exit_code") return status_source::exit_code;
                                 if (text == "pipe") return status_source::pipe;
                                 return std::nullopt;
                             },
                             {"exit_code", "pipe"}))
        job.status = *status;
    if (auto arguments = r.word("arguments",
                                [](std::string_view text) -> std::optional<command_arguments> {
                                    if (text == "full") return command_arguments::full;
                                    if (text == "node") return command_arguments::node;
                                    if (text == "none") return command_arguments::none;
                                    return std::nullopt;
                                },
                                {"full", "node", "none"}))
        job.arguments = *arguments;
    r.finish();
    return job;
}

}  // namespace

std::optional<backoff_policy> load_backoff(toml_reader& reader, std::string_view key) {
    const auto* list = reader.array(key);
    if (list == nullptr) return std::nullopt;
    backoff_policy policy;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto& element = *list->get(i);
        const bool last = i + 1 == list->size();
        if (const auto* seconds = element.as_integer()) {
            policy.delays_s.push_back(seconds->get());
        } else if (const auto* word = element.as_string();
                   word != nullptr && last && (word->get() == "repeat" || word->get() == "fail")) {
            policy.then = word->get() == "repeat" ? backoff_policy::ending::repeat : backoff_policy::ending::fail;
        } else {
            reader.sink().add(
                element,
                "a backoff is a list of seconds that ends with \"repeat\" or \"fail\", like [15, 60, \"repeat\"]");
            return std::nullopt;
        }
    }
    if (list->empty() || !list->back().is_string())
        reader.error(key, "a backoff ends with \"repeat\" or \"fail\", like [15, 60, \"repeat\"]");
    if (auto problem = policy.problem(); !problem.empty()) reader.error(key, "bad backoff: " + problem);
    return policy;
}

std::optional<std::int64_t> load_orphan_rule(toml_reader& reader, std::optional<std::int64_t> otherwise) {
    constexpr auto key = "kill_orphan_tasks_after_sec";
    if (!reader.has(key)) return otherwise;
    if (const auto* flag = reader.at(key).as_boolean())
        return flag->get() ? std::optional<std::int64_t>{0} : std::nullopt;
    auto seconds = reader.integer(key, std::numeric_limits<std::int64_t>::min(), max_seconds);
    return seconds && *seconds >= 0 ? seconds : std::nullopt;
}

void load_jobs(const toml::table& jobs, load_context& c) {
    auto& otherwise = c.config.job_defaults;
    otherwise.kill_wait_s = std::min(otherwise.kill_wait_s, c.longest_kill_wait_s());
    for (const auto& [name, node] : in_file_order(jobs)) {
        if (const auto* table = node->as_table())
            c.config.jobs.push_back(load_job(name, *table, c));
        else
            c.sink.add(*node, "\"jobs." + name + "\" must be a table");
    }
}

namespace {

// Where `job` names `other` in its list `key`.
const toml::node& reference(const toml::table& jobs, const job_id& job, std::string_view key, const job_id& other) {
    const auto& table = *jobs.get(job.value);
    if (const auto* names = table.is_table() ? table.as_table()->get_as<toml::array>(key) : nullptr)
        for (const auto& name : *names)
            if (name.value<std::string>() == other.value) return name;
    return table;
}

}  // namespace

std::vector<reference_problem> job_reference_problems(const std::vector<job_spec>& jobs) {
    std::vector<reference_problem> problems;
    std::map<job_id, const job_spec*> by_name;
    std::vector<std::string> names;
    for (const auto& job : jobs) {
        by_name[job.name] = &job;
        names.push_back(job.name.value);
    }
    constexpr std::pair<const char*, std::vector<job_id> job_spec::*> lists[] = {
        {"depends_on", &job_spec::depends_on},
        {"run_only_after_all_nodes_are_done_for", &job_spec::run_only_after_all_nodes_are_done_for}};
    for (const auto& job : jobs) {
        for (const auto& [key, list] : lists)
            for (const auto& other : job.*list) {
                if (by_name.contains(other)) continue;
                auto message =
                    "job " + quote(job.name.value) + " depends on " + quote(other.value) + ", which does not exist";
                if (auto near = nearest(other.value, names); !near.empty())
                    message += "; did you mean " + quote(near) + "?";
                problems.push_back({job.name, key, other, message});
            }
        for (const auto& other : job.depends_on)
            if (auto found = by_name.find(other); found != by_name.end() && found->second->level != job.level)
                problems.push_back({job.name, "depends_on", other,
                                    "job " + quote(job.name.value) + " of level " + quote(job.level) + " depends on " +
                                        quote(other.value) + " of level " + quote(found->second->level) +
                                        ", so they share no node; use run_only_after_all_nodes_are_done_for"});
    }
    // Depth-first; a job that is met again while still open closes a cycle.
    std::map<job_id, int> colour;
    std::vector<std::string> stack;
    std::function<void(const job_spec&)> visit = [&](const job_spec& job) {
        colour[job.name] = 1;
        stack.push_back(job.name.value);
        for (const auto& [key, list] : lists)
            for (const auto& other : job.*list) {
                auto found = by_name.find(other);
                if (found == by_name.end() || colour[other] == 2) continue;
                if (colour[other] == 1) {
                    std::vector<std::string> cycle{std::find(stack.begin(), stack.end(), other.value), stack.end()};
                    cycle.push_back(other.value);
                    problems.push_back({job.name, key, other,
                                        "jobs depend on each other in a circle, so none of them could ever start: " +
                                            join(cycle, " -> ")});
                } else {
                    visit(*found->second);
                }
            }
        stack.pop_back();
        colour[job.name] = 2;
    };
    for (const auto& job : jobs)
        if (colour[job.name] == 0) visit(job);
    return problems;
}

void check_job_references(const toml::table& jobs, load_context& c) {
    for (const auto& problem : job_reference_problems(c.config.jobs))
        c.sink.add(reference(jobs, problem.job, problem.key, problem.other), problem.message);
}

}  // namespace bistro
