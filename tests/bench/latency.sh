#!/usr/bin/env bash
# Measures the time from submitting a job to the first instruction of its task against a bare posix_spawn, and what an
# idle system uses. Usage: tests/bench/latency.sh [ROUNDS]
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
bistro=$top/build/release/actors/bistro
[ -x "$bistro" ] || { echo "build first: cmake --preset release && cmake --build --preset release" >&2; exit 3; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
c++ -O2 -static "$top/tests/bench/first_instruction.cpp" -o "$work/first_instruction"
python3 "$top/tests/bench/latency.py" "$bistro" "$work/first_instruction" "${1:-300}"
