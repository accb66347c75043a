// Who has connected and has not shown yet that he belongs here, bounded so that honest newcomers still find room.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bistro {

/// So many may be strangers at a time.
inline constexpr std::size_t max_strangers = 256;
/// Who is one for longer goes.
inline constexpr std::chrono::seconds stranger_deadline{10};

/// An address as far as one person commands it: of IPv6, the network (/64); text that is no address stays as it is.
std::string address_group(const std::string& address);

/// Strangers by number. Where there are too many, the address that most are from gives way, with its oldest (of several
/// such addresses, the oldest of all): who floods keeps out others of his own address only. O(max_strangers) where it
/// is full, else O(log n).
class strangers {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A new one; the one who has to go for it, if any.
    std::optional<std::int64_t> add(std::int64_t number, const std::string& address, time_point now);
    void remove(std::int64_t number);
    /// Those that have been strangers for too long.
    std::vector<std::int64_t> overdue(time_point now) const;
    std::size_t size() const { return known_.size(); }

private:
    struct stranger {
        std::string group;
        time_point since;
        std::uint64_t order = 0;
    };
    std::map<std::int64_t, stranger> known_;
    std::map<std::string, std::size_t> of_group_;
    std::uint64_t next_order_ = 0;
};

}  // namespace bistro
