#include "actors/config_watcher.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/program_log.hpp"
#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr const char* source = "config";

using self_ptr = config_watcher_actor::stateful_pointer<config_watcher_state>;

void publish(self_ptr self, settings config) {
    auto& s = self->state;
    if (config == *s.options.current) return;
    s.options.current = std::make_shared<const settings>(std::move(config));
    self->send(s.scheduler, config_changed{s.options.current});
}

// What a running process can't change without a restart stays as it was. Gives the names of what would have changed.
std::vector<std::string> keep_fixed(settings& config, const settings& current) {
    std::vector<std::string> fixed;
    const auto keep = [&](const char* what, auto part) {
        if (std::exchange(config.*part, current.*part) != current.*part) fixed.emplace_back(what);
    };
    keep("data_dir", &settings::data_dir);
    keep("partitions", &settings::partitions);
    keep("[scheduler.history]", &settings::history);
    keep("[network]", &settings::network);
    return fixed;
}

void reload(self_ptr self) {
    auto& s = self->state;
    auto loaded = load_config(s.path);
    if (!loaded.config) {
        std::string text = "the changed config is not valid, the one before stays in force:";
        for (const auto& error : loaded.errors) text += "\n  " + printable(to_string(error));
        self->send(s.scheduler, problem{source, text});
        return;
    }
    if (s.options.amend) s.options.amend(*loaded.config);
    const auto fixed = keep_fixed(*loaded.config, *s.options.current);
    self->send(
        s.scheduler,
        problem{source, fixed.empty() ? "" : "changes of " + join(fixed, ", ") + " take effect at the next start"});
    for (const auto& name : apply(s.options.submitted, *loaded.config))
        log_of(log_part::config)
            .warn("job {} is in the config, and was submitted too: the config counts", quote(name.value));
    publish(self, std::move(*loaded.config));
}

// The change that is asked for, or why it can't be.
std::string change(submissions& given, const settings& file, const control_asked& m) {
    const auto name = quote(m.job.value);
    const bool in_file =
        std::any_of(file.jobs.begin(), file.jobs.end(), [&](const job_spec& j) { return j.name == m.job; });
    const auto unknown = in_file || given.jobs.contains(m.job) ? std::string{} : "there is no job " + name;
    switch (m.verb) {
        case control_verb::submit:
            if (auto problem = job_name_problem(m.job.value); !problem.empty()) return problem;
            if (in_file) return "job " + name + " is in the config; change it there: " + file.file;
            if (given.jobs.size() >= max_submitted_jobs && !given.jobs.contains(m.job))
                return "there are " + std::to_string(max_submitted_jobs) + " submitted jobs; delete some first";
            given.jobs[m.job] = m.text;
            return {};
        case control_verb::remove:
            if (in_file) return "job " + name + " is in the config; remove it there: " + file.file;
            given.jobs.erase(m.job);
            given.paused.erase(m.job);
            return unknown;
        case control_verb::pause:
            if (!unknown.empty()) return unknown;
            return given.paused.insert(m.job).second ? "" : "job " + name + " is paused already";
        default:
            if (!unknown.empty()) return unknown;
            return given.paused.erase(m.job) > 0
                       ? ""
                       : "job " + name + " is not paused; where it is disabled, its \"enabled\" says so";
    }
}

std::string done_text(const control_asked& m) {
    const auto job = "job " + quote(m.job.value) + " is ";
    switch (m.verb) {
        case control_verb::submit: return job + "submitted";
        case control_verb::remove: return job + "deleted; what runs of it goes on";
        case control_verb::pause: return job + "paused; what runs of it goes on";
        default: return job + "resumed";
    }
}

// Stored before it takes effect, so that a restart knows of it.
control_answer edit(self_ptr self, const control_asked& m) {
    auto& s = self->state;
    auto loaded = load_config(s.path);
    if (!loaded.config) return {false, "the config " + s.path + " is not valid now; mend it first, see bistro check"};
    if (s.options.amend) s.options.amend(*loaded.config);
    keep_fixed(*loaded.config, *s.options.current);
    auto given = s.options.submitted;
    if (auto problem = change(given, *loaded.config, m); !problem.empty()) return {false, std::move(problem)};
    apply(given, *loaded.config);
    if (m.verb == control_verb::submit)
        for (const auto& job : loaded.config->jobs)
            if (job.name == m.job && !job.errors.empty()) return {false, join(job.errors, "; ")};
    try {
        write_private_file(s.options.submissions_path, to_text(given));
    } catch (const io_error& e) {
        return {false, std::string{"the change could not be stored, and was not made: "} + e.what()};
    }
    s.options.submitted = std::move(given);
    publish(self, std::move(*loaded.config));
    return {true, done_text(m)};
}

}  // namespace

config_watcher_actor::behavior_type config_watcher_behavior(self_ptr self, config_watcher_options options,
                                                            scheduler_actor scheduler, io_loop* loop) {
    auto& s = self->state;
    s.path = options.current->file;
    s.options = std::move(options);
    s.scheduler = std::move(scheduler);
    if (!s.options.submissions_path.empty()) self->send(s.scheduler, watcher_here{self->ctrl()});
    if (loop != nullptr) {
        auto me = caf::actor_cast<caf::weak_actor_ptr>(self);
        try {
            s.watch = std::make_unique<file_watch>(*loop, s.path, [me](bool whole) {
                if (auto strong = me.lock())
                    caf::anon_send(caf::actor_cast<config_watcher_actor>(strong), file_changed{whole, false});
            });
        } catch (const io_error& e) {
            self->send(s.scheduler, problem{source, std::string{e.what()} +
                                                        "; changes of the config take effect at the next start"});
        }
    }
    return {
        [=](const file_changed& m) {
            auto& state = self->state;
            bool read = false;
            if (m.settled) {
                state.settling = false;
                read = std::exchange(state.changed, false);
            } else {
                read = m.whole && !state.settling;
                state.changed = state.changed || !read;
            }
            if ((read || state.changed) && !std::exchange(state.settling, true))
                self->delayed_send(self, config_settle_time, file_changed{false, true});
            if (read) reload(self);
        },
        [=](const control_asked& m) { return edit(self, m); },
    };
}

}  // namespace bistro
