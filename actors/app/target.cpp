#include "actors/app/target.hpp"

#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "model/text.hpp"

namespace bistro {

void use_profile(target_arguments& target) {
    auto name = target.profile;
    const char* from_environment = std::getenv("BISTRO_PROFILE");
    if (name.empty() && from_environment != nullptr && target.config.empty() && target.data_dir.empty() &&
        target.scheduler.empty())
        name = from_environment;
    if (name.empty()) return;
    if (name.find('/') != std::string::npos || name.starts_with('.'))
        throw io_error{quote(name) + " can't name a profile: it is the name of a file without its ending"};
    const char* own = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    const auto folder = own != nullptr && *own != '\0'
                            ? std::filesystem::path{own}
                            : std::filesystem::path{home != nullptr ? home : "."} / ".config";
    const auto path = folder / "bistro" / (name + ".toml");
    if (!std::filesystem::exists(path))
        throw io_error{"there is no profile " + quote(name) + ": write " + path.string() +
                       ", with a [worker] section that has the scheduler's address, as for a worker"};
    target.config = path.string();
}

bool names_a_scheduler(const target_arguments& target) {
    if (target.config.empty()) return false;
    const auto loaded = load_config(target.config, config_purpose::worker);
    return loaded.membership() && !loaded.membership()->levels.empty();
}

std::string data_dir_of(const target_arguments& target) {
    if (!target.data_dir.empty()) return target.data_dir;
    if (!target.config.empty())
        if (auto loaded = load_config(target.config); loaded.membership()) return loaded.membership()->data_dir;
    return defaults::data_dir;
}

membership membership_of(const settings& config) {
    const auto& [network, worker] = std::tie(config.network, config.worker);
    return {worker.scheduler, worker.tls ? worker.tls : network.tls,
            worker.secret_file.empty() ? network.secret_file : worker.secret_file};
}

finder_result make_finder(const target_arguments& target, const membership& member) {
    auto text = target.scheduler;
    const bool own = names_a_scheduler(target);
    const char* from_environment = std::getenv("BISTRO_SCHEDULER");
    if (text.empty() && target.data_dir.empty()) {
        if (member.scheduler)
            text = to_string(*member.scheduler);
        else if (!own && from_environment != nullptr)
            text = from_environment;
    }
    const auto from_file = [dir = data_dir_of(target)] { return find_address_in(dir); };
    if (text.empty()) return {from_file, {}, true};
    const auto e = parse_endpoint(text);
    if (!e || e->port == 0) return {{}, quote(text) + " is no address; write host:port, like 127.0.0.1:6789"};
    const auto from_address = [e = *e, secret_file = member.secret_file] {
        const char* secret = std::getenv("BISTRO_SECRET");
        std::string known = secret != nullptr ? secret : "";
        if (known.empty() && !secret_file.empty()) known = read_secret(secret_file);
        if (known.empty() && is_loopback(e)) known = find_secret_of_port(e.port);
        return std::optional{scheduler_address{e.host, e.port, known, 0}};
    };
    if (!own || !target.scheduler.empty()) return {from_address, {}};
    // One config for all hosts: on the scheduler's own, its address file also has the secret.
    return {[=] {
                auto address = from_file();
                return address ? address : from_address();
            },
            {}};
}

}  // namespace bistro
