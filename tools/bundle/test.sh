#!/usr/bin/env bash
# `make bundle-test`: the promises of docs/bundled.md, then the unit and end-to-end tests on the bundled
# libraries.
set -euo pipefail
cd "$(dirname "$0")/../.."

DBK_BUNDLED_DIR=$PWD/build/bundled .venv/bin/python -m pytest -q tests/bundled
ctest --preset bundled --parallel "$(nproc)" --no-tests=error
DBK_BUILD_DIR=$PWD/build/bundled .venv/bin/python -m pytest -q tests/e2e
