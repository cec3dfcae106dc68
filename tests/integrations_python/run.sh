#!/usr/bin/env bash
# make python-integrations: SQLAlchemy, pandas, polars, DuckDB and dbt on our module, against the local warehouse.
# Their packages come from the index into environments of their own: dbt pins an older connector.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment() { # NAME PACKAGE...: build/NAME with the packages
    local place=build/$1
    [ -x "$place/bin/python" ] || .venv/bin/python -m venv "$place"
    "$place/bin/python" -m pip --quiet --disable-pip-version-check install "${@:2}" </dev/null
    "$place/bin/python" -m pip --disable-pip-version-check freeze >"$place/versions.txt"
}
environment python-integrations 'databricks-sql-connector[pyarrow]' databricks-sqlalchemy pandas polars duckdb nanoarrow
# Only wheels: the sources of newer dbt-core-experimental-parser fetch a program while they are built.
environment python-dbt --only-binary :all: dbt-databricks
# The warehouse runs in .venv: its dependencies and these would pin each other.
export DBK_BUILD_DIR=${DBK_BUILD_DIR:-$PWD/build}
.venv/bin/python -m pytest -q tests/integrations_python
