// A set of small numbers, one bit each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/fetch_line.hpp"

namespace bistro {

class bit_set {
public:
    bit_set() = default;
    /// Of numbers below `size`; empty.
    explicit bit_set(std::size_t size) : size_{size}, words_((size + bits - 1) / bits, 0) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    bool operator==(const bit_set&) const = default;
    [[nodiscard]] bool operator[](std::size_t i) const {
        return i < size_ && (words_[i / bits] >> (i % bits) & 1U) != 0;
    }
    /// True where it was not in the set.
    bool set(std::size_t i) {
        auto& word = words_[i / bits];
        const auto before = word;
        word |= std::uint64_t{1} << (i % bits);
        return word != before;
    }
    /// True where it was in the set.
    bool reset(std::size_t i) {
        if (i >= size_) return false;
        auto& word = words_[i / bits];
        const auto before = word;
        word &= ~(std::uint64_t{1} << (i % bits));
        return word != before;
    }
    /// The members from `begin` on, at most 64 of them, as bits of one word.
    [[nodiscard]] std::uint64_t some(std::size_t begin, std::size_t count) const {
        if (count == 0) return 0;
        auto word = words_[begin / bits] >> (begin % bits);
        if (begin % bits != 0 && begin / bits + 1 < words_.size())
            word |= words_[begin / bits + 1] << (bits - begin % bits);
        return count >= bits ? word : word & ((std::uint64_t{1} << count) - 1);
    }
    /// The inverse: these become members, too.
    void add(std::size_t begin, std::uint64_t some) {
        words_[begin / bits] |= some << (begin % bits);
        if (begin % bits != 0 && some >> (bits - begin % bits) != 0)
            words_[begin / bits + 1] |= some >> (bits - begin % bits);
    }
    /// How many of the members are among so many numbers from `begin` on.
    [[nodiscard]] std::size_t count(std::size_t begin, std::size_t count) const {
        std::size_t sum = 0;
        for (; count > 0; begin += std::min(count, bits), count -= std::min(count, bits))
            sum += static_cast<std::size_t>(std::popcount(some(begin, count)));
        return sum;
    }
    /// Asks for the word of this number, so that it is in the cache soon.
    void fetch(std::size_t i) const {
        if (i < size_) fetch_line(words_.data() + i / bits);
    }
    [[nodiscard]] std::optional<std::size_t> first() const {
        for (std::size_t w = 0; w < words_.size(); ++w)
            if (words_[w] != 0) return w * bits + static_cast<std::size_t>(std::countr_zero(words_[w]));
        return std::nullopt;
    }
    template <class F>
    void for_each(F&& visit) const {
        for (std::size_t w = 0; w < words_.size(); ++w)
            for (auto word = words_[w]; word != 0; word &= word - 1)
                visit(w * bits + static_cast<std::size_t>(std::countr_zero(word)));
    }

    static constexpr std::size_t bits = 64;  ///< of a word

private:
    std::size_t size_ = 0;
    std::vector<std::uint64_t> words_;
};

}  // namespace bistro
