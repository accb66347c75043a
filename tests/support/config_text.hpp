// Sections of configs that several tests of whole clusters need.
#pragma once

#include <string>

namespace bistro::test {

/// Levels host and db: hosts h1, h2, ..., with databases h1:1, h1:2, ... `order` as in [nodes].
inline std::string two_levels(int hosts, int per_host, const std::string& order = "random") {
    return "[nodes]\nlevels = [\"host\", \"db\"]\norder = \"" + order +
           "\"\n[[nodes.sources]]\nsource = \"range_label\"\nparent_level = \"instance\"\nformat = \"h{i}\"\nstart = "
           "1\nend = " +
           std::to_string(hosts) +
           "\n[[nodes.sources]]\nsource = \"range_label\"\nparent_level = \"host\"\nformat = \"{parent}:{i}\"\nstart = "
           "1\nend = " +
           std::to_string(per_host) + "\n";
}

/// A worker ends what it runs after 4.9 s of silence, and is lost after 10.
inline constexpr const char* short_timeouts =
    "[workers]\nheartbeat_ms = 1000\nunhealthy_after_ms = 3000\nlost_after_ms = 10000\nkill_ms = 5000\n";

}  // namespace bistro::test
