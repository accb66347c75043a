#!/usr/bin/env bash
# Builds Bistro and runs a real job with it: ETL against 100 SQLite databases on 4 "hosts", without overloading any.
# Usage: examples/quickstart.sh [--again]    --again starts over; else what is done stays done.
# Needs nothing but Debian 12: installs the packages that are missing.
set -euo pipefail

[ $# -eq 0 ] || [ "$*" = --again ] || { sed -n 's/^# \(Usage.*\)/\1/p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
work=${BISTRO_QUICKSTART_DIR:-$top/build/quickstart}
bistro=$top/build/release/actors/bistro

"$here/install-packages.sh" build
cd "$top"
if [ ! -f build/release/build.ninja ]; then
    echo "configuring"
    cmake --preset release -DBISTRO_TESTS=OFF >/dev/null
fi
echo "building (the first time takes some minutes)"
cmake --build --preset release --target bistro

[ "${1:-}" = --again ] && rm -rf "$work"
mkdir -p "$work"
cd "$work"

if [ ! -f shards.done ]; then
    echo "filling 100 databases from the files under /usr/share and /usr/include"
    "$here/etl/make-shards.sh" "$work/shards"
    touch shards.done
fi
sed "s|@ETL@|$here/etl|g; s|@WORK@|$work|g" "$here/etl/etl.toml.in" > etl.toml

# An interrupted script leaves nobody behind.
reader=
trap '[ -z "$reader" ] || kill "$reader" 2>/dev/null || true' EXIT

# While the job runs, somebody else uses the databases: how long does each of their queries take?
# An interrupted run goes on where it was, but there is nothing left to compare.
compare=yes
[ ! -d state ] || compare=no
mkdir -p results
if [ "$compare" = yes ]; then
    rm -rf state-unlimited
    echo
    echo "without a limit on hosts (as xargs would run it), a reader of the same databases waits:"
    sed 's|host_concurrency = { limit = 2|host_concurrency = { limit = 25|; s|concurrency = { limit = 6|concurrency = { limit = 100|
         s|data_dir = "state"|data_dir = "state-unlimited"|; s|/results|/results-unlimited|g' etl.toml > etl-unlimited.toml
    mkdir -p results-unlimited
    "$here/etl/reader.sh" "$work/shards" unlimited.latency & reader=$!
    "$bistro" run etl-unlimited.toml
    touch unlimited.latency.stop; wait "$reader"; reader=
    "$here/etl/latency.sh" unlimited.latency
    echo
    echo "with at most 2 tasks on a host and 6 in all:"
    "$here/etl/reader.sh" "$work/shards" limited.latency & reader=$!
fi

"$bistro" run etl.toml --events events.jsonl

if [ "$compare" = yes ]; then
    touch limited.latency.stop; wait "$reader"; reader=
    echo "and the reader waits:"
    "$here/etl/latency.sh" limited.latency
fi

echo
"$here/etl/verify.sh" "$work/shards" "$work/results"
echo
echo "The program is $bistro, and all of this lies in $work. Look at it with"
echo "  $bistro jobs --config $work/etl.toml"
