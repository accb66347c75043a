#!/usr/bin/env bash
# Checks the style: formatting, each header compiled alone, clang-tidy. Usage: tests/style.sh [format|headers|tidy|actors]
# "actors" is clang-tidy on the actors, which takes as long as all the rest, for CAF's headers; it is not among what is
# done where nothing is named.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
what=${1:-all}
examples/install-packages.sh test
sources() { git ls-files '*.cpp' '*.hpp'; }

if [ "$what" = all ] || [ "$what" = format ]; then
    echo "formatting"
    sources | xargs clang-format --dry-run -Werror
fi
if [ "$what" = all ] || [ "$what" = headers ]; then
    echo "each header alone"
    cmake --preset release >/dev/null
    cmake --build --preset release --target all_verify_interface_header_sets
fi
if [ "$what" = all ] || [ "$what" = tidy ]; then
    echo "clang-tidy"
    cmake --preset tidy >/dev/null
    git ls-files 'model/*.cpp' 'config/*.cpp' 'io/*.cpp' |
        xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet 2>/dev/null
fi
if [ "$what" = actors ]; then
    # A build folder of its own: clang can't read GCC's precompiled headers, and takes minutes for CAF without any.
    echo "clang-tidy on the actors"
    cmake --preset tidy >/dev/null
    cmake --build --preset tidy
    git ls-files 'actors/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet 2>/dev/null
fi
