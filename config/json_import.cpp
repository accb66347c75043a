#include "config/json_import.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "config/json_positions.hpp"
#include "config/settings.hpp"
#include "config/toml_writer.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

namespace json = boost::json;

// Words of the seed's format that mean nothing here, with the reason.
constexpr std::pair<const char*, const char*> meaningless[] = {
    {"working_wait", "nothing polls here"},
    {"idle_wait", "nothing polls here"},
    {"physical_resources", "workers say what they have in their own [worker] section"},
    {"task_subprocess", "see timeout_s and kill_wait_s of jobs"},
    {"kill_subprocess", "see timeout_s and kill_wait_s of jobs"},
    {"create_time", "history is in the status store"},
    {"modify_time", "history is in the status store"},
    {"version_id", "history is in the status store"},
    {"errors", "a job's errors are found again when the config is read"},
};

constexpr std::string_view job_prefix = "bistro_job->";

class importer {
public:
    importer(std::string_view text, std::string file, std::vector<std::string> command)
        : text_{text}, positions_{text}, file_{std::move(file)}, command_{std::move(command)} {}

    import_result run() {
        json::error_code ec;
        json::stream_parser parser;
        const auto consumed = parser.write_some(text_.data(), text_.size(), ec);
        if (!ec) parser.finish(ec);
        if (!ec && text_.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) ec = json::error::extra_data;
        if (ec) {
            const auto at = json_positions::of_offset(text_, consumed);
            result_.errors.push_back({file_, at.line, at.column, "is no JSON: " + ec.message()});
            return std::move(result_);
        }
        const auto root = parser.release();
        if (const auto* object = expect_object(root, "")) {
            convert(*object);
            check();
        }
        if (!result_.errors.empty()) result_.toml.clear();
        return std::move(result_);
    }

private:
    void error(const std::string& path, std::string message) {
        const auto at = positions_.at(path);
        result_.errors.push_back({file_, at.line, at.column, std::move(message)});
    }
    // What is part of this can't be read, so that its absence is no further mistake.
    void unreadable(const std::string& path, std::string message) {
        error(path, std::move(message));
        unreadable_.push_back(path);
    }

    const json::object* expect_object(const json::value& value, const std::string& path) {
        if (const auto* object = value.if_object()) return object;
        unreadable(path, path.empty() ? std::string{"the file must hold one object"}
                                      : "\"" + path.substr(path.rfind('/') + 1) + "\" must be an object");
        return nullptr;
    }

    // Writes lines that stand for what is at `path`.
    void line(const std::string& text, const std::string& path) {
        const auto breaks = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        origins_.push_back({{lines_ + breaks, 1}, path});
        lines_ += breaks + 1;
        result_.toml += text + "\n";
    }
    void set(std::string_view key, const json::value& value, const std::string& path) {
        auto text = toml_key(key) + " = ";
        const auto column = count_code_points(text) + 1;
        note_nulls(value, path);
        std::vector<origin> inside;
        text += toml_value(value, [&](std::size_t offset, const std::string& below) {
            inside.push_back({{lines_, column + offset}, path + below});
        });
        line(text, path);
        origins_.insert(origins_.end(), inside.begin(), inside.end());
    }

    // TOML has no null. What a task reads of its config is not left out, since it may be asked for.
    void note_nulls(const json::value& value, const std::string& path) {
        if (value.is_null()) result_.notes.push_back(path.substr(1) + " is null; it became an empty string");
        if (const auto* object = value.if_object())
            for (const auto& [key, below] : *object) note_nulls(below, path + "/" + std::string{key});
        if (const auto* array = value.if_array())
            for (std::size_t i = 0; i < array->size(); ++i) note_nulls((*array)[i], path + "/" + std::to_string(i));
    }

