#!/usr/bin/env bash
# Sums up the latencies (microseconds, a line each) in the file $1.
set -euo pipefail
sort -n "$1" | awk '{ v[NR] = $1 }
    function at(q) { i = int(q * NR); return v[i < 1 ? 1 : i] / 1000 }
    END { if (NR == 0) print "  no query ended"; else printf "  %d queries: median %.1f ms, 95 %% below %.1f ms, 99 %% below %.1f ms, longest %.1f ms\n", NR, at(0.5), at(0.95), at(0.99), v[NR] / 1000 }'
