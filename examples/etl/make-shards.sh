#!/usr/bin/env bash
# Makes 4 hosts with 25 SQLite databases each below the folder $1, filled from real files: a row a file.
set -euo pipefail
out=$1
hosts=4
databases=25
max_files=24000
min_files=20000

rm -rf "$out"
mkdir -p "$out"
trap 'rm -f "$out/paths" "$out/all.sqlite"' EXIT
find /usr/share /usr/include -type f -size -64k -readable ! -name $'*\n*' ! -name $'*\t*' 2>/dev/null |
    LC_ALL=C sort | awk -v most=$max_files 'NR <= most' > "$out/paths"
found=$(wc -l < "$out/paths")
if [ "$found" -lt $min_files ]; then
    echo "only $found files found under /usr/share and /usr/include; $min_files are needed" >&2
    exit 1
fi

columns="path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, digest TEXT NOT NULL, head TEXT NOT NULL"
{
    echo "PRAGMA journal_mode = OFF; CREATE TABLE paths (file TEXT);"
    echo ".mode tabs"
    echo ".import \"$out/paths\" paths"
    # fsdir with a file's own path gives that one file.
    echo "CREATE TABLE files AS SELECT file AS path, length(data) AS size, mtime, lower(hex(sha3(data, 224))) AS digest,
              substr(CAST(data AS TEXT), 1, 200) AS head FROM paths, fsdir(file);"
    i=0
    for h in $(seq 1 $hosts); do
        mkdir -p "$out/host$h"
        for d in $(seq 1 $databases); do
            echo "ATTACH '$out/host$h/db_$d.sqlite' AS shard;
                  CREATE TABLE shard.files ($columns);
                  INSERT INTO shard.files SELECT path, size, mtime, digest, head FROM main.files
                  WHERE rowid % $((hosts * databases)) = $i;
                  DETACH shard;"
            i=$((i + 1))
        done
    done
    echo ".print"
    echo "SELECT count(*) || ' rows in $((hosts * databases)) databases' FROM files;"
} | sqlite3 -bail -batch "$out/all.sqlite" | tail -n 1
