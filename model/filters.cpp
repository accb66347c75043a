#include "model/filters.hpp"

#include <algorithm>
#include <boost/regex.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "model/hash.hpp"

namespace bistro {

struct filter::compiled {
    boost::unordered_flat_set<std::string> whitelist;
    boost::unordered_flat_set<std::string> blacklist;
    boost::unordered_flat_set<std::string> tags;
    boost::regex whitelist_regex;
    boost::regex blacklist_regex;
    double fraction = 1.0;
    std::string job;
};

std::string regex_problem(const std::string& pattern) {
    try {
        boost::regex compiled{pattern};
        return {};
    } catch (const boost::regex_error& e) {
        return e.what();
    }
}

filter::filter(const filter_spec& spec, std::string job) {
    auto c = std::make_shared<compiled>();
    c->whitelist.insert(spec.whitelist.begin(), spec.whitelist.end());
    c->blacklist.insert(spec.blacklist.begin(), spec.blacklist.end());
    c->tags.insert(spec.tag_whitelist.begin(), spec.tag_whitelist.end());
    if (!spec.whitelist_regex.empty()) c->whitelist_regex.assign(spec.whitelist_regex);
    if (!spec.blacklist_regex.empty()) c->blacklist_regex.assign(spec.blacklist_regex);
    c->fraction = spec.fraction_of_nodes > 0 ? spec.fraction_of_nodes : 1.0;
    c->job = std::move(job);
    compiled_ = std::move(c);
}

namespace {

// A pattern that backtracks beyond Boost's bound throws; such a name counts as not found, which excludes it from a
// whitelist and keeps it out of no blacklist's reach by accident: see passes().
enum class found { yes, no, too_complex };

found search(std::string_view text, const boost::regex& pattern) {
    try {
        return boost::regex_search(text.begin(), text.end(), pattern) ? found::yes : found::no;
    } catch (const std::runtime_error&) {
        return found::too_complex;
    }
}

}  // namespace

bool filter::passes(std::string_view node, std::span<const std::string> tags) const {
    const auto& c = *compiled_;
    const std::string name{node};
    if (!c.whitelist.empty() && !c.whitelist.contains(name)) return false;
    if (c.blacklist.contains(name)) return false;
    if (!c.whitelist_regex.empty() && search(node, c.whitelist_regex) != found::yes) return false;
    if (!c.blacklist_regex.empty() && search(node, c.blacklist_regex) != found::no) return false;
    if (!c.tags.empty() &&
        std::none_of(tags.begin(), tags.end(), [&](const std::string& tag) { return c.tags.contains(tag); }))
        return false;
    return c.fraction >= 1.0 || stable_fraction(c.job, node) < c.fraction;
}

}  // namespace bistro
