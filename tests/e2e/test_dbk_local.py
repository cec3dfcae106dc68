"""dbk query --local: finds or starts the local warehouse."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_helpers import DBK, clean_environment, run_dbk


@pytest.fixture
def runtime(tmp_path):
    """A fresh XDG_RUNTIME_DIR; the warehouse that was started in it is stopped at the end."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    yield folder
    state = state_file(folder)
    if state.exists():
        pid = json.loads(state.read_text())["pid"]
        try:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            pass


def state_file(runtime: Path) -> Path:
    return runtime / f"dbkernel-{os.getuid()}" / "warehouse.json"


def environment(runtime: Path, **more: str) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(runtime), "DBK_WAREHOUSE_PYTHON": sys.executable, **more}


def local(runtime: Path, sql: str, check: int | None = 0, **more: str):
    return run_dbk("query", "--local", sql, env=environment(runtime, **more), check=check)


def test_starts_one_and_finds_it_again(runtime):
    assert local(runtime, "SELECT count(*) AS n FROM samples.tpch.region").text == "n\n5\n"
    state = json.loads(state_file(runtime).read_text())
    assert state_file(runtime).parent.stat().st_mode & 0o777 == 0o700
    assert local(runtime, "SELECT 1 AS a").text == "a\n1\n"
    assert json.loads(state_file(runtime).read_text())["pid"] == state["pid"]
    # it lives in a session of its own: Ctrl-C in the terminal of dbk does not reach it
    assert os.getsid(state["pid"]) == state["pid"]


def test_two_at_once_share_one(runtime):
    sql = "SELECT 1 AS a"
    env = clean_environment(environment(runtime))
    both = [
        subprocess.Popen([DBK, "query", "--local", sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        for _ in range(3)
    ]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, b"a\n1\n", b"")
    pid = json.loads(state_file(runtime).read_text())["pid"]
    mine = subprocess.run(["pgrep", "-f", str(state_file(runtime))], capture_output=True, text=True).stdout.split()
    assert mine == [str(pid)]


def test_a_stale_state_file_is_replaced(runtime):
    state = state_file(runtime)
    state.parent.mkdir(mode=0o700)
    old = {"url": "http://127.0.0.1:1", "http_path": "/x", "token": "t", "pid": os.getpid()}
    state.write_text(json.dumps(old))
    assert local(runtime, "SELECT 1 AS a").text == "a\n1\n"
    assert json.loads(state.read_text())["url"] != old["url"]


def test_tokens_of_real_workspaces_do_not_reach_it(runtime):
    local(runtime, "SELECT 1", DATABRICKS_TOKEN="dapi-secret")
    pid = json.loads(state_file(runtime).read_text())["pid"]
    assert b"dapi-secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_start_that_fails_shows_the_log(runtime, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho something is missing\nexit 3\n")
    broken.chmod(0o755)
    ran = local(runtime, "SELECT 1", check=3, DBK_WAREHOUSE_PYTHON=str(broken))
    assert "the local warehouse ended at once; its log ends with:\n  something is missing" in ran.err
    assert "hint: " in ran.err and "warehouse.log" in ran.err
    ran = local(runtime, "SELECT 1", check=3, DBK_WAREHOUSE_PYTHON="/no/such/python")
    assert "cannot start /no/such/python: No such file or directory" in ran.err


def test_a_directory_of_somebody_else_is_not_trusted(runtime):
    state_file(runtime).parent.mkdir(mode=0o777)
    state_file(runtime).parent.chmod(0o777)
    ran = local(runtime, "SELECT 1", check=3)
    assert "is not a directory that only you can use" in ran.err


def test_flags_that_contradict_local():
    ran = run_dbk("query", "--local", "--host", "h", "SELECT 1", check=2)
    assert "exclude each other" in ran.err
