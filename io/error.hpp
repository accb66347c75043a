// The exception of the adapters: what failed, on what, and why. Whoever calls an adapter catches it; none crosses an
// actor.
#pragma once

#include <stdexcept>
#include <string>

namespace bistro {

class io_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// "what: reason of errno", for the errno of the moment.
io_error errno_error(const std::string& what);

}  // namespace bistro
