#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, by name, where they are missing.
# Usage: install-packages.sh [build|test]; "test" also has what the tests use.
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config libcaf-dev libssl-dev libboost1.81-dev libboost-json1.81-dev
       libboost-filesystem1.81-dev libboost-url1.81-dev libboost-atomic1.81-dev libsqlite3-dev libsqlitecpp-dev libtomlplusplus-dev
       libspdlog-dev libfmt-dev libcli11-dev libedit-dev sqlite3)
test=(libgtest-dev libgmock-dev python3 procps chromium prometheus clang libclang-rt-14-dev clang-format clang-tidy git)

wanted=("${build[@]}")
[ "${1:-build}" = test ] && wanted+=("${test[@]}")

# Where Node is from elsewhere, it brings npm along, and Debian's would not go with it.
[ "${1:-build}" = test ] && ! command -v npm >/dev/null && wanted+=(nodejs npm)

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run this as root, or install: ${missing[*]}" >&2; exit 3; }
    as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
