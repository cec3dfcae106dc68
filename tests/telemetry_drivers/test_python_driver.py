"""`make telemetry-drivers`: the unmodified Python connector, telemetry switched on the way its users do, on our kernel module
and on the real one. Every event that the warehouse received, of the kernel or of the connector, is held against the table
of fields (tests/python/telemetry_fields.py)."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "python")]

import telemetry_fields as fields  # noqa: E402
from beside import NEWEST, connector, environment  # noqa: E402
from warehouse.testing import local_warehouse  # noqa: E402

KERNEL_OF = {"4.2.7": "1.0.0", "4.4.0": "1.0.0", NEWEST: "1.3.0"}
OLD = ["4.2.7", "4.4.0"]  # they tell of themselves, and their kernels nothing
LIFE = ["CREATE_SESSION", *["EXECUTE_STATEMENT"] * 3, "LIST_CATALOGS", "DELETE_SESSION"]
BY_SESSION_CONF = {"session_configuration": {"databricks.telemetry.mode": "on"}}

# What the old connectors write themselves: more of the table of spec telemetry.md 3.4, and 3.5's further word.
OWN = copy.deepcopy(fields.EVENT)
_log = OWN["entry"]["sql_driver_log"]
_log["driver_connection_params"] |= {
    "use_cf_proxy": bool, "rows_fetched_per_block": int, "async_poll_interval_millis": int, "non_proxy_hosts": list,
    "query_tags": str, "string_column_length": int, "enable_metric_view_metadata": bool,
}  # fmt: skip
_log["sql_operation"]["statement_type"] = _log["sql_operation"]["statement_type"] | {"NONE"}
_log["error_info"] = {"error_name": str, "stack_trace": str}


def told(version: str, which: str, more: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that one run left at a warehouse whose flags allow telemetry for everybody."""
    with local_warehouse() as server:
        server.call("POST", "/_lw/flags", {"telemetry": True})
        command = [connector(version), HERE / "session.py", server.url, server.http_path, json.dumps(more)]
        variables = environment(which, kernel_version=KERNEL_OF[version])
        done = subprocess.run([str(word) for word in command], env=variables, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
        uploads = server.call("GET", "/_lw/telemetry").json()["uploads"]
    return [event for upload in uploads for event in upload["events"]]


def log_of(event: dict[str, Any]) -> dict[str, Any]:
    return event["entry"]["sql_driver_log"]


def kernel_events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if "is_internal_call" in str(event)]


def test_the_newest_connector_gives_its_kernel_what_dashboards_need() -> None:
    ours, real = (told(NEWEST, which, {"enable_telemetry": True}) for which in ("ours", "real"))
    assert [problem for event in ours for problem in fields.problems(event)] == []
    assert [fields.operation(log_of(event)) for event in ours] == LIFE
    assert [fields.operation(log_of(event)) for event in real] == LIFE  # the real kernel tells of the same operations
    for event in ours:
        system = log_of(event)["system_configuration"]
        assert system["driver_name"] == "Databricks SQL Python Connector" and system["runtime_vendor"] == "CPython"
    inline, links, failed = (log_of(event) for event in ours[1:4])
    # Spec telemetry.md 11, G15: all three were missing from the connector's own events.
    assert inline["sql_operation"]["execution_result"] == "INLINE_ARROW"
    assert links["sql_operation"]["execution_result"] == "EXTERNAL_LINKS" and "retry_count" in links["sql_operation"]
    assert links["sql_operation"]["chunk_details"]["total_chunks_iterated"] > 1
    assert failed["error_info"] == {"error_name": "SqlError", "stack_trace": "42P01"} and failed["sql_statement_id"]
    assert "secret_literal" not in str(ours)


@pytest.mark.parametrize("more", [{}, {"enable_telemetry": False}])
def test_the_newest_connector_tells_nothing_unasked(more: dict[str, Any]) -> None:
    assert told(NEWEST, "ours", more) == []


@pytest.mark.parametrize("version", OLD)
def test_old_connectors_tell_of_themselves_and_give_their_kernel_nothing(version: str) -> None:
    folder = next(connector(version).parents[1].glob("lib/python*/site-packages/databricks/sql/backend/kernel"))
    assert "telemetry_enabled" not in (folder / "client.py").read_text()
    ours, real = (told(version, which, {"enable_telemetry": True}) for which in ("ours", "real"))
    wrong = [problem for event in ours for problem in fields.problems(event, OWN)]
    # They leave out latencies and the like; what is there is as the table says.
    assert [problem for problem in wrong if not problem.endswith(" is missing")] == []
    assert len(ours) > 1 and kernel_events(ours) == kernel_events(real) == []
    kinds = [[log_of(event).get("sql_operation", {}).get("statement_type") for event in events] for events in (ours, real)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("version", [*OLD, NEWEST])
def test_a_session_configuration_switches_the_kernel_on(version: str) -> None:
    """What users of a connector that gives no arguments can do; its own events are off, or they would be doubled."""
    events = told(version, "ours", {**BY_SESSION_CONF, **({"enable_telemetry": False} if version in OLD else {})})
    assert [problem for event in events for problem in fields.problems(event)] == []
    assert [fields.operation(log_of(event)) for event in events] == LIFE
