// Finding the scheduler that a command is about.
#pragma once

#include "actors/app/commands.hpp"
#include "actors/network.hpp"

namespace bistro {

struct finder_result {
    address_finder find;
    std::string error;  ///< the arguments name no scheduler that could exist
};

/// How a process proves to a scheduler that it belongs to the cluster.
struct credentials {
    std::optional<tls_settings> tls;
    std::string secret_file;  ///< empty: $BISTRO_SECRET, or what the scheduler left on this host
};
/// Of a config's [worker] section, else of its [network]; none without a config that is valid.
credentials credentials_of(const std::string& config);

/// By --scheduler, $BISTRO_SCHEDULER, or the address file in the data directory of --data-dir or the config.
finder_result make_finder(const target_arguments& target, const std::string& secret_file);

/// The data directory that the arguments mean; "state" where they say nothing.
std::string data_dir_of(const target_arguments& target);

}  // namespace bistro
