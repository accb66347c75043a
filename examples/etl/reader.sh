#!/usr/bin/env bash
# Somebody else who uses the databases: queries one after the other until $2.stop exists, and notes in $2 how many
# microseconds each took.
set -euo pipefail
shards=$1
out=$2
rm -f "$out" "$out.stop"
: > "$out"
while [ ! -e "$out.stop" ]; do
    for database in "$shards"/host*/db_*.sqlite; do
        [ -e "$out.stop" ] && break
        before=${EPOCHREALTIME/[.,]/}
        sqlite3 -readonly "$database" "SELECT count(*), sum(size) FROM files WHERE path LIKE '%e%'" > /dev/null
        echo $((${EPOCHREALTIME/[.,]/} - before)) >> "$out"
    done
done
