#include "model/replica_table.hpp"

#include <algorithm>
#include <bit>

namespace bistro {

void replica_table::reserve(std::size_t nodes, std::size_t parents) {
    nodes_.reserve(nodes);
    begin_.reserve(nodes + 1);
    parents_.reserve(parents);
}

void replica_table::seal(std::size_t size) {
    if (nodes_.empty()) return;
    places_.assign(parents_.size(), 0);
    known_ = bit_set{size};
    for (const auto node : nodes_) known_.set(node);
    before_.reserve(size / bit_set::bits + 1);
    std::size_t before = 0;
    for (std::size_t begin = 0; begin < size; begin += bit_set::bits) {
        before_.push_back(static_cast<std::uint32_t>(before));
        before += known_.count(begin, std::min(bit_set::bits, size - begin));
    }
}

// Which of them it is.
std::size_t replica_table::number(std::uint32_t node) const {
    const auto word = node / bit_set::bits;
    return before_[word] +
           static_cast<std::size_t>(std::popcount(known_.some(word * bit_set::bits, node % bit_set::bits)));
}

std::span<const node_index> replica_table::parents(node_index node) const { return parents_at(number(node.value)); }

std::uint32_t replica_table::place(node_index node, std::size_t i) const {
    return places_[begin_[number(node.value)] + i];
}

std::span<const std::uint32_t> replica_table::within(std::uint32_t begin, std::uint32_t end) const {
    const auto first = std::lower_bound(nodes_.begin(), nodes_.end(), begin);
    return {first, std::lower_bound(first, nodes_.end(), end)};
}

}  // namespace bistro
