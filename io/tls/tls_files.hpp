// The files of mutual TLS: a private certificate authority of the cluster, and a certificate and key for each process.
#pragma once

#include <string>
#include <vector>

namespace bistro {

/// How long what is issued is valid. Certificates are replaced by issuing anew: the authority outlives several.
inline constexpr int authority_days = 3650;
inline constexpr int certificate_days = 825;

/// Makes `ca.pem` and `ca.key` in the folder unless they are there, and `NAME.pem` and `NAME.key` for each name that
/// has none yet, for servers and clients alike. Keys (EC P-256) can be read by their owner only. Gives the names of the
/// files that it made. Throws io_error; a file that exists is never replaced.
std::vector<std::string> issue_certificates(const std::string& folder, const std::vector<std::string>& names);

/// Throws io_error, with what to do, where a file can't be read, others may read the key, the key is not that of the
/// certificate, or the authority did not issue the certificate or it is not valid now.
void check_tls_files(const std::string& ca, const std::string& certificate, const std::string& key);

}  // namespace bistro
