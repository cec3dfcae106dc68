"""The ODBC driver called as a driver manager calls it; the scenarios are in drivers/odbc/calls.c. Under the
sanitizers both the driver and its caller are watched."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import urlparse

import pytest
from abi_env import find_build_dir, run_program

PROGRAM = find_build_dir() / "tests" / "odbc_calls"
NAMES = subprocess.run([PROGRAM, "--list"], capture_output=True, text=True).stdout.split() if PROGRAM.exists() else []
WIDE = ["values_in_pieces", "data_at_execution"]  # what depends on the width of wide text


def test_the_program_is_built():
    assert len(NAMES) > 10, f"{PROGRAM} is missing or empty: make"


@pytest.mark.parametrize("name,encoding", [(n, "UTF-16") for n in NAMES] + [(n, "UTF-32") for n in WIDE if NAMES])
def test_scenario(warehouse, name, encoding):
    url = urlparse(warehouse.url)
    string = f"Host={url.hostname};Port={url.port};SSL=0;HTTPPath={warehouse.http_path};AuthMech=3;PWD={warehouse.token}"
    run_program(PROGRAM, name, string, limit_s=120, env={**os.environ, "DATABRICKS_ODBC_ENCODING": encoding})
