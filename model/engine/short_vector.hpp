// A vector that is mostly short: its first members lie within it, and its header is small, so that what has one fits a
// line of the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace bistro {

/// Up to `Inline` members need no other memory. For plain values.
template <class T, std::uint32_t Inline>
requires std::is_trivially_copyable_v<T> &&(Inline * sizeof(T) >= sizeof(void*)) class short_vector {
public:
    short_vector() = default;
    explicit short_vector(T value) { push_back(value); }
    short_vector(const short_vector& other) { *this = other; }
    short_vector& operator=(const short_vector& other) {
        if (this == &other) return *this;
        if (is_inline() && other.is_inline()) {
            std::memcpy(store_, other.store_, sizeof store_);
            size_ = other.size_;
        } else {
            assign(other);
        }
        return *this;
    }
    short_vector(short_vector&& other) noexcept { take(other); }
    short_vector& operator=(short_vector&& other) noexcept {
        if (this != &other) {
            release();
            take(other);
        }
        return *this;
    }
    ~short_vector() { release(); }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] T* data() { return is_inline() ? reinterpret_cast<T*>(store_) : elsewhere(); }
    [[nodiscard]] const T* data() const { return is_inline() ? reinterpret_cast<const T*>(store_) : elsewhere(); }
    [[nodiscard]] T* begin() { return data(); }
    [[nodiscard]] T* end() { return data() + size_; }
    [[nodiscard]] const T* begin() const { return data(); }
    [[nodiscard]] const T* end() const { return data() + size_; }
    const T& operator[](std::size_t i) const { return data()[i]; }
    [[nodiscard]] const T& front() const { return data()[0]; }
    [[nodiscard]] const T& back() const { return data()[size_ - 1]; }

    void push_back(T value) {
        if (size_ == capacity_) [[unlikely]]
            reserve(std::max(2 * capacity_, Inline + 1));
        data()[size_++] = value;
    }
    void pop_back() { --size_; }
    void clear() { size_ = 0; }
    template <class Range>
    void assign(const Range& values) {
        const auto count = static_cast<std::uint32_t>(values.size());
        if (count > capacity_) [[unlikely]]
            reserve(count);
        std::copy(values.begin(), values.end(), data());
        size_ = count;
    }

private:
    [[nodiscard]] bool is_inline() const { return capacity_ == Inline; }
    // The address is kept as bytes, so that it asks for no alignment.
    [[nodiscard]] T* elsewhere() const {
        void* address = nullptr;
        std::memcpy(&address, store_, sizeof address);
        return static_cast<T*>(address);
    }
    void reserve(std::uint32_t capacity) {
        auto* larger = new T[capacity];
        std::copy(begin(), end(), larger);
        release();
        void* const address = larger;
        std::memcpy(store_, &address, sizeof address);
        capacity_ = capacity;
    }
    void release() {
        if (!is_inline()) delete[] elsewhere();
    }
    void take(short_vector& other) {
        std::memcpy(store_, other.store_, sizeof store_);
        capacity_ = std::exchange(other.capacity_, Inline);
        size_ = std::exchange(other.size_, 0);
    }

    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = Inline;
    alignas(T) std::byte store_[Inline * sizeof(T)]{};  // the members, or where they are
};

}  // namespace bistro
