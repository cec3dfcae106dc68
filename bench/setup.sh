#!/usr/bin/env bash
# What the benchmarks need beside the build: nginx as storage, npm for the peer, openssl for a
# certificate. On Debian as root it installs what is missing, else it says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() { # need PACKAGE PROGRAM
    command -v "$2" >/dev/null 2>&1 || missing+=("$1")
}
need nginx-light nginx
need npm npm
need openssl openssl

# chunks.py makes its tables with numpy; the warehouse (tools/setup.sh run) does without.
.venv/bin/python -c 'import numpy' 2>/dev/null || .venv/bin/python -m pip install --quiet numpy==2.4.6

[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "bench: missing here: ${missing[*]} (names as on Debian 12); install them and call again" >&2
    exit 1
fi
echo "bench: installing with apt-get: ${missing[*]}"
env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
