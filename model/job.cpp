#include "model/job.hpp"

#include <algorithm>

#include "model/text.hpp"

namespace bistro {

bool has_same_rules(const job_spec& a, const job_spec& b) {
    return a.enabled == b.enabled && a.errors == b.errors && a.level == b.level && a.filters == b.filters &&
           a.depends_on == b.depends_on &&
           a.run_only_after_all_nodes_are_done_for == b.run_only_after_all_nodes_are_done_for;
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
