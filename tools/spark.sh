#!/usr/bin/env bash
# Installs what the warehouse's Spark engine needs into .venv: the "spark" list of warehouse/pyproject.toml.
# Java itself is not installed; without a usable one it says so and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
if [ "${version:-0}" -lt 17 ]; then
    echo "spark: Java 17 or later is needed, found: ${version:-none}" >&2
    exit 1
fi
.venv/bin/python - >build/requirements-spark.txt <<'PYTHON'
import tomllib

with open("warehouse/pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["project"]["optional-dependencies"]["spark"]))
PYTHON
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r build/requirements-spark.txt </dev/null
echo "spark: $(cat build/requirements-spark.txt) in .venv; start it with: .venv/bin/python -m warehouse --engine spark"
