"""The unmodified Go driver of build/go/driver (`make go` puts it there) on our archive, everything said in its DSN. Every event
that the warehouse received, of the driver or of the kernel, is held against the table of fields.

The driver's kernel path knows the ports of a DSN by 443 only, so it comes through the warehouse's intercepting proxy."""

from __future__ import annotations

import copy
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from test_python_driver import HERE, ROOT, fields, kernel_events, local_warehouse, log_of

BUILD = ROOT / "build" / "go"
DRIVER = BUILD / "driver"
ARCHIVE = ROOT / "build" / "bundled" / "libdatabricks_sql_kernel.a"
HOST = "warehouse.example"
TOKEN = "a_secret_token"
LIFE = ["CREATE_SESSION", *["EXECUTE_STATEMENT"] * 3, "DELETE_SESSION"]

# What the driver writes itself: its own words and more fields than spec telemetry.md 3 has for the kernel's events.
OWN = copy.deepcopy(fields.EVENT)
OWN["frontend_log_event_id"] = re.compile(r"[0-9]{14}-[0-9a-f]{16}")
OWN["context"]["client_context"] = {"client_type": {"golang"}, "client_version": str}
_log = OWN["entry"]["sql_driver_log"]
_log["auth_type"] = {"PAT"}
_log["driver_connection_params"]["retry_max_attempts"] = int
_log["error_info"] = {
    "error_name": set(
        "timeout cancelled connection_error auth_error permission_error not_found syntax_error invalid_request error "
        "chunk_download_error decompression_error arrow_schema_parsing_error result_set_error unsupported_operation "
        "rate_limit_exceeded ssl_handshake_error statement_execution_timeout execute_statement_failed "
        "execute_statement_cancelled session_closed statement_closed".split()
    )
}
# And what it leaves out of most of its events.
LEFT_OUT = set(
    "timestamp_millis user_agent auth_type driver_connection_params auth_flow auto_commit sql_operation is_internal_call".split()
)


@pytest.fixture(scope="module")
def session() -> Path:
    """The program, of today's archive and the driver as it is."""
    if not (DRIVER / "internal" / "backend" / "kernel" / "cgo.go").exists():
        pytest.skip("no Go driver with a kernel backend in build/go/driver: make go DATABRICKS_SQL_GO_DIR=FOLDER")
    header = ROOT / "include" / "databricks_kernel.h"
    place = ["make", "--no-print-directory", "-C", DRIVER, "kernel-lib", f"KERNEL_LOCAL_A={ARCHIVE}"]
    _run([*place, f"KERNEL_LOCAL_HEADER={header}"], ROOT)
    program, module = BUILD / "telemetry", BUILD / "telemetry.mod"
    module.write_text((HERE / "go" / "go.mod").read_text())
    _run(["go", "mod", "tidy", f"-modfile={module}"], HERE / "go")
    # Go does not look into what cgo links: a flag that changes with the archive makes it link again.
    flags = f"-O2 -g -DDBK_ARCHIVE={ARCHIVE.stat().st_mtime_ns}"
    _run(["go", "build", f"-modfile={module}", "-tags", "databricks_kernel", "-o", program, "."], HERE / "go", CGO_CFLAGS=flags)
    return program


