// Tells when a file changed, without polling.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/io_loop.hpp"

namespace bistro {

/// Watches one file, through its folder: editors replace files rather than write to them.
class file_watch {
public:
    /// `on_change` is called on the loop's thread, perhaps several times for one change; with true where the file was
    /// closed or moved into its place, so that it is likely to be whole. Throws io_error.
    file_watch(io_loop& loop, const std::string& path, std::function<void(bool whole)> on_change);
    ~file_watch();
    file_watch(const file_watch&) = delete;
    file_watch& operator=(const file_watch&) = delete;

private:
    struct state;
    std::shared_ptr<state> state_;
    io_loop& loop_;
};

}  // namespace bistro
