#!/usr/bin/env bash
# make async-check: every scenario of the asynchronous calls by its name, in both kinds of loop, under valgrind and the
# two sanitizers, then 24 hours of virtual time. Minutes. TOOLS="valgrind" leaves the sanitizers out.
set -euo pipefail
cd "$(dirname "$0")/.."
TOOLS=${TOOLS:-valgrind asan tsan}

command -v valgrind >/dev/null || { echo "async-check: valgrind is not installed (Debian: apt-get install valgrind)" >&2; exit 1; }
for tool in $TOOLS; do
    .venv/bin/python tests/e2e/async_scenarios.py "$tool"
done
echo "24 hours of virtual time:"
DBK_DAY_HOURS=24 build/cmake/release/unit/session_test of_a_day
