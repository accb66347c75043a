#include "model/ids.hpp"

#include <charconv>

namespace bistro {

namespace {
constexpr std::uint64_t counter_mask = (std::uint64_t{1} << invocation_id::counter_bits) - 1;
}

std::string to_string(invocation_id id) {
    return std::to_string(id.value >> invocation_id::counter_bits) + "-" + std::to_string(id.value & counter_mask);
}

invocation_id parse_invocation_id(std::string_view text) {
    std::uint64_t epoch = 0;
    std::uint64_t counter = 0;
    const char* end = text.data() + text.size();
    auto [after_epoch, epoch_error] = std::from_chars(text.data(), end, epoch);
    if (epoch_error != std::errc{} || after_epoch == end || *after_epoch != '-') return {};
    auto [after_counter, counter_error] = std::from_chars(after_epoch + 1, end, counter);
    if (counter_error != std::errc{} || after_counter != end || counter > counter_mask) return {};
    if (epoch >= (std::uint64_t{1} << (64 - invocation_id::counter_bits))) return {};
    return invocation_id{(epoch << invocation_id::counter_bits) | counter};
}

}  // namespace bistro
