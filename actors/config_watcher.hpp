// The actor that follows the config file: a valid change is published, an invalid one changes nothing and is reported.
#pragma once

#include <memory>

#include "actors/protocol/interfaces.hpp"
#include "io/file_watch.hpp"

namespace bistro {

struct config_watcher_state {
    std::string path;
    std::shared_ptr<const settings> current;
    scheduler_actor scheduler;
    std::unique_ptr<file_watch> watch;
    bool settling = false;  ///< for config_settle_time
    bool changed = false;   ///< and will be read after that

    static inline const char* name = "config_watcher";
};

/// A file that was put in place as a whole is read at once, but not twice in this time. Otherwise it is read that long
/// after the change.
inline constexpr std::chrono::milliseconds config_settle_time{100};

/// `loop` is null where nothing is watched and file_changed comes by hand (tests). `amend` is applied to every config
/// that is read; it may be empty.
config_watcher_actor::behavior_type config_watcher_behavior(
    config_watcher_actor::stateful_pointer<config_watcher_state> self, std::shared_ptr<const settings> current,
    scheduler_actor scheduler, io_loop* loop, std::function<void(settings&)> amend);

}  // namespace bistro
