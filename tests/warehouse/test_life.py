"""The process: start, port file, ports in use, signals, tokens, idle exit, death of the parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from warehouse.testing import execute_body, local_warehouse, start

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = "SELECT count(*) FROM range(0, 1000000000000) WHERE id % 7 = rand()"


def _run(*options: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "warehouse", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_ready_line_and_clean_stop():
    server = start("--seed", "7")
    try:
        line = server.process.stdout.readline()
        assert line == f"dbkernel local warehouse: {server.url}  http_path /sql/1.0/warehouses/local  token local\n"
        assert server.url.startswith("http://127.0.0.1:") and server.storage_url != server.url
        first = server.session()
    finally:
        assert server.stop() == 0
    with local_warehouse("--seed", "7") as again:
        assert again.session() == first, "the seed makes ids reproducible"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stops_with_clients_in_flight(signum):
    server = start()
    waiting = threading.Thread(target=_ignore_errors, args=(server.execute, ENDLESS), daemon=True)
    waiting.start()
    with socket.create_connection(tuple(server.host.split(":")), timeout=60):
        while not any(e["method"] == "POST" for e in server.journal()):
            pass
        server.process.send_signal(signum)
        assert server.process.wait(timeout=60) == 0
    waiting.join(timeout=60)


def _ignore_errors(call, *arguments) -> None:
    try:
        call(*arguments)
    except Exception:  # noqa: BLE001 - the server goes away under this call, that is the point
        pass


def test_port_in_use_is_one_clear_line(warehouse):
    port = warehouse.url.rsplit(":", 1)[1]
    done = _run("--port", port)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"dbkernel local warehouse: cannot listen on 127.0.0.1:{port}: the port is in use\n"


@pytest.mark.parametrize(
    "options", [["--port", "99999"], ["--port", "x"], ["--chunk-bytes", "0"], ["--nosuch"], ["--link-ttl", "-1"]]
)
def test_wrong_options(options):
    done = _run(*options)
    assert done.returncode == 2 and "usage:" in done.stderr


def test_fixed_token():
    with local_warehouse("--token", "s3cret") as server:
        assert server.token == "s3cret" and server.session()
        refused = server.call("POST", "/api/2.0/sql/sessions", {"warehouse_id": "local"}, token="other")
        assert (refused.status, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_options_shape_results():
    options = ["--chunk-rows", "10", "--inline-max-bytes", "0", "--links-per-page", "1", "--warehouse-id", "other"]
    with local_warehouse(*options) as server:
        answer = server.execute("SELECT id FROM range(25)")
        assert answer["manifest"]["total_chunk_count"] == 3 and len(answer["result"]["external_links"]) == 1
        assert server.read(answer).num_rows == 25
        reply = server.call("POST", "/api/2.0/sql/sessions", {"warehouse_id": "other"})
        assert reply.status == 200


def test_idle_exit_waits_for_sessions_to_close():
    server = start("--idle-exit", "0.4")
    session = server.session()
    server.advance_clock(10)
    assert server.call("POST", "/api/2.0/sql/statements", execute_body("SELECT 1", session)).status == 200
    server.advance_clock(10)
    assert server.process.poll() is None
    server.call("DELETE", f"/api/2.0/sql/sessions/{session}")
    assert server.process.wait(timeout=60) == 0


def test_results_that_nobody_closes_are_forgotten():
    with local_warehouse() as server:
        answer = server.execute("SELECT 1")
        path = f"/api/2.0/sql/statements/{answer['statement_id']}"
        assert server.call("GET", path).status == 200
        server.advance_clock(3601)
        deadline = time.monotonic() + 60
        while server.call("GET", path).status == 200 and time.monotonic() < deadline:
            pass
        assert server.call("GET", path).status == 404


def test_exits_with_its_parent(tmp_path):
    port_file = tmp_path / "port.json"
    script = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-m', 'warehouse', '--exit-with-parent', '--port-file', {str(port_file)!r}])\n"
        f"while not os.path.exists({str(port_file)!r}): time.sleep(0.01)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env=environment, stdout=subprocess.DEVNULL)
    pid = json.loads(port_file.read_text())["pid"]
    deadline = time.monotonic() + 60
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


LATER = ["cryptography", "grpc", "h2", "jwt", "pandas", "pyspark", "pyarrow.csv", "pyarrow.dataset", "pyarrow.parquet",
         "warehouse.net.certs", "warehouse.net.http2", "warehouse.net.proxy", "warehouse.net.tls"]  # fmt: skip


def test_the_start_loads_only_what_it_needs():
    """What keeps the start short; `make warehouse-bench` measures it (a time would measure this machine's other work)."""
    code = f"""
import sys
import warehouse.cli, warehouse.app
from warehouse.engine.duck import DuckEngine
from warehouse.journal import Effects
engine = DuckEngine(Effects())
print(*(name for name in {LATER} if name in sys.modules))
samples = [t for c in engine.catalogs.catalogs() for s in engine.catalogs.schemas(c) for t in engine.catalogs.tables(c, s.name)]
print(len(samples) > 10 and all(table.loader is not None for table in samples))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == ["", "True"], "no module too early, no sample table filled"
