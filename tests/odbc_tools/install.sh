#!/usr/bin/env bash
# The tools of tests/odbc_tools, from the distribution; without root, or when one is missing there, its test is
# skipped and says so.
set -u
.venv/bin/python -m pip install -q "sqlalchemy>=2,<3" || echo "odbc-suites: sqlalchemy cannot be installed here"
# The npm package odbc: its ready-made addon comes from a host that may be out of reach, so it is built with the headers
# that come with Node.js itself.
node_odbc() {
    local home module=build/odbc-tools/node/node_modules/odbc
    home=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
    [ -d "$module/lib/bindings" ] && return 0
    npm install --prefix build/odbc-tools/node --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --silent odbc@2
    (cd "$module" && node "$(npm root -g)/npm/node_modules/node-gyp/bin/node-gyp.js" configure build --nodedir="$home" \
        --module="$PWD/build/Release/odbc.node" --module_name=odbc --module_path="$PWD/lib/bindings/napi-v8" \
        --napi_version=8 --napi_build_version=8) >build/odbc-node.log 2>&1
}
command -v npm >/dev/null && node_odbc || echo "odbc-suites: the npm package odbc cannot be built here (build/odbc-node.log)"
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || exit 0
for package in libdbd-odbc-perl php-cli php-odbc r-base-core r-cran-rodbc; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" \
        >>build/odbc-tools.log 2>&1 </dev/null || echo "odbc-suites: $package cannot be installed here"
done
