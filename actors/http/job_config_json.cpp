// A job's whole configuration in the words of the seed system.
#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

template <class Ids>
json::array names_of(const Ids& ids) {
    json::array list;
    for (const auto& id : ids) list.push_back(json_text(id.value));
    return list;
}

json::array texts_of(const std::vector<std::string>& texts) {
    json::array list;
    for (const auto& text : texts) list.push_back(json_text(text));
    return list;
}

json::object filter_json(const filter_spec& filter) {
    json::object o;
    if (!filter.whitelist.empty()) o["whitelist"] = texts_of(filter.whitelist);
    if (!filter.blacklist.empty()) o["blacklist"] = texts_of(filter.blacklist);
    if (!filter.whitelist_regex.empty()) o["whitelist_regex"] = json_text(filter.whitelist_regex);
    if (!filter.blacklist_regex.empty()) o["blacklist_regex"] = json_text(filter.blacklist_regex);
    if (!filter.tag_whitelist.empty()) o["tag_whitelist"] = texts_of(filter.tag_whitelist);
    if (filter.fraction_of_nodes != 1.0) o["fraction_of_nodes"] = filter.fraction_of_nodes;
    return o;
}

}  // namespace

json::object job_config_json(const job_spec& job) {
    json::object o;
    o["enabled"] = job.enabled;
    o["owner"] = json_text(job.owner);
    o["command"] = texts_of(job.command);
    o["priority"] = job.priority;
    json::error_code ec;
    o["config"] = json::parse(job.config_json, ec);
    json::object resources;
    for (const auto& [name, amount] : job.resources) resources[name] = amount;
    o["resources"] = std::move(resources);
    json::array backoff;
    for (const auto delay : job.backoff.delays_s) backoff.push_back(delay);
    backoff.push_back(job.backoff.then == backoff_policy::ending::repeat ? "repeat" : "fail");
    o["backoff"] = std::move(backoff);
    json::object filters;
    for (const auto& [level, filter] : job.filters) filters[level] = filter_json(filter);
    o["filters"] = std::move(filters);
    o["depends_on"] = names_of(job.depends_on);
    o["run_only_after_all_nodes_are_done_for"] = names_of(job.run_only_after_all_nodes_are_done_for);
    o["level_for_tasks"] = job.level;
    if (job.host_placement) o["host_placement"] = json_text(*job.host_placement);
    if (job.level_for_host_placement) o["level_for_host_placement"] = *job.level_for_host_placement;
    o["kill_orphan_tasks_after_sec"] =
        job.kill_orphan_tasks_after_s ? json::value(*job.kill_orphan_tasks_after_s) : json::value(false);
    if (!job.errors.empty()) o["errors"] = texts_of(job.errors);
    return o;
}

}  // namespace bistro
