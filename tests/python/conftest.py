"""The module of build/python, a warehouse, sessions on it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "python"
sys.path.insert(0, str(FOLDER))

if not (FOLDER / "databricks_sql_kernel.abi3.so").exists():
    raise RuntimeError(
        f"{FOLDER}/databricks_sql_kernel.abi3.so is missing. The build leaves it out, and says so, where the "
        "headers of CPython are missing: install them (Debian: python3-dev) and build again"
    )

import databricks_sql_kernel as kernel  # noqa: E402
from warehouse.testing import local_warehouse  # noqa: E402

LONG = "SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1"


@pytest.fixture(scope="session")
def warehouse():
    with local_warehouse() as server:
        yield server


@pytest.fixture
def where(warehouse) -> dict:
    """The arguments that every session needs."""
    return {"host": warehouse.url, "http_path": warehouse.http_path, "access_token": warehouse.token}


@pytest.fixture
def session(where):
    with kernel.Session(**where) as opened:
        yield opened


@pytest.fixture
def execute(session):
    def run(sql: str):
        statement = session.statement()
        statement.set_sql(sql)
        return statement.execute()

    return run


@pytest.fixture
def script(where, warehouse):
    """Runs Python code in a process of its own; `connect()` opens a session there. It is interrupted as by Ctrl-C
    once it has sent a request whose path has a match of `interrupt_at`."""

    def run(code: str, limit_s: float = 100.0, interrupt_at: str | None = None) -> subprocess.CompletedProcess:
        prologue = (
            "import os, signal, sys, threading, time\n"
            f"sys.path[:0] = [{str(FOLDER)!r}, {str(ROOT)!r}]\n"
            "import databricks_sql_kernel as kernel\n"
            f"LONG = {LONG!r}\n"
            f"def connect(**more):\n    return kernel.Session(**{{**{where!r}, **more}})\n"
            "def run(session, sql):\n"
            "    statement = session.statement()\n    statement.set_sql(sql)\n    return statement.execute()\n"
        )
        child: queue.Queue[subprocess.Popen] = queue.Queue()
        if interrupt_at is not None:
            warehouse.when_requested(interrupt_at, lambda: child.get().send_signal(signal.SIGINT))
        command = [sys.executable, "-X", "faulthandler", "-c", prologue + code]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child.put(process)
        try:
            out, errors = process.communicate(timeout=limit_s)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess(command, process.returncode, out, errors)

    return run


def requests_since(warehouse, seq: int) -> list[tuple[str, str]]:
    return [(e["method"], e["path"]) for e in warehouse.journal() if e["seq"] > seq]
