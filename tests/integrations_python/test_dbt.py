"""dbt-databricks with use_kernel in its connection parameters: a check of the connection, then a build, twice."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

DBT = ROOT / "build" / "python-dbt" / "bin"


@pytest.fixture
def dbt(environment, tmp_path):
    """Runs one command of dbt in a copy of the project; what it prints."""
    project = shutil.copytree(Path(__file__).parent / "dbt_project", tmp_path / "project")
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1", "DBT_PROFILES_DIR": str(project)}

    def run(*command: str) -> str:
        answer = subprocess.run(
            [DBT / "dbt", "--no-use-colors", *command],
            cwd=project, env={**environment, **quiet}, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return run


def test_dbt_loads_our_module(environment):
    code = "import databricks_sql_kernel as kernel; print(kernel.__kernel_version__)"
    assert subprocess.run([DBT / "python", "-c", code], env=environment, capture_output=True, text=True).stdout.strip()


def test_dbt_debug(dbt):
    assert "Connection test: [OK connection ok]" in dbt("debug")


@pytest.mark.timeout(900)
def test_dbt_build(dbt, warehouse):
    for _ in range(2):  # the second replaces tables and merges into the incremental one
        assert "PASS=6 WARN=0 ERROR=0 SKIP=0" in dbt("build")
    assert warehouse.rows("SELECT year, n FROM main.dbt_small.latest") == [(1930, 3)]
    assert warehouse.rows("SELECT id, name FROM main.dbt_small.grown ORDER BY id") == [(1, "Ada"), (2, "Grace"), (3, "Edsger")]
    # Each connection of dbt is a session of the kernel's own API, and none is left open.
    entries = [e for e in warehouse.journal() if e["path"].startswith("/api/2.0/sql/sessions")]
    opened = [e for e in entries if e["method"] == "POST"]
    assert opened and len(opened) == len([e for e in entries if e["method"] == "DELETE"])
