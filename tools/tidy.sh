#!/usr/bin/env bash
# clang-tidy with .clang-tidy over the C sources that the dev preset compiles: tools/tidy.sh [JOBS]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${1:-2}
database=build/cmake/dev/compile_commands.json
mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$database" | sort -u)
if [ ${#files[@]} -eq 0 ]; then
    echo "clang-tidy: nothing to read in $database"
    exit 0
fi

export dir=$PWD
tidy() {
    # The database is gcc's: clang does not know all of its warnings.
    clang-tidy --quiet -p build/cmake/dev --extra-arg=-Wno-unknown-warning-option "$@"
}
tidy_one() {
    case $1 in
    */src/base/error.c) tidy "$1" ;; # defines what analyzer.h redefines
    *) tidy --extra-arg=-include --extra-arg="$dir/tools/analyzer.h" "$1" ;;
    esac
}
export -f tidy tidy_one

if ! printf '%s\n' "${files[@]}" |
    xargs -P "$jobs" -I FILE bash -c 'tidy_one "FILE"' >build/tidy.log 2>build/tidy.err; then
    sed -e "s|$dir/||g" -e '/^$/d' build/tidy.log
    grep -E '^Error|rror while' build/tidy.err || true
    echo "clang-tidy: see above; the checks are listed in .clang-tidy" >&2
    exit 1
fi
echo "clang-tidy: ${#files[@]} files, nothing found"
