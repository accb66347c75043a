#!/usr/bin/env bash
# The task of job "extract": aggregates one database into a result file. Called as: extract.sh SHARDS RESULTS NODE
# STATUS JSON; a node is named host:db.
set -euo pipefail
database=$1/${3%%:*}/${3#*:}.sqlite
result=$2/$3.tsv

# Beside the totals: how many pairs of files begin alike, which takes the database some work.
sqlite3 -readonly -batch -bail -separator $'\t' "$database" > "$result.part" <<'SQL'
SELECT count(*), sum(size), max(mtime), count(DISTINCT digest),
       (SELECT count(*) FROM files a JOIN files b ON a.rowid < b.rowid WHERE instr(a.head, substr(b.head, 1, 40)) > 0)
FROM files;
SQL
mv "$result.part" "$result"
cut -f 1,2 "$result" | while read -r files bytes; do echo "$files files, $bytes bytes"; done
echo done > "$4"
