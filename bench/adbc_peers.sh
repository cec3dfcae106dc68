#!/usr/bin/env bash
# The drivers of the ADBC drivers project for Databricks, for bench/adbc.py, in build/adbc-peers: make adbc-peers.
# Fetches nothing; what is built stays. The caller says where the sources are:
#   ADBC_DATABRICKS_DIR      adbc-drivers/databricks, after `go mod download` in its go and `cargo fetch` in its rust folder
#   ADBC_DRIVERBASE_RS_DIR   adbc-drivers/driverbase-rs at the revision of rust/Cargo.toml, where cargo cannot reach it
set -euo pipefail
cd "$(dirname "$0")/.."

place=$PWD/build/adbc-peers
mkdir -p "$place"

build_go() {
    command -v go >/dev/null || return 0
    GOPROXY=off go build -C "$ADBC_DATABRICKS_DIR/go" -buildmode=c-shared -tags driverlib -ldflags "-s -w" -o "$place/libadbc_go.so" ./pkg
}

build_rust() {
    command -v cargo >/dev/null || return 0
    local base=()
    if [ -n "${ADBC_DRIVERBASE_RS_DIR:-}" ]; then
        base=(--config "patch.'https://github.com/adbc-drivers/driverbase-rs.git'.driverbase.path='$(realpath "$ADBC_DRIVERBASE_RS_DIR")/driverbase'")
    fi
    (cd "$ADBC_DATABRICKS_DIR/rust" && CARGO_TARGET_DIR="$place/rust" cargo build --offline --release --lib --features ffi "${base[@]}")
    cp "$place/rust/release/libdatabricks_adbc.so" "$place/"
}

if [ -n "${ADBC_DATABRICKS_DIR:-}" ]; then
    [ -e "$place/libadbc_go.so" ] || build_go
    [ -e "$place/libdatabricks_adbc.so" ] || build_rust
fi
for driver in libadbc_go.so libdatabricks_adbc.so; do
    [ -e "$place/$driver" ] || echo "adbc-peers: without $driver: say where its sources are (bench/adbc_peers.sh)"
done
