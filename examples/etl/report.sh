#!/usr/bin/env bash
# The task of job "report": adds up the results of one host's databases. Called as: report.sh RESULTS NODE STATUS JSON.
set -euo pipefail
cat "$1/$2":*.tsv | awk '{ files += $1; bytes += $2 } END { printf "%d\t%d\n", files, bytes }' > "$1/$2.report"
echo "$2: $(tr '\t' ' ' < "$1/$2.report")"
echo done > "$3"