def _run(command: list[Any], folder: Path, **variables: str) -> None:
    environment = {**os.environ, "CGO_ENABLED": "1", **variables}
    done = subprocess.run([str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("tls")
    with local_warehouse("--tls", "both", "--tls-dir", str(folder), "--mitm-port", "0") as server:
        yield server


def told(server: Any, session: Path, flag: bool = False, **more: str) -> list[dict[str, Any]]:
    """The events of one run with these parameters in the DSN; the flag is what the server says to those who ask."""
    server.call("DELETE", "/_lw/telemetry")
    server.call("POST", "/_lw/flags", {"telemetry": flag})
    query = urlencode({"useKernel": "true", **more})
    variables = dict(os.environ, HTTPS_PROXY=server.mitm_url, SSL_CERT_FILE=str(Path(server.tls_dir) / "mitm-ca.pem"))
    command = [session, f"token:{TOKEN}@{HOST}:443{server.http_path}?{query}"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    uploads = server.call("GET", "/_lw/telemetry").json()["uploads"]
    events = [event for upload in uploads for event in upload["events"]]
    assert "secret_literal" not in str(events) and TOKEN not in str(events)
    return events


def own_kinds(events: list[dict[str, Any]]) -> Counter[str]:
    """How often the driver told of what; each of its events is as the table says, as far as it fills it."""
    wrong = [problem for event in events for problem in fields.problems(event, OWN)]
    assert [problem for problem in wrong if not problem.endswith(" is missing")] == []
    assert {problem.split(" ")[0].rsplit(".", 1)[1] for problem in wrong} <= LEFT_OUT
    logs = [log_of(event) for event in events]
    assert {log["system_configuration"]["driver_name"] for log in logs} <= {"databricks-sql-go"}
    return Counter(fields.operation(log) if "sql_operation" in log else "connection" for log in logs)


OWN_LIFE = Counter(CREATE_SESSION=1, connection=1, EXECUTE_STATEMENT=3, CLOSE_STATEMENT=2, DELETE_SESSION=1)


@pytest.mark.parametrize("flag, more", [(False, {"enableTelemetry": "true"}), (True, {})], ids=["asked for", "server's flag"])
def test_the_driver_tells_of_itself_and_its_kernel_is_silent(
    server: Any, session: Path, flag: bool, more: dict[str, str]
) -> None:
    events = told(server, session, flag, **more)
    assert kernel_events(events) == []
    assert own_kinds(events) == OWN_LIFE
    assert [log_of(e)["error_info"]["error_name"] for e in events if "error_info" in log_of(e)] == ["execute_statement_failed"]
    # What the kernel's events have, below, and dashboards miss in these.
    assert all(word not in str(events) for word in ("execution_result", "retry_count", "latency_millis", "stack_trace"))


@pytest.mark.parametrize("flag, more", [(True, {"enableTelemetry": "false"}), (False, {})], ids=["refused", "no flag"])
def test_nothing_is_told_unasked(server: Any, session: Path, flag: bool, more: dict[str, str]) -> None:
    assert told(server, session, flag, **more) == []


KERNEL_ON = {"databricks.telemetry.mode": "on"}


def test_a_parameter_of_the_dsn_switches_the_kernel_on(server: Any, session: Path) -> None:
    events = told(server, session, enableTelemetry="false", **KERNEL_ON)
    assert [problem for event in events for problem in fields.problems(event)] == []
    logs = [log_of(event) for event in events]
    assert [fields.operation(log) for log in logs] == LIFE
    inline, links, failed = (log["sql_operation"] for log in logs[1:4])
    # What dashboards need and the driver's own events lack (spec telemetry.md 11: G1, G4, G15).
    assert inline["execution_result"] == "INLINE_ARROW" and "retry_count" in inline
    assert links["execution_result"] == "EXTERNAL_LINKS" and links["chunk_details"]["total_chunks_iterated"] > 1
    assert links["chunk_details"]["slowest_chunk_latency_millis"] >= links["chunk_details"]["initial_chunk_latency_millis"]
    assert logs[3]["error_info"] == {"error_name": "SqlError", "stack_trace": "42P01"} and logs[3]["sql_statement_id"]
    assert {log["driver_connection_params"]["use_proxy"] for log in logs} == {True}
    assert failed["operation_detail"]["is_internal_call"] is False


def test_both_switched_on_tell_everything_twice(server: Any, session: Path) -> None:
    events = told(server, session, enableTelemetry="true", **KERNEL_ON)
    kernels = kernel_events(events)
    assert [problem for event in kernels for problem in fields.problems(event)] == []
    assert [fields.operation(log_of(event)) for event in kernels] == LIFE
    assert own_kinds([event for event in events if event not in kernels]) == OWN_LIFE
