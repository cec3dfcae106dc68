#!/usr/bin/env bash
# `make node`: the self-contained addon where the official driver looks for it first, in build/node.
#   tools/node.sh headers    only fetches the headers of Node-API, for the build
#   tools/node.sh driver     fetches the driver too and puts the built addon into it
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.1.0
folder=$PWD/build/node

fetch() { # fetch FOLDER PACKAGE...: what npm installs, once
    local into=$1
    shift
    if [ "$(cat "$into/.fetched" 2>/dev/null)" != "$*" ]; then
        mkdir -p "$into"
        [ -f "$into/package.json" ] || echo '{"private": true}' >"$into/package.json"
        npm install --prefix "$into" --no-audit --no-fund --loglevel=error "$@" >"$into/npm.log" 2>&1 ||
            { cat "$into/npm.log" >&2; exit 1; }
        echo "$*" >"$into/.fetched"
    fi
}

if ! command -v npm >/dev/null; then
    echo "node: no npm here: install Node.js 18 or later" >&2
    exit 1
fi
fetch "$folder" "@databricks/sql@$version" node-api-headers@1.9.0
if [ "${1:-driver}" = driver ]; then
    built=build/bundled/node/index.linux-x64-gnu.node
    cp "$built" "$folder/node_modules/@databricks/sql/native/kernel/"
    cp "$built" bindings/node/package/
    printf 'node: %s, %d bytes; driver %s with it in build/node\n' "$built" "$(stat -c %s "$built")" "$version"
fi