    // Copies keys that are spelled alike; notes what has no meaning; reports the rest as unknown, but for `handled`.
    void copy(const json::object& from, const std::string& path, const std::vector<std::string>& alike,
              const std::vector<std::string>& handled) {
        for (const auto& [key, value] : from) {
            const std::string name{key};
            if (std::find(alike.begin(), alike.end(), name) != alike.end()) {
                if (value.is_null())
                    result_.notes.push_back((path + "/" + name).substr(1) + " is null; it was left out");
                else
                    set(name, value, path + "/" + name);
            } else if (std::find(handled.begin(), handled.end(), name) == handled.end()) {
                const auto* known = std::find_if(std::begin(meaningless), std::end(meaningless),
                                                 [&](const auto& m) { return name == m.first; });
                if (known != std::end(meaningless)) {
                    result_.notes.push_back("\"" + name + "\" of " + path.substr(1) +
                                            " was left out: " + known->second);
                    continue;
                }
                auto candidates = alike;
                candidates.insert(candidates.end(), handled.begin(), handled.end());
                auto message = "unknown key " + quote(name);
                if (auto near = nearest(name, candidates); !near.empty())
                    message += "; did you mean " + quote(near) + "?";
                error(path + "/" + name, message);
            }
        }
    }

    void convert(const json::object& root) {
        for (const auto& [path, at] : positions_.repeated())
            result_.errors.push_back(
                {file_, at.line, at.column,
                 quote(path.substr(path.rfind('/') + 1)) + " is named a second time; only one of them could count"});
        line("# Imported from " + file_.substr(file_.rfind('/') + 1) + ".", "");
        const auto* settings = root.if_contains("bistro_settings");
        if (settings == nullptr) {
            unreadable("", "there is no \"bistro_settings\"");
        } else if (const auto* object = expect_object(*settings, "/bistro_settings")) {
            convert_settings(*object);
        }
        note_levels(root);
        for (const auto& [key, value] : root) {
            const std::string_view name{key};
            const auto path = "/" + std::string{name};
            if (name == "bistro_settings") continue;
            if (!name.starts_with(job_prefix)) {
                error(path, "unknown key " + quote(name) + "; jobs are named bistro_job->NAME");
            } else if (const auto* object = expect_object(value, path)) {
                convert_job(name.substr(job_prefix.size()), *object, path);
            }
        }
    }

    // On which level each job has its tasks; empty where the file does not say so readably.
    void note_levels(const json::object& root) {
        const auto word = [](const json::value& in, std::initializer_list<std::string_view> way) -> std::string {
            const auto* at = &in;
            for (auto key : way) {
                const auto* object = at->if_object();
                at = object != nullptr ? object->if_contains(key) : nullptr;
                if (at == nullptr) return {};
                if (const auto* list = at->if_array(); list != nullptr && !list->empty()) at = &list->back();
            }
            return at->is_string() ? std::string{at->as_string()} : std::string{};
        };
        auto usual = word(root, {"bistro_settings", "level_for_tasks"});
        if (usual.empty()) usual = word(root, {"bistro_settings", "nodes", "levels"});
        for (const auto& [key, value] : root)
            if (key.starts_with(job_prefix)) {
                const auto own = word(value, {"level_for_tasks"});
                levels_[std::string{key}.substr(job_prefix.size())] = own.empty() ? usual : own;
            }
    }

    void convert_settings(const json::object& s) {
        const std::string path = "/bistro_settings";
        line("\n[scheduler]", path);
        if (const auto* policy = s.if_contains("scheduler")) {
            const auto* word = policy->if_string();
            if (auto kind = word != nullptr ? parse_policy_kind(*word) : std::nullopt)
                set("policy", json::string{to_string(*kind)}, path + "/scheduler");
            else
                unreadable(path + "/scheduler", "unknown scheduler policy " + toml_value(*policy));
        }
        copy(s, path, {"enabled", "level_for_tasks", "backoff", "kill_orphan_tasks_after_sec"},
             {"scheduler", "nodes", "resources", "remote_worker_selector", "worker_resources_override"});
        if (const auto* nodes = s.if_contains("nodes")) {
            if (const auto* object = expect_object(*nodes, path + "/nodes")) convert_nodes(*object, path + "/nodes");
        } else {
            unreadable(path, "\"bistro_settings\" has no \"nodes\"");
        }
        if (const auto* resources = s.if_contains("resources")) {
            if (const auto* levels = expect_object(*resources, path + "/resources"))
                for (const auto& [level, defs] : *levels) {
                    const auto level_path = path + "/resources/" + std::string{level};
                    line("\n[resources." + toml_key(level) + "]", level_path);
                    if (const auto* object = expect_object(defs, level_path))
                        for (const auto& [key, value] : *object) set(key, value, level_path + "/" + std::string{key});
                }
        } else {
            error(path, "\"bistro_settings\" has no \"resources\"; an empty object is enough");
        }
        const auto* selector = s.if_contains("remote_worker_selector");
        const auto* overrides = s.if_contains("worker_resources_override");
        if (selector == nullptr && overrides == nullptr) return;
        line("\n[workers]", path);
        if (selector != nullptr) {
            const auto* word = selector->if_string();
            if (auto kind = word != nullptr ? parse_worker_selector(*word) : std::nullopt)
                set("selector", json::string{to_string(*kind)}, path + "/remote_worker_selector");
            else
                unreadable(path + "/remote_worker_selector", "unknown worker selector " + toml_value(*selector));
        }
        if (overrides != nullptr) set("overrides", *overrides, path + "/worker_resources_override");
    }

