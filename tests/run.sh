#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Usage: tests/run.sh [PRESET [LABELS]]
# PRESET is release (default), debug, asan or tsan; LABELS is a regular expression over unit, actor, simulation, e2e and chaos.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
preset=${1:-release}
labels=${2:-.}
cd "$top"
examples/install-packages.sh test
[[ $labels != . && ! $labels =~ e2e ]] || npm ci --prefix tests/page --no-audit --no-fund --silent
cmake --preset "$preset" -DBISTRO_TESTS=ON >/dev/null
# Without end-to-end tests the program itself is not needed.
targets=()
[[ $labels == . || $labels =~ simulation|e2e|chaos ]] || targets=(--target test_model test_config test_io test_actors)
cmake --build --preset "$preset" "${targets[@]}"
exec ctest --preset "$preset" -L "$labels" --output-on-failure -j "$(nproc)"
