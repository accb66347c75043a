#include "actors/runtime.hpp"

#include <caf/error.hpp>

#include "actors/console/census.hpp"
#include "io/clock.hpp"

namespace bistro {

runtime live_runtime() {
    using clock = std::chrono::steady_clock;
    const auto now = [wall = wall_clock_ms(), start = clock::now()] {
        return wall + std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start).count();
    };
    return {now, std::make_shared<std::atomic<bool>>(false), std::make_shared<census>()};
}

std::string reason_of(const caf::error& e) {
    const auto& context = e.context();
    return context.match_elements<std::string>() ? context.get_as<std::string>(0) : caf::to_string(e);
}

}  // namespace bistro
