// Which nodes of a level a job may use. A filter belongs to one level of one job; all of its parts must pass.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bistro {

/// A filter as it is written in a config.
struct filter_spec {
    std::vector<std::string> whitelist;      ///< empty: every name passes
    std::vector<std::string> blacklist;      ///< none of these names passes
    std::string whitelist_regex;             ///< empty: every name passes; searched, not matched in full
    std::string blacklist_regex;             ///< empty: no name is excluded
    std::vector<std::string> tag_whitelist;  ///< empty: every node passes; else one common tag is enough
    double fraction_of_nodes = 1.0;          ///< share of the nodes that pass; zero or less means 1

    bool operator==(const filter_spec&) const = default;
};

/// Why `pattern` is no valid regular expression (Perl syntax), or an empty string.
std::string regex_problem(const std::string& pattern);

/// A filter made ready for use on many nodes. Cheap to copy.
class filter {
public:
    /// `spec` must have valid regular expressions: check with regex_problem() first. `job` decides, with the node,
    /// which nodes a fraction takes.
    filter(const filter_spec& spec, std::string job);

    /// True where the node with this name and these tags passes every part.
    [[nodiscard]] bool passes(std::string_view node, std::span<const std::string> tags) const;

private:
    struct compiled;
    std::shared_ptr<const compiled> compiled_;
};

}  // namespace bistro
