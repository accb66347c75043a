// Files of this folder that are part of the program (see CMakeLists.txt).
#pragma once

#include <string_view>

namespace bistro {

extern const std::string_view embedded_openapi;
extern const std::string_view embedded_index;
extern const std::string_view embedded_style;
extern const std::string_view embedded_script;

}  // namespace bistro
