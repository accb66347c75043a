// Jobs that a running scheduler was handed, and jobs that were paused: what its config does not say. Kept beside the
// statuses, in a file of JSON.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace bistro {

/// At most so many bytes in a submitted job, and so many of them.
inline constexpr std::size_t max_submitted_job_bytes = 1U << 20;
inline constexpr std::size_t max_submitted_jobs = 10'000;

struct submissions {
    std::map<job_id, std::string> jobs;  ///< as JSON: the keys of a [jobs.NAME] section
    std::set<job_id> paused;

    bool operator==(const submissions&) const = default;
};

/// Throws std::runtime_error, with what is wrong, where the text is not one that to_text() gave; empty: none.
submissions parse_submissions(std::string_view text);
std::string to_text(const submissions& given);

/// Adds the jobs to a config that is valid, and disables what is paused. A job that is not valid beside that config is
/// kept with its errors, and never runs. Gives the names that the config has too: the config's jobs count.
std::vector<job_id> apply(const submissions& given, settings& config);

/// A section of a config as JSON, for submitting it: by name, all jobs of a TOML text. Throws std::runtime_error.
std::map<job_id, std::string> jobs_of_toml(std::string_view text, const std::string& file);

}  // namespace bistro
