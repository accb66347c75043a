#!/usr/bin/env bash
# Computes the totals directly from the databases in $1 and compares them with the reports in $2.
set -euo pipefail
expected=$(for database in "$1"/host*/db_*.sqlite; do
    sqlite3 -readonly -separator ' ' "$database" 'SELECT count(*), sum(size) FROM files'
done | awk '{ files += $1; bytes += $2 } END { printf "%d files, %d bytes", files, bytes }')
reported=$(cat "$2"/host*.report | awk '{ files += $1; bytes += $2 } END { printf "%d files, %d bytes", files, bytes }')
if [ "$expected" != "$reported" ]; then
    echo "the reports say $reported, but the databases have $expected" >&2
    exit 1
fi
echo "verified: $reported, as counted directly"
