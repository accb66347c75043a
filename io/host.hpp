// What the operating system says of this host and process.
#pragma once

#include <cstdint>
#include <string>

namespace bistro {

std::string host_name();
/// Cores that this process may use, at least 1.
unsigned usable_cores();
/// From the system's random source.
std::uint64_t random_number();
/// 128 random bits in hexadecimal.
std::string random_secret();

}  // namespace bistro
