"""The package `dbkernel` on the module of build/python, a warehouse, connections to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "python"
PATHS = [str(MODULE), str(ROOT / "bindings" / "python"), str(ROOT)]
sys.path[:0] = PATHS

if not (MODULE / "databricks_sql_kernel.abi3.so").exists():
    raise RuntimeError(f"{MODULE}/databricks_sql_kernel.abi3.so is missing: the build says why (python3-dev?)")

import dbkernel  # noqa: E402
from warehouse.testing import local_warehouse  # noqa: E402


@pytest.fixture(scope="session")
def warehouse():
    with local_warehouse() as server:
        yield server


@pytest.fixture
def where(warehouse) -> dict:
    """The arguments that every connection needs."""
    return {"host": warehouse.url, "http_path": warehouse.http_path, "access_token": warehouse.token}


@pytest.fixture
def connection(where):
    with dbkernel.connect(**where) as opened:
        yield opened


@pytest.fixture
def cursor(connection):
    with connection.cursor() as made:
        yield made


@pytest.fixture
def python():
    """Runs code in a Python of its own that finds the package."""

    def run(code: str, **environment: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), **environment},
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return run


@pytest.fixture
def requests(warehouse):
    """requests(): method and path of what the server was asked since the last call."""
    seen = max((entry["seq"] for entry in warehouse.journal()), default=0)

    def since() -> list[tuple[str, str]]:
        nonlocal seen
        new = [entry for entry in warehouse.journal() if entry["seq"] > seen]
        seen = max((entry["seq"] for entry in new), default=seen)
        return [(entry["method"], entry["path"]) for entry in new]

    return since
