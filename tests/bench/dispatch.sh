#!/usr/bin/env bash
# Measures how many null tasks (`bistro:null`, completed without a process) a second go from a scheduler process to a
# worker process over loopback TCP and back, until their statuses are durable: from the worker's start until all are
# done, less what the same takes for a single task. With scheduler_options=--in-memory nothing is made durable.
# Usage: tests/bench/dispatch.sh [TASKS [SLOTS]]
source "$(dirname "$0")/common.sh"
tasks=${1:-400000}
slots=${2:-2000}

work=$(mktemp -d)
scheduler=
worker=
cleanup() {
    for process in $worker $scheduler; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

# run_all COUNT: `took` becomes the microseconds from the worker's start until COUNT tasks are done
run_all() {
    one_job "$1" "$slots" bistro:null > config.toml
    printf '[worker]\ndata_dir = "worker-state"\n' >> config.toml
    rm -rf state worker-state
    "$bistro" scheduler ${process_options:-} ${scheduler_options:-} config.toml >/dev/null 2>&1 &
    scheduler=$!
    until "$bistro" status --config config.toml --json 2>/dev/null | grep -q "\"total\":$1,"; do sleep 0.1; done
    local began=${EPOCHREALTIME/[.,]/}
    "$bistro" worker ${process_options:-} config.toml >/dev/null 2>&1 &
    worker=$!
    until "$bistro" status --config config.toml --json | grep -q "\"done\":$1,"; do sleep 0.05; done
    took=$((${EPOCHREALTIME/[.,]/} - began))
    kill "$worker" "$scheduler"
    wait "$worker" "$scheduler" 2>/dev/null || true
    worker= scheduler=
}

run_all 1
single=$took
run_all "$tasks"
all=$took
[ -n "${scheduler_options:-}" ] || du -k "$work"/state/statuses.sqlite* | awk -v tasks="$tasks" '{ kb += $1 } END { printf "status store: %.0f bytes a task\n", kb * 1024 / tasks }'
awk -v n="$tasks" -v all="$all" -v single="$single" \
    'BEGIN { printf "%d tasks in %.2f s, one in %.2f s: %.0f tasks a second\n", n, all / 1e6, single / 1e6, n * 1e6 / (all - single) }'
