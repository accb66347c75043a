// The nodes of a config, fetched once and at once: for check and simulate, which run no actors for them.
#pragma once

#include "config/settings.hpp"

namespace bistro {

struct config_nodes {
    forest_ptr nodes;
    diagnostics problems;
    bool incomplete = false;  ///< scripts were not run
    bool failed = false;      ///< a source gave nothing
};

/// What manual, range_label and file sources say; scripts are left out.
config_nodes nodes_from_config(const settings& config);
/// The same as the live system would have, scripts included: it uses the same actors.
config_nodes fetch_nodes(const settings& config);

}  // namespace bistro
