#!/usr/bin/env bash
# `make bundle`: the libraries (tools/bundle/libs.sh), then the kernel with them inside, in build/bundled.
#   tools/bundle/build.sh [--refresh]     --refresh: looks for newer source packages first
set -euo pipefail
cd "$(dirname "$0")/../.."

# What `make setup` does not bring; elsewhere than on Debian libs.sh says what is missing.
packages=()
command -v dpkg-source >/dev/null || packages+=(dpkg-dev)
command -v perl >/dev/null || packages+=(perl)
command -v make >/dev/null || packages+=(make)
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    printf 'bundle: installing with apt-get: %s\n' "${packages[*]}"
    install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
    mkdir -p build
    "${install[@]}" "${packages[@]}" >build/setup.log 2>&1 </dev/null ||
        { apt-get update -qq && "${install[@]}" "${packages[@]}"; } >>build/setup.log 2>&1 </dev/null
fi

prefix=$(tools/bundle/libs.sh "$@")
if ! cmake --preset bundled -DDBK_BUNDLE_PREFIX="$prefix" -DDBK_WERROR="${DBK_WERROR:-ON}" \
    >build/configure-bundled.log 2>&1; then
    cat build/configure-bundled.log >&2
    exit 1
fi
cmake --build --preset bundled --parallel "${JOBS:-$(nproc 2>/dev/null || echo 2)}"
cp include/databricks_kernel.h include/dbkernel.h include/dbkernel_async.h "$prefix/VERSIONS" build/bundled/

bytes() { stat -c %s "$1"; }
printf 'bundled: %s\n' "$(tr '\n' ',' <"$prefix/VERSIONS" | sed 's/,$//; s/,/, /g')"
printf 'bundled: build/bundled/libdatabricks_sql_kernel.a    %9d bytes\n' \
    "$(bytes build/bundled/libdatabricks_sql_kernel.a)"
printf 'bundled: build/bundled/libdatabricks_sql_kernel.so.1 %9d bytes\n' \
    "$(bytes build/bundled/libdatabricks_sql_kernel.so.1)"
