#!/usr/bin/env bash
# Measures what 5,000 requests a second on /api/v1/jobs cost the scheduling: null tasks a second with HTTP served and nobody
# asking, and with wrk asking, in turns; prints each, the median of the ratios, and the requests a second that were answered.
# All share the machine's cores, wrk too. Needs wrk. Usage: tests/bench/http.sh [ROUNDS [TASKS]]
source "$(dirname "$0")/common.sh"
command -v wrk >/dev/null || { echo "install wrk" >&2; exit 3; }
rounds=${1:-5}
tasks=${2:-1000000}
connections=64
pause_ms=10  # of a connection between two requests; with what an answer takes, 5,000 a second

work=$(mktemp -d)
processes=()
cleanup() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
echo "function delay() return $pause_ms end" > slowly.lua
one_job "$tasks" 2000 bistro:null > config.toml
printf '[worker]\ndata_dir = "worker-state"\n[network]\nhttp = "127.0.0.1:0"\n' >> config.toml

# run_all ASKED: `rate` becomes the tasks a second
run_all() {
    rm -rf state worker-state
    "$bistro" scheduler config.toml >/dev/null 2>scheduler.log &
    local scheduler=$!
    processes=("$scheduler")
    until "$bistro" status --config config.toml --json 2>/dev/null | grep -q "\"total\":$tasks,"; do sleep 0.1; done
    local asker=
    if [ "$1" = asked ]; then
        local address
        address=$(sed -n 's/.*HTTP is served on //p' scheduler.log)
        wrk -t1 -c "$connections" -d 600 -s slowly.lua "http://$address/api/v1/jobs" > wrk.log &
        asker=$!
        processes+=("$asker")
        sleep 1
    fi
    local began=${EPOCHREALTIME/[.,]/}
    "$bistro" worker config.toml >/dev/null 2>&1 &
    local worker=$!
    processes+=("$worker")
    "$bistro" wait bench --config config.toml >/dev/null
    rate=$((tasks * 1000000 / (${EPOCHREALTIME/[.,]/} - began)))
    if [ -n "$asker" ]; then
        kill -INT "$asker"
        wait "$asker" || true
        grep Requests/sec wrk.log >&2
    fi
    kill "$worker" "$scheduler"
    wait "$worker" "$scheduler" || true
    processes=()
}

for ((i = 0; i < rounds; ++i)); do
    run_all alone
    alone=$rate
    run_all asked
    echo "alone $alone, asked $rate tasks a second" >&2
    awk -v a="$rate" -v b="$alone" 'BEGIN { printf "%.3f\n", a / b }' >> ratios
done
sort -n ratios | awk '{ all[NR] = $1 } END { print "median of", NR, "ratios:", all[int((NR + 1) / 2)] }'
