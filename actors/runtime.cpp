#include "actors/runtime.hpp"

#include "io/clock.hpp"

namespace bistro {

runtime live_runtime() {
    using clock = std::chrono::steady_clock;
    return {[wall = wall_clock_ms(), start = clock::now()] {
        return wall + std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start).count();
    }};
}

}  // namespace bistro
