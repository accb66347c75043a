// Finding the scheduler that a command is about.
#pragma once

#include "actors/app/commands.hpp"
#include "actors/network.hpp"

namespace bistro {

struct finder_result {
    address_finder find;
    std::string error;  ///< the arguments name no scheduler that could exist
};

/// By --scheduler, $BISTRO_SCHEDULER, or the address file in the data directory of --data-dir or the config.
finder_result make_finder(const target_arguments& target);

/// The data directory that the arguments mean; "state" where they say nothing.
std::string data_dir_of(const target_arguments& target);

}  // namespace bistro
