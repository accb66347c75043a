#include "model/engine/slot_counts.hpp"

namespace bistro {

std::int64_t slot_counts::large(std::size_t i) const { return large_.find(i)->second; }

void slot_counts::add_large(std::size_t i, std::int64_t more) {
    const auto now = (*this)[i] + more;
    const bool fits = now >= 0 && now < elsewhere;
    if (!fits) {
        large_[i] = now;
    } else if (small_[i] == elsewhere) {
        large_.erase(i);
    }
    small_[i] = fits ? static_cast<std::uint8_t>(now) : elsewhere;
}

}  // namespace bistro
