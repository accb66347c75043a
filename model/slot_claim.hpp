// What an engine lacks of the slots that are leased to its partition, as it tells the slot_broker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bistro {

/// Tasks that wait for leased slots, and ask for the same. All slots in the order of the resource table.
struct slot_claim {
    std::vector<std::int64_t> instance;  ///< what each takes of the instance
    std::vector<std::int64_t> worker;    ///< and of its worker
    std::string host;                    ///< of the worker; empty: any
    std::uint64_t tasks = 0;             ///< at most so many
    std::uint64_t served = 0;            ///< changes when one of them starts

    bool operator==(const slot_claim&) const = default;
};

}  // namespace bistro
