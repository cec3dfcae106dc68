#!/usr/bin/env bash
# make python: the module, its wheel, and the official connector in .venv beside it.
# DBK_BUNDLED names the self-contained static archive (make bundle); build/bundled's is taken when it is
# there. Without one the wheel needs libcurl and OpenSSL of the system, and says so in its platform tag.
#   tools/python.sh [--no-connector]
set -euo pipefail
cd "$(dirname "$0")/.."

bundled=${DBK_BUNDLED-build/bundled/libdatabricks_sql_kernel.a}
if [ -n "$bundled" ] && [ -f "$bundled" ]; then
    bundled=$(realpath "$bundled")
    echo "python: linked with $(realpath --relative-to=. "$bundled"): self-contained"
else
    bundled=
    echo "python: linked with build/libdatabricks_sql_kernel.a: needs the system's libcurl, OpenSSL, libuv, ..."
fi
cmake --preset release -DDBK_WERROR="${DBK_WERROR:-ON}" -DDBK_BUNDLED="$bundled" >build/configure-release.log
cmake --build --preset release --parallel "$(nproc)" --target dbk_python

python=.venv/bin/python
wheel=$("$python" bindings/python/wheel.py build/python)
if [ -n "$bundled" ]; then
    "$python" -m pip install --quiet --disable-pip-version-check auditwheel </dev/null
    # The oldest system the file runs on; repair copies nothing into a self-contained wheel.
    platform=$("$python" -m auditwheel show "$wheel" | tr -d '\n' |
        sed -n 's/.*following platform tag: *"\([a-z0-9_]*\)".*/\1/p')
    case $platform in
    manylinux*) wheel=$("$python" bindings/python/wheel.py build/python --platform "$platform") ;;
    *)
        "$python" -m auditwheel show "$wheel" >&2
        echo "python: the wheel is not self-contained" >&2
        exit 1
        ;;
    esac
fi
"$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "$wheel" </dev/null
if [ "${1:-}" != --no-connector ]; then
    "$python" -m pip install --quiet --disable-pip-version-check 'databricks-sql-connector[pyarrow]' </dev/null
fi
echo "python: $(du -h "$wheel" | cut -f1) $wheel, installed in .venv"
