#!/usr/bin/env bash
# Merges the kernel's objects and the static libraries they need into one archive with one object, in
# which only kernel_* and dbk_* are global: nothing of ours or of a bundled library can clash with what
# the host links. Called by cmake/bundle.cmake.
#   tools/bundle/archive.sh OUT.a KERNEL.a LIBRARY-FOLDER
set -euo pipefail

out=$1 kernel=$2 libraries=$3
ld=${LD:-ld} objcopy=${OBJCOPY:-objcopy} ar=${AR:-ar}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What leaves the archive is what the public headers mark: everything else of the kernel is hidden.
readelf -sW "$kernel" | awk '$5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND" && $8 ~ /^(kernel|dbk)_/ { print $8 }' |
    sort -u >"$work/exports"
if [ ! -s "$work/exports" ]; then
    echo "archive.sh: $kernel exports nothing" >&2
    exit 1
fi

# A partial link: takes from the libraries only the members that are called, and of those only the
# sections that can be reached from the exported functions.
roots=()
while read -r symbol; do
    roots+=(-u "$symbol")
done <"$work/exports"
# -d: a common symbol of the assembly gets its place here, else it could not be made local.
"$ld" -r -d --gc-sections "${roots[@]}" -o "$work/merged.o" \
    --whole-archive "$kernel" --no-whole-archive \
    --start-group "$libraries"/*.a --end-group

"$objcopy" --keep-global-symbols="$work/exports" --strip-unneeded "$work/merged.o" \
    "$work/databricks_sql_kernel.o"
rm -f "$work/out.a"
"$ar" rcsD "$work/out.a" "$work/databricks_sql_kernel.o"
mkdir -p "$(dirname "$out")"
mv "$work/out.a" "$out"
