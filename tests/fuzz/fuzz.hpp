// What the fuzz targets share: each defines FUZZ(text), which libFuzzer calls with whatever it comes up with.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bistro {

/// Ends the program, which libFuzzer reports with the input, where a promise does not hold.
inline void must(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", promise);
    std::abort();
}

void fuzz(std::string_view text);

}  // namespace bistro

#define FUZZ(text)                                                                      \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
        fuzz({reinterpret_cast<const char*>(data), size});                              \
        return 0;                                                                       \
    }                                                                                   \
    void fuzz(std::string_view text)
