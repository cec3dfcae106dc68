#!/usr/bin/env bash
# make python: the wheel in build/bundled/python, of the self-contained module (make bundle), installed in
# .venv beside the official connector.
#   tools/python.sh [--no-connector]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=build/bundled/python
python=.venv/bin/python
pip() { "$python" -m pip install --quiet --disable-pip-version-check "$@" </dev/null; }

if [ ! -f "$folder/databricks_sql_kernel.abi3.so" ]; then
    echo "python: $folder has no module: the headers of CPython >= 3.10 are missing (Debian: python3-dev)" >&2
    exit 1
fi
pip auditwheel mypy
wheel=$("$python" bindings/python/wheel.py "$folder")
# The oldest system the file runs on. auditwheel finds no library to copy in: everything is inside.
platform=$("$python" -m auditwheel show "$wheel" | tr -d '\n' |
    sed -n 's/.*constrains the platform tag to "\([a-z0-9_]*\)".*/\1/p')
case $platform in
manylinux*) wheel=$("$python" bindings/python/wheel.py "$folder" --platform "$platform") ;;
*)
    "$python" -m auditwheel show "$wheel" >&2
    echo "python: the wheel is not self-contained" >&2
    exit 1
    ;;
esac
pip --no-index --no-deps --force-reinstall "$wheel"
# The stubs name what the module has, with the same arguments.
"$python" -m mypy.stubtest --mypy-config-file <(printf '[mypy]\nignore_missing_imports = True\n') \
    databricks_sql_kernel
if [ "${1:-}" != --no-connector ]; then
    pip 'databricks-sql-connector[pyarrow]'
fi
echo "python: $(stat -c %s "$wheel") bytes $wheel, installed in .venv"