    void convert_nodes(const json::object& nodes, const std::string& path) {
        line("\n[nodes]", path);
        if (const auto* order = nodes.if_contains("node_order")) set("order", *order, path + "/node_order");
        copy(nodes, path, {"levels"}, {"node_sources", "node_order"});
        const auto* sources = nodes.if_contains("node_sources");
        if (sources == nullptr || !sources->is_array()) {
            unreadable(path, "\"nodes\" needs a list of \"node_sources\"");
            return;
        }
        std::size_t number = 0;
        for (const auto& source : sources->as_array()) {
            const auto source_path = path + "/node_sources/" + std::to_string(number++);
            if (const auto* object = expect_object(source, source_path)) convert_source(*object, source_path);
        }
    }

    void convert_source(const json::object& source, const std::string& path) {
        const auto* kind = source.if_contains("source");
        const auto* prefs_value = source.if_contains("prefs");
        const json::object empty;
        const auto* prefs = prefs_value != nullptr ? expect_object(*prefs_value, path + "/prefs") : &empty;
        if (prefs == nullptr) return;
        const std::string name = kind != nullptr && kind->is_string() ? std::string{kind->as_string()} : "";
        const auto prefs_path = path + "/prefs";
        if (name == "range_label") {
            const auto* enabled = prefs->if_contains("enabled");
            if (enabled != nullptr && !enabled->is_bool())
                unreadable(prefs_path + "/enabled", "\"enabled\" must be true or false");
            if (enabled != nullptr && enabled->is_bool() && !enabled->as_bool()) {
                result_.notes.push_back("a disabled range_label source was left out");
                return;
            }
            start_source(name, path);
            copy(*prefs, prefs_path, {"parent_level", "format", "start", "end"}, {"enabled"});
        } else if (name == "script") {
            start_source(name, path);
            copy(*prefs, prefs_path, {"parent_level"}, {"script"});
            if (const auto* script = prefs->if_contains("script"))
                set("command", json::array{*script}, prefs_path + "/script");
            else
                unreadable(prefs_path, "a script source needs its \"script\"");
        } else if (name == "manual") {
            start_source(name, path);
            line("[nodes.sources.nodes]", prefs_path);
            for (const auto& [node, value] : *prefs) convert_manual(node, value, prefs_path + "/" + std::string{node});
        } else if (name == "add_time") {
            unreadable(
                path,
                "\"add_time\" sources (nodes for times) can't be imported; list the nodes, or make them by a script");
        } else {
            unreadable(path, "unknown node source " + quote(name));
        }
    }

    void start_source(const std::string& name, const std::string& path) {
        line("\n[[nodes.sources]]", path);
        set("source", json::string{name}, path + "/source");
    }

    void convert_manual(std::string_view node, const json::value& value, const std::string& path) {
        json::object entry;
        if (value.is_array())
            entry["children"] = value;
        else if (value.is_string())
            entry["parent"] = value;
        else if (const auto* object = value.if_object())
            entry = *object;
        else
            unreadable(path, "a manual node is a list of children, the name of its parent, or an object");
        set(node, entry, path);
    }

