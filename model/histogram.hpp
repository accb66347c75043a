// How many nodes are in which state for a job, as sets of bits. A task's bits are its own; an inner node has those of
// all tasks below it. The bits and the text of a set are those of the seed system's monitoring interface.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/task_table.hpp"

namespace bistro {

using status_bits = std::uint32_t;
inline constexpr status_bits bit_unstarted = 1;
inline constexpr status_bits bit_running = 2;
inline constexpr status_bits bit_done = 4;
inline constexpr status_bits bit_incomplete = 8;
inline constexpr status_bits bit_failed = 16;
inline constexpr status_bits bit_error = 32;
inline constexpr status_bits bit_in_backoff = 64;
inline constexpr status_bits bit_avoided = 128;  ///< by a filter
inline constexpr status_bits bit_disabled = 256;
inline constexpr status_bits bit_not_advanced = 512;    ///< it waits, though its last attempt was no error
inline constexpr status_bits bit_overwriteable = 1024;  ///< the result was made up for a lost worker

struct histogram_bin {
    std::uint64_t count = 0;
    std::vector<std::string> samples;  ///< names of some of the nodes
};
/// By level, then by bits.
using histogram = std::map<std::string, std::map<status_bits, histogram_bin>>;

status_bits bits_of(task_situation situation, const task_status& status);

/// "E" for 4: digits A-Z a-z 0-9 - _, the low six bits first, the rest behind them if there are any.
std::string bits_text(status_bits bits);

/// Of the levels from the instance to that of the tasks; empty without nodes. Names at most `samples` nodes of each
/// bin. O(nodes of those levels).
histogram histogram_of(const task_table& table, std::size_t samples);

}  // namespace bistro
