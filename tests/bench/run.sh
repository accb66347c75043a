#!/usr/bin/env bash
# Measures `bistro run` on tasks of /bin/true against a bare posix_spawn and waitid loop with as many at a time, in turn,
# and prints each pair and the median ratio. Usage: tests/bench/run.sh [TASKS [SLOTS [PAIRS]]]
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tasks=${1:-1500}
slots=${2:-2}
pairs=${3:-5}
bistro=$top/build/release/actors/bistro
[ -x "$bistro" ] || { echo "build first: cmake --preset release && cmake --build --preset release" >&2; exit 3; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
c++ -O2 -std=c++20 "$top/tests/bench/spawn_loop.cpp" -o "$work/spawn_loop"
seq "$tasks" > "$work/nodes"
cd "$work"
for _ in $(seq "$pairs"); do
    bare=$(./spawn_loop "$tasks" "$slots" /bin/true)
    before=${EPOCHREALTIME/[.,]/}
    "$bistro" run --nodes nodes --slots "$slots" -- /bin/true
    took=$((${EPOCHREALTIME/[.,]/} - before))
    awk -v bare="$bare" -v tasks="$tasks" -v us="$took" \
        'BEGIN { ours = tasks * 1e6 / us; printf "bare loop %.0f/s  bistro run %.0f/s  ratio %.3f\n", bare, ours, ours / bare }'
done | tee pairs
awk '{ print $NF }' pairs | sort -n | awk '{ r[NR] = $1 } END { printf "median ratio %.3f\n", r[int((NR + 1) / 2)] }'
