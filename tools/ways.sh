#!/usr/bin/env bash
# The third parties of tests/ways from the distribution, then the tests. What cannot be installed is
# skipped by its tests, which say so.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(squid tinyproxy microsocks dante-server nginx-light krb5-kdc krb5-admin-server krb5-user)
programs=(squid tinyproxy microsocks danted nginx krb5kdc kadmin.local kinit)
missing=()
for i in "${!programs[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${programs[$i]}" >/dev/null || missing+=("${packages[$i]}")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "ways: installing with apt-get: ${missing[*]}"
        # A package may start its service: the tests start their own on free ports.
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
            >build/ways-setup.log 2>&1 </dev/null || echo "ways: failed, see build/ways-setup.log" >&2
    else
        echo "ways: not installed, their tests will be skipped: ${missing[*]}" >&2
    fi
fi
.venv/bin/python -m pytest -q --timeout 120 tests/ways
