"""Telemetry of our addon beside the closed one's, field by field: every difference is named here with its reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "python"), str(ROOT / "tests" / "node")]

import telemetry_fields as fields  # noqa: E402
from test_node import ADDON, NODE  # noqa: E402
from test_node_differential import peer  # noqa: E402, F401
from warehouse.testing import local_warehouse  # noqa: E402

pytestmark = pytest.mark.skipif(NODE is None or not ADDON.exists(), reason="NO NODE.JS OR NO ADDON: not compared")


def uploads(addon: Path) -> list[dict[str, Any]]:
    with local_warehouse() as server:
        command = [str(NODE), str(HERE / "telemetry.cjs"), str(addon), server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return server.call("GET", "/_lw/telemetry").json()["uploads"]


def flat(value: Any, at: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {at: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flat(inner, f"{at}.{key}" if at else key)
    return found


LOG = "entry.sql_driver_log."
PARAMS = LOG + "driver_connection_params."
# What ours has and the peer's has not.
MORE = {
    "context.client_context.timestamp_millis": "the peer puts it beside client_context",
    LOG + "sql_operation.retry_count": "the peer never counts",
    PARAMS + "use_proxy": "a parameter that the peer leaves out",
    PARAMS + "allow_self_signed_support": "the same",
    PARAMS + "use_system_trust_store": "the same",
    PARAMS + "enable_complex_datatype_support": "the same",
    PARAMS + "enable_sea_hybrid_results": "the same",
    PARAMS + "support_many_parameters": "the same",
    PARAMS + "enable_token_cache": "the same",
    PARAMS + "enable_jwt_assertion": "the same",
    PARAMS + "host_info.port": "the peer puts it into host_url",
    LOG + "sql_operation.result_latency.result_set_ready_latency_millis": "also of catalog calls",
}
LESS = {
    "context.timestamp_millis": "belongs into client_context",
    LOG + "sql_operation.result_latency.result_set_consumption_latency_millis": "of catalog calls: their rows are "
    "read before the call returns",
}
OTHER = {
    "frontend_log_event_id": "a UUID, the peer counts",
    "context.client_context.user_agent": "the session's; the peer's is constant",
    PARAMS + "host_info.host_url": "the name alone, as JDBC and Go have it",
    LOG + "session_id": "of another warehouse",
    LOG + "sql_statement_id": "of another warehouse",
    LOG + "operation_latency_ms": "a time",
    LOG + "sql_operation.operation_detail.n_operation_status_calls": "the peer does not count while it blocks",
}


def is_time(name: str) -> bool:
    return name.endswith(("_millis", "_ms"))


def test_field_by_field(peer: Path) -> None:  # noqa: F811
    ours, theirs = uploads(ADDON), uploads(peer)
    assert fields.logs(ours), "each of ours is as the table says"
    mine = [event for upload in ours for event in upload["events"]]
    real = [event for upload in theirs for event in upload["events"]]
    operations = [fields.operation(event["entry"]["sql_driver_log"]) for event in mine]
    assert operations == [fields.operation(event["entry"]["sql_driver_log"]) for event in real]
    assert operations == ["CREATE_SESSION", *["EXECUTE_STATEMENT"] * 3, "LIST_CATALOGS", "DELETE_SESSION"]
    wrong = []
    for ours_, theirs_, what in zip(map(flat, mine), map(flat, real), operations):
        wrong += [f"{what}: only ours: {k}" for k in ours_.keys() - theirs_.keys() if k not in MORE]
        wrong += [f"{what}: only theirs: {k}" for k in theirs_.keys() - ours_.keys() if k not in LESS]
        for name in ours_.keys() & theirs_.keys():
            same = ours_[name] == theirs_[name] or (is_time(name) and isinstance(ours_[name], int))
            if not same and name not in OTHER:
                wrong.append(f"{what}: {name}: {ours_[name]!r}, the peer {theirs_[name]!r}")
    assert wrong == []


def test_requests(peer: Path) -> None:  # noqa: F811
    ours, theirs = uploads(ADDON), uploads(peer)
    assert len(ours) == len(theirs) == 1 and ours[0]["path"] == theirs[0]["path"] == "/telemetry-ext"
    mine, real = (dict(map(tuple, uploaded[0]["headers"])) for uploaded in (ours, theirs))
    for name in ("authorization", "content-type", "x-databricks-org-id"):
        assert mine[name] == real[name], name
    assert mine["accept"] == "application/json" and ours[0]["has_items"] and not theirs[0]["has_items"]


DRIVER = ROOT / "build" / "node" / "node_modules" / "@databricks" / "sql"
QUERY = """
const { DBSQLClient } = require(process.argv[1]);
(async () => {
  const client = new DBSQLClient();
  await client.connect({
    host: process.argv[2], path: '/sql/1.0/warehouses/local', token: 'local', useKernel: true, telemetryEnabled: true,
  });
  const session = await client.openSession();
  const operation = await session.executeStatement('SELECT 1 AS a');
  await operation.fetchAll();
  await operation.close();
  await session.close();
  await client.close();
})().catch((e) => { console.error(e); process.exit(1); });
"""


@pytest.mark.skipif(not DRIVER.exists(), reason=f"NOT TESTED: no official driver at {DRIVER}: make node")
def test_the_official_driver_on_our_addon() -> None:
    with local_warehouse() as server:
        command = [str(NODE), "-e", QUERY, str(DRIVER), server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        (upload,) = server.call("GET", "/_lw/telemetry").json()["uploads"]
    logs = fields.logs([upload])
    assert [fields.operation(log) for log in logs] == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    for log in logs:
        system = log["system_configuration"]
        assert system["driver_name"] == "nodejs-sql-driver" and system["runtime_name"] == "Node.js"
        assert system["driver_version"].startswith("2.")
    agent = upload["events"][0]["context"]["client_context"]["user_agent"]
    assert agent.startswith("NodejsDatabricksSqlConnector/") and dict(map(tuple, upload["headers"]))["user-agent"] == agent
