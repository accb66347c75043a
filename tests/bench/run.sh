#!/usr/bin/env bash
# Measures `bistro run` on tasks of /bin/true against a bare posix_spawn and waitid loop of the same command with as
# many at a time, in turn, and prints each pair and the median ratio: first without a config (the command gets the
# node's name), then with one, with all that is durable (the command gets node, status file and JSON).
# Usage: tests/bench/run.sh [TASKS [SLOTS [PAIRS]]]
source "$(dirname "$0")/common.sh"
tasks=${1:-1500}
slots=${2:-2}
pairs=${3:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
c++ -O2 -std=c++20 "$top/tests/bench/spawn_loop.cpp" -o "$work/spawn_loop"
cd "$work"
seq "$tasks" > nodes
one_job "$tasks" "$slots" /bin/true > config.toml

# compare NAME BARE_ARGUMENTS -- COMMAND...
compare() {
    local name=$1 bare_arguments=() bare before took
    shift
    while [ "$1" != -- ]; do bare_arguments+=("$1"); shift; done
    shift
    echo "$name"
    for _ in $(seq "$pairs"); do
        bare=$(./spawn_loop "$tasks" "$slots" /bin/true "${bare_arguments[@]}")
        rm -rf state
        before=${EPOCHREALTIME/[.,]/}
        "$@" > /dev/null
        took=$((${EPOCHREALTIME/[.,]/} - before))
        awk -v bare="$bare" -v tasks="$tasks" -v us="$took" \
            'BEGIN { ours = tasks * 1e6 / us; printf "bare loop %.0f/s  bistro run %.0f/s  ratio %.3f\n", bare, ours, ours / bare }'
    done | tee pairs
    awk '{ print $NF }' pairs | sort -n | awk '{ r[NR] = $1 } END { printf "median ratio %.3f\n", r[int((NR + 1) / 2)] }'
}

compare "without a config:" 1 -- "$bistro" run --nodes nodes --slots "$slots" -- /bin/true
compare "with a config:" 1 status '{"id":"true"}' -- "$bistro" run --quiet config.toml
