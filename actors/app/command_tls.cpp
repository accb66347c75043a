// bistro tls: the certificates and the secret of a cluster.
#include <fmt/format.h>

#include <filesystem>

#include "actors/app/commands.hpp"
#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/host.hpp"
#include "io/tls/tls_files.hpp"
#include "model/text.hpp"

namespace bistro {

int command_tls_init(const std::string& folder, const std::vector<std::string>& names) {
    const auto issued = names.empty() ? std::vector<std::string>{"scheduler", "worker", "client"} : names;
    auto files = issue_certificates(folder, issued);
    const auto secret = folder + "/cluster.secret";
    if (!std::filesystem::exists(secret)) {
        write_private_file(secret, random_secret() + "\n");
        files.emplace_back("cluster.secret");
    }
    if (files.empty()) {
        fmt::print("{}: all there, nothing was changed; remove a certificate to have it issued anew\n", folder);
        return all_well;
    }
    fmt::print("{}: made {}\n", folder, join(files, ", "));
    if (files.front() != "ca.pem") return all_well;
    fmt::print(
        "Authority and certificates are valid for {0} and {1} days. ca.key stays here, and private. Each process gets\n"
        "ca.pem, cluster.secret, and a certificate and key of its own; in its config:\n\n"
        "[network]                       # of a worker or client: [worker], [worker.tls]\n"
        "secret_file = \"cluster.secret\"\n"
        "[network.tls]\n"
        "ca = \"ca.pem\"\n"
        "certificate = \"{2}.pem\"\n"
        "key = \"{2}.key\"\n",
        authority_days, certificate_days, issued.front());
    return all_well;
}

}  // namespace bistro
