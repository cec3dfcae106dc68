#!/usr/bin/env bash
# Compiles and links the C programs shown in README.md and docs/, so that no sample drifts:
# tools/samples_test.sh [CC]. A sample is a ```c block with a main function. That of docs/adbc.md wants another
# project's header and has a test of its own, tests/adbc/test_adbc_install.py.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
awk -v folder="$scratch" '
    /^```c$/ { inside = 1; text = ""; start = FILENAME ":" FNR; next }
    /^```$/ && inside {
        inside = 0
        if (text ~ /int main\(/ && text !~ /arrow-adbc/) {
            file = folder "/sample" ++count ".c"
            printf "/* %s */\n%s", start, text >file
            close(file)
        }
        next
    }
    inside { text = text $0 "\n" }' README.md docs/*.md docs/*/*.md

compiled=0
for source in "$scratch"/sample*.c; do
    [ -f "$source" ] || break
    "${1:-cc}" -std=c11 -Wall -Wextra -Werror -Iinclude "$source" -Lbuild -ldatabricks_sql_kernel \
        -Wl,-rpath-link,build -o "$scratch/sample" || { head -n 1 "$source" >&2; exit 1; }
    compiled=$((compiled + 1))
done
echo "samples: $compiled compiled and linked"
[ "$compiled" -gt 0 ]
