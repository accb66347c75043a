#include "io/error.hpp"

#include <cerrno>
#include <system_error>

namespace bistro {

io_error errno_error(const std::string& what) {
    return io_error{what + ": " + std::error_code{errno, std::generic_category()}.message()};
}

}  // namespace bistro
