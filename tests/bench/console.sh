#!/usr/bin/env bash
# Measures what it costs that the console could look, while nobody does: null tasks a second from a scheduler to a worker, with
# and without --no-console, in turns; prints each, and the median of the ratios.
# Usage: tests/bench/console.sh [ROUNDS [TASKS]]
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-7}
tasks=${2:-400000}
set -euo pipefail

rate() { process_options=$1 "$here/dispatch.sh" "$tasks" | grep -o '[0-9]* tasks a second' | cut -d' ' -f1; }

for ((i = 0; i < rounds; ++i)); do
    without=$(rate --no-console)
    with=$(rate "")
    ratio=$(awk -v a="$with" -v b="$without" 'BEGIN { printf "%.3f", a / b }')
    echo "without $without, with $with tasks a second: $ratio" >&2
    echo "$ratio"
done | sort -n | awk '{ all[NR] = $1 } END { print "median of", NR, "ratios:", all[int((NR + 1) / 2)] }'
