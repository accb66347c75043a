// The actor that follows the config file: a valid change is published, an invalid one changes nothing and is reported.
#pragma once

#include <functional>
#include <memory>

#include "actors/console/description.hpp"
#include "actors/protocol/interfaces.hpp"
#include "config/submissions.hpp"
#include "io/file_watch.hpp"

namespace bistro {

struct config_watcher_options {
    std::shared_ptr<const settings> current;  ///< with what was submitted
    std::string submissions_path;             ///< where that is kept; empty: nothing can be submitted
    submissions submitted;
    std::function<void(settings&)> amend;  ///< applied to every config that is read; may be empty
};

struct config_watcher_state {
    std::string path;
    config_watcher_options options;
    scheduler_actor scheduler;
    std::unique_ptr<file_watch> watch;
    bool settling = false;  ///< for config_settle_time
    bool changed = false;   ///< and will be read after that

    static inline const char* name = "config_watcher";
};
void describe(const config_watcher_state& s, description& d);

/// A file that was put in place as a whole is read at once, but not twice in this time. Otherwise it is read that long
/// after the change.
inline constexpr std::chrono::milliseconds config_settle_time{100};

/// `loop` is null where nothing is watched and file_changed comes by hand (tests).
config_watcher_actor::behavior_type config_watcher_behavior(
    config_watcher_actor::stateful_pointer<config_watcher_state> self, config_watcher_options options,
    scheduler_actor scheduler, io_loop* loop);

}  // namespace bistro
