#!/usr/bin/env bash
# Checks the style: formatting, each header compiled alone, clang-tidy. Usage: tests/style.sh [format|headers|tidy]
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
    # The rules, the configs and the adapters. The actors are left to the compiler's warnings: clang can't read GCC's
    # precompiled headers, and takes minutes for CAF's templates without them.
    echo "clang-tidy"
    cmake --preset release >/dev/null
    git ls-files 'model/*.cpp' 'config/*.cpp' 'io/*.cpp' |
        xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2>/dev/null
fi
