#include "model/engine/waiting_table.hpp"

#include <algorithm>
#include <bit>

namespace bistro {

void waiting_table::add(node_index node, job_index job) {
    constexpr std::size_t bits = 64;
    if (const auto word = 1 + job.value / bits; word >= width_) widen(std::bit_ceil(word) + 1);
    if (is_waited_at_.set(node.value)) {
        if (node.value >= cell_of_.size()) cell_of_.resize(node.value + std::size_t{1});
        cell_of_[node.value] = new_cell();
    }
    words_[cell_of_[node.value] * width_ + 1 + job.value / bits] |= std::uint64_t{1} << job.value % bits;
}

// Offered to nobody, and nobody waits.
std::uint32_t waiting_table::new_cell() {
    auto number = static_cast<std::uint32_t>(words_.size() / width_);
    if (unused_.empty()) {
        words_.resize(words_.size() + width_);
    } else {
        number = unused_.back();
        unused_.pop_back();
        std::fill_n(words_.begin() + static_cast<std::ptrdiff_t>(number * width_), width_, 0);
    }
    words_[number * width_] = job_index{}.value;
    return number;
}

void waiting_table::widen(std::size_t width) {
    std::vector<std::uint64_t> wider(words_.size() / width_ * width);
    for (std::size_t from = 0, to = 0; from < words_.size(); from += width_, to += width)
        std::copy_n(words_.begin() + static_cast<std::ptrdiff_t>(from), width_,
                    wider.begin() + static_cast<std::ptrdiff_t>(to));
    words_ = std::move(wider);
    width_ = width;
}

void waiting_table::follow(const index_shift& kept, std::size_t nodes) {
    is_waited_at_.for_each([&](std::size_t i) {
        if (kept(static_cast<std::uint32_t>(i)) == index_shift::none) unused_.push_back(cell_of_[i]);
    });
    is_waited_at_ = moved(is_waited_at_, kept, nodes);
    const auto known = kept.within(0, static_cast<std::uint32_t>(cell_of_.size()), 0);
    const auto last = known.runs().empty() ? index_run{} : known.runs().back();
    cell_of_ = moved(cell_of_, known, last.to + std::size_t{last.count});
}

}  // namespace bistro
