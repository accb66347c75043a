#include "actors/config_watcher.hpp"

#include <caf/all.hpp>

#include "io/error.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr const char* source = "config";

void reload(config_watcher_actor::stateful_pointer<config_watcher_state> self,
            const std::function<void(settings&)>& amend) {
    auto& s = self->state;
    auto loaded = load_config(s.path);
    if (!loaded.config) {
        std::string text = "the changed config is not valid, the one before stays in force:";
        for (const auto& error : loaded.errors) text += "\n  " + printable(to_string(error));
        self->send(s.scheduler, problem{source, text});
        return;
    }
    if (amend) amend(*loaded.config);
    // What a running process can't change without a restart stays as it was, and is said.
    std::vector<std::string> fixed;
    const auto keep = [&](const char* what, auto part) {
        if (std::exchange((*loaded.config).*part, (*s.current).*part) != (*s.current).*part) fixed.emplace_back(what);
    };
    keep("data_dir", &settings::data_dir);
    keep("[scheduler.history]", &settings::history);
    keep("[network]", &settings::network);
    self->send(
        s.scheduler,
        problem{source, fixed.empty() ? "" : "changes of " + join(fixed, ", ") + " take effect at the next start"});
    if (*loaded.config == *s.current) return;
    s.current = std::make_shared<const settings>(std::move(*loaded.config));
    self->send(s.scheduler, config_changed{s.current});
}

}  // namespace

config_watcher_actor::behavior_type config_watcher_behavior(
    config_watcher_actor::stateful_pointer<config_watcher_state> self, std::shared_ptr<const settings> current,
    scheduler_actor scheduler, io_loop* loop, std::function<void(settings&)> amend) {
    auto& s = self->state;
    s.path = current->file;
    s.current = std::move(current);
    s.scheduler = std::move(scheduler);
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
            if (read) reload(self, amend);
        },
    };
}

}  // namespace bistro
