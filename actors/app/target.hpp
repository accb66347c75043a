// Finding the scheduler that a command is about.
#pragma once

#include "actors/app/commands.hpp"
#include "actors/network.hpp"

namespace bistro {

struct finder_result {
    address_finder find;
    std::string error;         ///< the arguments name no scheduler that could exist
    bool in_data_dir = false;  ///< it is looked for in a data directory, whose stores may be read where none runs
};

/// What a config says to a process that looks for a scheduler: its [worker] section, or its [network] section where it
/// is the scheduler's own.
struct membership {
    std::optional<endpoint> scheduler;
    std::optional<tls_settings> tls;
    std::string secret_file;  ///< empty: $BISTRO_SECRET, or what the scheduler left on this host
};
membership membership_of(const settings& config);

/// By --scheduler; else the address file in --data-dir; else what the config says: the address file in its data
/// directory where it is a scheduler's own, or the address in its [worker] section; else $BISTRO_SCHEDULER; else the
/// address file in the data directory "state".
finder_result make_finder(const target_arguments& target, const membership& member);

/// Where the arguments name a profile, or $BISTRO_PROFILE does and they name nothing else, its file becomes their
/// config: $XDG_CONFIG_HOME/bistro/NAME.toml. Throws io_error where there is none.
void use_profile(target_arguments& target);

/// Its config is a scheduler's own, not one that only a worker or a client has.
bool names_a_scheduler(const target_arguments& target);

/// The data directory that the arguments mean; "state" where they say nothing.
std::string data_dir_of(const target_arguments& target);

}  // namespace bistro
