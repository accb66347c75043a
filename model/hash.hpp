// Hashes whose values are part of what the system promises: the same on every build and machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace bistro {

/// Finaliser of the splitmix64 generator: spreads every input bit over all output bits.
constexpr std::uint64_t mix64(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/// 64-bit FNV-1a, continued from `state`.
constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t state = 0xcbf29ce484222325U) {
    for (char c : text) {
        state ^= static_cast<unsigned char>(c);
        state *= 0x100000001b3U;
    }
    return state;
}

/// A number in [0, 1) that depends on nothing but the two names.
constexpr double stable_fraction(std::string_view job, std::string_view node) {
    std::uint64_t h = fnv1a(job);
    h = fnv1a(std::string_view{"\0", 1}, h);
    h = mix64(fnv1a(node, h));
    return static_cast<double>(h >> 11) * 0x1.0p-53;
}

}  // namespace bistro
