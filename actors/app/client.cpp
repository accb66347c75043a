#include "actors/app/client.hpp"

#include <fmt/format.h>

#include "actors/app/target.hpp"
#include "model/text.hpp"

namespace bistro {

client::client(const target_arguments& target) {
    membership member;
    if (!target.config.empty()) {
        const auto loaded = load_config(target.config, config_purpose::worker);
        print_errors(loaded.errors);
        // Whoever edits it must be able to end what runs meanwhile.
        if (!loaded.membership()) {
            refuse_arguments("the config " + target.config +
                             " is not valid; --data-dir or --scheduler say as well where the scheduler is");
            return;
        }
        member = membership_of(*loaded.membership());
    }
    auto finder = make_finder(target, member);
    if (!finder.error.empty()) {
        refuse_arguments(finder.error);
        return;
    }
    const auto address = finder.find();
    if (!address) {
        nobody_ = finder.in_data_dir;
        error_ = "no scheduler runs with the data directory " + quote(data_dir_of(target));
        return;
    }
    secret_ = address->secret;
    config_ = std::make_unique<system_config>(member.tls);
    system_ = std::make_unique<caf::actor_system>(*config_);
    auto connected = connect_once(*system_, *address, member.tls.has_value());
    gateway_ = std::move(connected.gateway);
    error_ = std::move(connected.error);
    nobody_ = connected.nobody && finder.in_data_dir;
}

int unreachable(const client& c) {
    fmt::print(stderr, "bistro: {}\n", c.error());
    return c.bad_arguments() || c.unknown() ? bad_usage : could_not_reach_run;
}

}  // namespace bistro
