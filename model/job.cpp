#include "model/job.hpp"

#include <algorithm>
#include <bit>

#include "model/hash.hpp"
#include "model/text.hpp"

namespace bistro {

std::uint64_t number_of_rules(const job_spec& job) {
    std::uint64_t number = fnv1a({});
    const auto add = [&](std::string_view text) {
        number = mix64(number ^ text.size());  // so that no two lists of texts look the same
        number = fnv1a(text, number);
    };
    const auto add_all = [&](const auto& list, auto&& text_of) {
        number = mix64(number ^ list.size());
        for (const auto& item : list) add(text_of(item));
    };
    const auto itself = [](const std::string& text) -> std::string_view { return text; };
    const auto name = [](const job_id& id) -> std::string_view { return id.value; };
    add(job.enabled ? "on" : "off");
    add(job.level);
    add_all(job.errors, itself);
    add_all(job.depends_on, name);
    add_all(job.run_only_after_all_nodes_are_done_for, name);
    for (const auto& [level, filter] : job.filters) {
        add(level);
        add_all(filter.whitelist, itself);
        add_all(filter.blacklist, itself);
        add(filter.whitelist_regex);
        add(filter.blacklist_regex);
        add_all(filter.tag_whitelist, itself);
        number = mix64(number ^ std::bit_cast<std::uint64_t>(filter.fraction_of_nodes));
    }
    return number;
}

std::string job_name_problem(std::string_view name) {
    if (name.empty()) return "a job name is empty";
    if (name.size() > max_job_name_bytes)
        return "the job name " + quote(name) + " has " + std::to_string(name.size()) + " bytes; at most " +
               std::to_string(max_job_name_bytes) + " are allowed";
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    if (!std::all_of(name.begin(), name.end(), allowed))
        return "the job name " + quote(name) + " may only have letters, digits, \"_\" and \"-\"";
    return {};
}

}  // namespace bistro
