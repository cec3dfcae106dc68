"""A warehouse in this process's environment; the integrations run in their own (run.sh makes it), script by script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
MODULE = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "python"
PLACE = ROOT / "build" / "python-integrations"

from warehouse.testing import local_warehouse  # noqa: E402


@pytest.fixture(scope="session")
def warehouse():
    with local_warehouse() as server:
        yield server


@pytest.fixture
def environment(warehouse) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(MODULE), str(ROOT / "bindings" / "python")]),
        "LW_URL": warehouse.url,
        "LW_PATH": warehouse.http_path,
        "LW_TOKEN": warehouse.token,
    }


@pytest.fixture
def python(environment):
    """Runs code in the environment of the integrations; what it prints."""

    def run(code: str) -> str:
        answer = subprocess.run(
            [PLACE / "bin" / "python", "-c", code], capture_output=True, text=True, timeout=240, env=environment
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return run
