"""The bridge to Python's logging under a hundred thousand records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import databricks_sql_kernel as kernel
from warehouse.testing import start

HERE = Path(__file__).resolve().parent


def test_a_hundred_thousand_records_arrive_and_what_is_lost_is_counted():
    server = start()
    try:
        command = [sys.executable, str(HERE / "log_burst.py"), server.url, server.http_path]
        environment = {**os.environ, "PYTHONPATH": str(Path(kernel.__file__).parent)}
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        assert child.stdout.readline() == "opened\n"
    finally:
        server.stop()
    first, second = (list(map(int, line.split())) for line in child.communicate()[0].splitlines())
    assert child.returncode == 0
    per_statement, seen, emitted, lost, turns = first
    assert per_statement > 3 and seen == emitted >= 100_000 and lost == 0
    assert turns > 1000
    seen, lost, emitted = second
    assert seen + lost == emitted and lost > 0
