// Where a running scheduler can be reached, and with what secret: a private file in its data directory, and a copy in
// a private folder of its user, by port, so that whoever knows the port needs nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bistro {

struct scheduler_address {
    std::string host;
    std::uint16_t port = 0;
    std::string secret;
    std::int64_t pid = 0;
};

/// Removes itself when the scheduler ends.
class address_file {
public:
    /// Throws io_error.
    address_file(const std::string& data_dir, const scheduler_address& address);
    ~address_file();
    address_file(const address_file&) = delete;
    address_file& operator=(const address_file&) = delete;

private:
    std::string in_data_dir_;
    std::string by_port_;
};

/// The address that the scheduler of a data directory left. Nothing where there is none. Throws io_error.
std::optional<scheduler_address> find_address_in(const std::string& data_dir);
/// The secret of this user's scheduler on a loopback port; empty where there is none.
std::string find_secret_of_port(std::uint16_t port);

}  // namespace bistro
