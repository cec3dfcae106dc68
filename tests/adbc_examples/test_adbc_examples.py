"""The examples of docs/adbc.md for other tools, each in a process of the environment that run.sh makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "adbc"))

from adbc_env import examples, for_warehouse  # noqa: E402

from warehouse.testing import local_warehouse  # noqa: E402


@pytest.fixture(scope="module")
def warehouse():
    with local_warehouse() as server:
        yield server


def run(warehouse, tool: str) -> str:
    """The example that imports the tool, with the connection of the first example."""
    first, *others = [block for block in examples() if "adbc.connect(" in block or f"import {tool}" in block]
    (example,) = others
    connecting = for_warehouse(first, warehouse).split("as connection")[0].replace("with adbc", "connection = adbc")
    python = os.environ.get("ADBC_EXAMPLES_PYTHON", sys.executable)
    program = f"{connecting}\n{example}\nconnection.close()\n"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_polars(warehouse):
    run(warehouse, "polars")
    assert warehouse.rows("SELECT count(*) FROM main.default.five_nations") == [(5,)]


def test_pandas(warehouse):
    run(warehouse, "pandas")
    assert warehouse.rows("SELECT sum(nations) FROM nations_by_region") == [(25,)]


def test_duckdb(warehouse):
    assert "n_regionkey" in run(warehouse, "duckdb")
