#!/usr/bin/env bash
# clang-tidy with .clang-tidy over the C sources that the dev preset compiles: tools/tidy.sh [JOBS]
set -euo pipefail
cd "$(dirname "$0")/.."

database=build/cmake/dev/compile_commands.json
mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$database" | sort -u)
if [ ${#files[@]} -eq 0 ]; then
    echo "clang-tidy: nothing to read in $database"
    exit 0
fi

# The database is gcc's: clang does not know all of its warnings.
if ! printf '%s\n' "${files[@]}" | xargs -P "${1:-2}" -n 4 clang-tidy --quiet \
    -p build/cmake/dev --extra-arg=-Wno-unknown-warning-option >build/tidy.log 2>build/tidy.err; then
    grep -v '^$' build/tidy.log || tail -n 20 build/tidy.err
    echo "clang-tidy: see above; the checks are listed in .clang-tidy" >&2
    exit 1
fi
echo "clang-tidy: ${#files[@]} files, nothing found"
