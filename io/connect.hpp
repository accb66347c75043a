// Connecting within a time, and not for longer than the process wants to live.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bistro {

/// A descriptor that can be read once it was signalled, by any thread.
class wakeup {
public:
    /// Throws io_error.
    wakeup();
    ~wakeup();
    wakeup(const wakeup&) = delete;
    wakeup& operator=(const wakeup&) = delete;

    void signal();
    [[nodiscard]] int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

/// A TCP socket that does not block and is connected to the first address of the host that answers; below 0 where none
/// does within the limit, or `enough` could be read before. Only the lookup of a name may take longer.
int connected_socket(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit, int enough);

}  // namespace bistro
