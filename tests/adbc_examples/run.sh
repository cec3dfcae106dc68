#!/usr/bin/env bash
# make adbc-examples: the examples of docs/adbc.md and docs/adbc-tools.md, against the local warehouse. Packages come from
# the registries into build/adbc-examples; what has none is built from ARROW_ADBC_DIR and NANOARROW_DIR (test_adbc_tools.py).
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$PWD/build/adbc-examples
[ -x "$place/bin/python" ] || .venv/bin/python -m venv "$place"
pip() { "$place/bin/python" -m pip --quiet --disable-pip-version-check "$@" </dev/null; }
pip install adbc-driver-manager pyarrow polars pandas duckdb 'ibis-framework[databricks]' dask ray
pip freeze >"$place/versions.txt"
export DBK_BUILD_DIR=${DBK_BUILD_DIR:-$PWD/build}
ADBC_EXAMPLES_PYTHON=${ADBC_EXAMPLES_PYTHON:-$place/bin/python} .venv/bin/python -m pytest -q -rs tests/adbc_examples
