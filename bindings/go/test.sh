#!/usr/bin/env bash
# `make go`: the bundled archive under Go, first alone (bindings/go/abi), then under the official driver.
#   DATABRICKS_SQL_GO=v1.15.0 bindings/go/test.sh      which version of the driver; default: the latest
#   DATABRICKS_SQL_GO_DIR=FOLDER           the driver from a folder (a checkout) instead of the module proxy
#   DATABRICKS_SQL_GO_SKIP=REGEX           leaves out more tests, for example those whose data a folder lacks
#   DBK_GO_RACE=0                                      without the second round under -race
# The driver comes from the Go module proxy into build/go/driver and is not changed: the archive and the
# header are put where its own `make kernel-lib` puts them. Versions without the kernel backend, and
# versions that the proxy does not offer, leave the second part out, loudly; when DATABRICKS_SQL_GO asked
# for one by name it is an error.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
module=github.com/databricks/databricks-sql-go
archive=$root/build/bundled/libdatabricks_sql_kernel.a
rounds=(plain race)
if [ "${DBK_GO_RACE:-1}" = 0 ]; then
    rounds=(plain)
fi

say() { printf '==> %s\n' "$*"; }
command -v go >/dev/null || {
    echo "go is missing: see bindings/go/README.md" >&2
    exit 1
}

# Go does not look into archives that cgo links: a new archive would leave test programs as they are.
CGO_CFLAGS="-O2 -g -DDBK_ARCHIVE=$(sha256sum "$archive" | cut -c1-16)"
export CGO_CFLAGS CGO_ENABLED=1

with_warehouse() { "$root/.venv/bin/python" "$root/tests/bundled/secure.py" "$@"; }

go_test() { # go_test ROUND ARGUMENT...: nothing from Go's cache of results
    local round=$1
    shift
    if [ "$round" = race ]; then
        set -- -race "$@"
    fi
    nice go test -count=1 "$@"
}

for round in "${rounds[@]}"; do
    say "our own calls of the C ABI ($round)"
    (cd bindings/go && export -f go_test && with_warehouse bash -c 'go_test "$@"' - "$round" ./...)
done

# ---- the driver ----
version=${DATABRICKS_SQL_GO:-latest}
leave_out() {
    say "LEFT OUT: the driver's own tests: $*"
    if [ -n "${DATABRICKS_SQL_GO:-}${DATABRICKS_SQL_GO_DIR:-}" ]; then
        exit 1
    fi
    exit 0
}

mkdir -p build/go
folder=${DATABRICKS_SQL_GO_DIR:-}
found=
if [ -n "$folder" ]; then
    version="in $folder"
else # the client says why it failed in the same JSON
    found=$(cd build/go && go mod download -json "$module@$version" 2>/dev/null) || true
fi
field() { printf '%s' "$found" | "$root/.venv/bin/python" -c "import json, sys; print(json.load(sys.stdin).get('$1') or '')" 2>/dev/null; }
if [ -z "$folder" ]; then
    folder=$(field Dir) || folder=
    if [ -z "$folder" ]; then
        leave_out "the module proxy does not offer $module@$version"
    fi
    version=$(field Version)
fi
if [ ! -f "$folder/internal/backend/kernel/cgo.go" ]; then
    leave_out "$version has no kernel backend"
fi

say "the driver $version"
driver=$root/build/go/driver
if [ -e "$driver" ]; then
    rm -rf "$driver"
fi
cp -r "$folder" "$driver"
chmod -R u+w "$driver"
chmod +x "$driver/build/kernel-lib.sh" # module archives carry no modes
make --no-print-directory -C "$driver" kernel-lib KERNEL_LOCAL_A="$archive" \
    KERNEL_LOCAL_HEADER="$root/include/databricks_kernel.h"
(cd "$driver" && go mod download)

# Left out, each for its reason (bindings/go/README.md): a Thrift endpoint is needed; the real kernel
# accepts what this case wants refused.
thrift='^TestKernelThrift.*$|^TestKernelParamsVsThrift$|^TestKernelE2EInterval$'
differs='TestSetRetry/max_below_min_rejected'${DATABRICKS_SQL_GO_SKIP:+"|$DATABRICKS_SQL_GO_SKIP"}
for round in "${rounds[@]}"; do
    say "the driver's tests without a server ($round)"
    packages=(./...)
    if [ "$round" = race ]; then # those that link the kernel; the others are Go alone
        packages=(. ./internal/backend/kernel/...)
    fi
    (cd "$driver" && go_test "$round" -tags databricks_kernel -skip "$differs" "${packages[@]}")
    say "the driver's tests with a server ($round)"
    (cd "$driver" && export -f go_test && with_warehouse bash -c 'go_test "$@"' - "$round" \
        -tags databricks_kernel -timeout 600s -run '^TestKernelE2E' -skip "$thrift" -v . |
        grep -E '^ *(--- |ok|FAIL|PASS|panic)|kernel_.*_test.go')
done

say "the example"
cp bindings/go/example/go.mod build/go/example.mod
(cd bindings/go/example &&
    go mod tidy -modfile="$root/build/go/example.mod" &&
    go build -modfile="$root/build/go/example.mod" -tags databricks_kernel -o "$root/build/go/example" .)
# shellcheck disable=SC2016 # the inner shell knows the warehouse
with_warehouse bash -c 'DATABRICKS_HOST=$DATABRICKS_PECOTESTING_SERVER_HOSTNAME \
    DATABRICKS_HTTP_PATH=$DATABRICKS_PECOTESTING_HTTP_PATH2 \
    DATABRICKS_TOKEN=$DATABRICKS_PECOTESTING_TOKEN "$0" 3' build/go/example

say "telemetry of the driver and of the kernel under it"
.venv/bin/python -m pytest -q tests/telemetry_drivers/test_go_driver.py