    // Takes from a job's depends_on what has its tasks on another level, and names it. The seed keeps such a job as one
    // with errors, which never runs; here its config would be refused, and with it all others of the file.
    std::string take_unreachable(std::string_view name, json::object& job) const {
        auto* depends_on = job.if_contains("depends_on");
        auto* list = depends_on != nullptr ? depends_on->if_array() : nullptr;
        const auto own = levels_.find(name);
        if (list == nullptr || own == levels_.end()) return {};
        std::vector<std::string> away;
        for (std::size_t i = 0; i < list->size();) {
            const auto* other = (*list)[i].if_string();
            const auto level = other != nullptr ? levels_.find(std::string_view{*other}) : levels_.end();
            if (level != levels_.end() && level->second != own->second) {
                away.push_back(quote(std::string{*other}));
                list->erase(list->begin() + static_cast<std::ptrdiff_t>(i));
            } else {
                ++i;
            }
        }
        return join(away, ", ");
    }

    void convert_job(std::string_view name, const json::object& job, const std::string& path) {
        line("\n[jobs." + toml_key(name) + "]", path);
        auto kept = job;
        if (auto away = take_unreachable(name, kept); !away.empty()) {
            kept["enabled"] = false;
            line("# Depends on " + away + ", which has its tasks on another level, so it could never start.", path);
            result_.notes.push_back("job " + quote(std::string{name}) + " depends on " + away +
                                    " of another level, so it has never run: that was left out, and the job is "
                                    "disabled; say run_only_after_all_nodes_are_done_for if that is meant");
        }
        copy(kept, path,
             {"enabled", "owner", "command", "priority", "config", "resources", "backoff", "filters", "depends_on",
              "run_only_after_all_nodes_are_done_for", "level_for_tasks", "host_placement", "level_for_host_placement",
              "kill_orphan_tasks_after_sec"},
             {});
        line("status = \"pipe\"", path);
        if (job.contains("command")) return;
        if (command_.empty()) {
            line("# The file names no command: the seed's workers brought it along. Put yours here.", path);
            line("command = [\"/bin/sh\", \"-c\", 'echo \"$0\"; echo done > \"$1\"']", path);
            result_.notes.push_back(
                "job \"" + std::string{name} +
                "\" has no command and got one that prints its node and is done; give yours with --command");
        } else {
            json::array command;
            for (const auto& part : command_) command.emplace_back(json::string{part});
            set("command", command, path);
        }
    }

    // What was written must be a config. What is wrong with it is told at its place in the JSON, unless something
    // there could not even be read: then this may be but its consequence.
    void check() {
        const auto written = parse_config(result_.toml, file_);
        auto errors = written.errors;
        if (written.config)
            if (const auto nodes = nodes_of_config(*written.config))
                for (const auto& p : nodes->forest.problems) {
                    const auto at = nodes->declarations[p.declaration].at;
                    errors.push_back({file_, at.line, at.column, p.text});
                }
        for (auto& e : errors) {
            const auto path = path_of({e.line, e.column});
            const auto is_inside = [&](const auto& other) { return (other + "/").starts_with(path + "/"); };
            if (std::none_of(unreadable_.begin(), unreadable_.end(), is_inside)) error(path, std::move(e.message));
        }
        std::stable_sort(result_.errors.begin(), result_.errors.end(), [](const diagnostic& a, const diagnostic& b) {
            return std::pair{a.line, a.column} < std::pair{b.line, b.column};
        });
    }

    // A place in the TOML, and the path of the JSON value that is written from there on.
    struct origin {
        std::pair<std::size_t, std::size_t> place;  // line and column, from 1
        std::string path;
    };

    [[nodiscard]] std::string path_of(std::pair<std::size_t, std::size_t> place) const {
        const auto next = std::upper_bound(origins_.begin(), origins_.end(), place,
                                           [](const auto& wanted, const origin& o) { return wanted < o.place; });
        return next == origins_.begin() ? std::string{} : std::prev(next)->path;
    }

    std::string_view text_;
    json_positions positions_;
    std::string file_;
    std::vector<std::string> command_;
    import_result result_;
    std::map<std::string, std::string, std::less<>> levels_;  // of jobs
    std::vector<std::string> unreadable_;
    std::vector<origin> origins_;  // in the order of their places
    std::size_t lines_ = 1;        // the number of the TOML's next line
};

}  // namespace

import_result import_json(std::string_view text, const std::string& file, const std::vector<std::string>& command) {
    return importer{text, file, command}.run();
}

}  // namespace bistro
