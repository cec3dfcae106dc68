#!/usr/bin/env bash
# Makes a machine ready: tools/setup.sh build|run|test|check
#   build   compiler, CMake and the libraries the kernel is linked with
#   run     build + the Python packages of the local warehouse, in .venv
#   test    run + what the tests need
#   check   test + clang and its tools, for fuzzing, formatting and linting
# On Debian as root it installs what is missing and says what; as another user it prints the one
# command to run and stops. A call that finds everything as it left it only compares two hashes.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-test}
case $level in
build | run | test | check) ;;
*)
    echo "usage: tools/setup.sh build|run|test|check" >&2
    exit 2
    ;;
esac

wheel_lists=(tools/requirements-dev.txt warehouse/requirements.txt)

# ---- Was this done before? ----
stamp=build/.setup-$level
inputs=$({ cat tools/setup.sh "${wheel_lists[@]}" /etc/os-release 2>/dev/null || true; } | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$inputs" ]; then
    if [ "$level" = build ] || [ -x .venv/bin/python ]; then
        exit 0
    fi
fi

say() { printf 'setup: %s\n' "$*"; }

# ---- Distribution packages: what is probed is the thing itself, not the package's name ----
has() { command -v "$1" >/dev/null 2>&1; }
has_header() { echo "#include <$1>" | gcc -E - >/dev/null 2>&1; }
has_module() { pkg-config --exists "$1" >/dev/null 2>&1; }
has_fuzzer() { # the runtime of libFuzzer and of the sanitizers comes in a package of its own
    local runtime
    runtime=$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null) && [ -f "$runtime" ] ||
        { echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n == 1; }' |
            clang -x c -fsanitize=fuzzer,address -o /dev/null - >/dev/null 2>&1; }
}

# A Python that really starts (a version manager's shim may not) and can make environments.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

has_python_headers() {
    "$(find_python)" -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'
}

missing=()
need() { # need PACKAGE[,PACKAGE] PROBE...
    local packages=$1
    shift
    "$@" >/dev/null || missing+=(${packages//,/ })
}

probe_packages() {
    missing=()
    need git has git
    need gcc has gcc
    need libc6-dev has_header stdlib.h
    need cmake has cmake
    need ninja-build has ninja
    need pkg-config has pkg-config
    need libcurl4-openssl-dev has_module libcurl
    need libuv1-dev has_module libuv
    need libssl-dev has_module openssl
    need liblz4-dev has_module liblz4
    need libzstd-dev has_module libzstd
    need libjansson-dev has_module jansson
    need libedit-dev has_module libedit
    need libcmocka-dev has_module cmocka
    need unixodbc-dev has_header sqlucode.h
    if [ "$level" != build ]; then
        need python3,python3-venv find_python
    fi
    if [ "$level" = test ] || [ "$level" = check ]; then
        need python3-dev has_python_headers
        need libglib2.0-dev has_module glib-2.0
        need libev-dev has_header ev.h
        need unixodbc has isql
        need odbcinst has odbcinst
        need iodbc,libiodbc2 has iodbctest
    fi
    if [ "$level" = check ]; then
        need clang has clang
        need libclang-rt-14-dev has_fuzzer
        need llvm has llvm-symbolizer # names in the stack traces of clang's sanitizers
        need clang-format has clang-format
        need clang-tidy has clang-tidy
    fi
}

install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
    say "installing with apt-get: ${missing[*]}"
    # A list that is too old names files that are gone: update once and try again.
    if ! "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" \
        >build/setup.log 2>&1 </dev/null; then
        say "updating the package lists first"
        "${apt[@]}" update -qq >>build/setup.log 2>&1 </dev/null || true
        if ! "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" \
            >>build/setup.log 2>&1 </dev/null; then
            tail -n 20 build/setup.log >&2
            say "apt-get could not install them; the whole log is build/setup.log" >&2
            exit 1
        fi
    fi
}

mkdir -p build
if has flock; then # two calls at once take turns
    exec 9>build/.setup.lock
    flock 9
fi
probe_packages
if [ ${#missing[@]} -gt 0 ]; then
    if ! has apt-get; then
        say "missing here: ${missing[*]} (names as on Debian 12); install them and call again" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say "some packages are missing. Run this and call again:" >&2
        echo "  sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    install_packages
    probe_packages
    if [ ${#missing[@]} -gt 0 ]; then
        say "installed, but still not usable: ${missing[*]}" >&2
        exit 1
    fi
fi

# ---- A browser, for the tests of the warehouse's page: they are skipped, with this reason, without one ----
has_browser() { has chromium || has chromium-browser || has google-chrome; }
if [ "$level" = test ] || [ "$level" = check ]; then
    if ! has_browser && has apt-get && [ "$(id -u)" -eq 0 ]; then
        missing=(chromium fonts-dejavu-core)
        (install_packages) || true
    fi
    has_browser || say "no Chromium: the tests of the warehouse's page in a browser will be skipped"
fi

# ---- Python packages ----
if [ "$level" != build ]; then
    python=$(find_python)
    if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
        say "making the Python environment .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    # The list is installed, not the package: the warehouse runs from the repository's root.
    lists=(warehouse/requirements.txt)
    if [ "$level" != run ]; then
        lists+=(tools/requirements-dev.txt)
    fi
    say "installing into .venv: $(sed -e 's/#.*//' -e '/^ *$/d' "${lists[@]}" | tr '\n' ' ')"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "${lists[@]/#/-r}" </dev/null
fi

for lower in build run test check; do # what is enough for this level is enough for those before it
    printf '%s\n' "$inputs" >"build/.setup-$lower"
    if [ "$lower" = "$level" ]; then
        break
    fi
done
