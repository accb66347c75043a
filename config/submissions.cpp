#include "config/submissions.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "config/toml_loader.hpp"
#include "config/toml_writer.hpp"
#include "model/text.hpp"

namespace bistro {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;
// What the seed system adds to a job that it hands out; it means nothing here.
constexpr std::string_view meaningless[] = {"create_time", "modify_time",     "version_id",
                                            "errors",      "task_subprocess", "kill_subprocess"};

// The section of a job. Keys without a value count as left out.
std::string section_of(const job_id& name, const std::string& job) {
    json::error_code ec;
    const auto value = json::parse(job, ec);
    if (ec) throw std::runtime_error{"the job is no JSON: " + ec.message()};
    const auto* object = value.if_object();
    if (object == nullptr)
        throw std::runtime_error{"the job must be an object, like {\"owner\": ..., \"command\": [...]}"};
    std::string text = "[jobs." + toml_key(name.value) + "]\n";
    for (const auto& [key, part] : *object) {
        if (part.is_null() || std::find(std::begin(meaningless), std::end(meaningless), key) != std::end(meaningless))
            continue;
        text += toml_key(key) + " = " + toml_value(part) + "\n";
    }
    return text;
}

// The job, with what is wrong with it.
job_spec load_submitted(const job_id& name, const std::string& job, const settings& config) {
    settings alone = config;
    alone.jobs.clear();
    error_sink sink{name.value, {}};
    try {
        const toml::table root = toml::parse(section_of(name, job));
        load_context context{alone, sink, std::filesystem::absolute(config.file).parent_path().string()};
        load_jobs(*root.get_as<toml::table>("jobs"), context);
    } catch (const std::exception& e) {
        sink.errors.push_back({name.value, 0, 0, e.what()});
    }
    job_spec spec;
    if (!alone.jobs.empty()) spec = std::move(alone.jobs.front());
    spec.name = name;
    if (spec.level.empty()) spec.level = config.job_defaults.level;
    for (const auto& error : sink.errors) spec.errors.push_back(error.message);
    return spec;
}

}  // namespace

submissions parse_submissions(std::string_view text) {
    submissions given;
    if (text.empty()) return given;
    try {
        const auto root = json::parse(json::string_view{text.data(), text.size()}).as_object();
        if (root.at("version").as_int64() != format_version) throw std::runtime_error{"it is of another version"};
        for (const auto& [name, job] : root.at("jobs").as_object())
            given.jobs[job_id{std::string{name}}] = json::serialize(job);
        for (const auto& name : root.at("paused").as_array())
            given.paused.insert(job_id{std::string{name.as_string()}});
    } catch (const std::exception& e) {
        throw std::runtime_error{std::string{"is not as bistro wrote it: "} + e.what()};
    }
    return given;
}

std::string to_text(const submissions& given) {
    json::object jobs;
    for (const auto& [name, job] : given.jobs) jobs[name.value] = json::parse(job);
    json::array paused;
    for (const auto& name : given.paused) paused.push_back(json::string{name.value});
    return json::serialize(
               json::object{{"version", format_version}, {"jobs", std::move(jobs)}, {"paused", std::move(paused)}}) +
           "\n";
}

std::vector<job_id> apply(const submissions& given, settings& config) {
    std::set<job_id> names;
    for (const auto& job : config.jobs) names.insert(job.name);
    std::vector<job_id> twice;
    for (const auto& [name, job] : given.jobs) {
        if (names.contains(name)) {
            twice.push_back(name);
        } else {
            config.jobs.push_back(load_submitted(name, job, config));
            config.jobs.back().submitted = true;
        }
    }
    const auto problems = job_reference_problems(config.jobs);
    for (auto& job : config.jobs) {
        for (const auto& problem : problems)
            if (problem.job == job.name && !names.contains(job.name)) job.errors.push_back(problem.message);
        if (!given.paused.contains(job.name)) continue;
        job.paused = std::exchange(job.enabled, false);
    }
    return twice;
}

std::map<job_id, std::string> jobs_of_toml(std::string_view text, const std::string& file) {
    std::map<job_id, std::string> jobs;
    try {
        const toml::table root = toml::parse(text, file);
        const auto* sections = root.get_as<toml::table>("jobs");
        if (sections == nullptr || sections->empty())
            throw std::runtime_error{file + ": there is no job in it; add a section like [jobs.NAME]"};
        for (const auto& [name, section] : *sections) jobs[job_id{std::string{name.str()}}] = to_json(section);
    } catch (const toml::parse_error& e) {
        throw std::runtime_error{
            to_string(diagnostic{file, e.source().begin.line, e.source().begin.column, std::string{e.description()}})};
    }
    return jobs;
}

}  // namespace bistro
