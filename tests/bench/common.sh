# For the benchmarks here: sets `top`, the project's folder, and `bistro`, its program.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bistro=$top/build/release/actors/bistro
[ -x "$bistro" ] || { echo "build first: cmake --preset release && cmake --build --preset release" >&2; exit 3; }

# one_job TASKS SLOTS COMMAND: a config with one level, and one job of that command
one_job() {
    cat <<EOF
[nodes]
levels = ["db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "{i}"
start = 1
end = $1
[resources.worker]
slot = { limit = $2, default = 1 }
[jobs.bench]
owner = "bench"
command = ["$3"]
EOF
}
