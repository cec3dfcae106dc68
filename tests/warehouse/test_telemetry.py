"""Telemetry with read-back, feature flags, SQL warehouses as objects."""

from __future__ import annotations

import json

import pytest

EVENT = {"frontend_log_event_id": "e1", "context": {}, "entry": {"sql_driver_log": {"session_id": "s"}}}
FLAGS = "/api/2.0/connector-service/feature-flags/PYTHON/4.2.0"
TELEMETRY_FLAG = "databricks.partnerplatform.clientConfigsFeatureFlags.enableTelemetry"


@pytest.fixture(autouse=True)
def clean(warehouse):
    yield
    warehouse.call("DELETE", "/_lw/telemetry")
    warehouse.call("DELETE", "/_lw/flags")
    warehouse.clear_faults()


def test_events_can_be_read_back(warehouse):
    warehouse.call("DELETE", "/_lw/telemetry")  # other tests may have sent some
    body = {"uploadTime": 5, "items": [], "protoLogs": [json.dumps(EVENT), json.dumps(EVENT)]}
    answer = warehouse.call("POST", "/telemetry-ext", body, user_agent="me/1")
    assert answer.json() == {"errors": [], "numSuccess": 0, "numProtoSuccess": 2, "numRealtimeSuccess": 0}
    unauth = warehouse.call("POST", "/telemetry-unauth", {"uploadTime": 6, "protoLogs": []}, token=None)
    assert unauth.status == 200
    first, second = warehouse.call("GET", "/_lw/telemetry").json()["uploads"]
    assert first["events"] == [EVENT, EVENT] and (first["upload_time"], first["has_items"]) == (5, True)
    assert ["user-agent", "me/1"] in first["headers"] and ["authorization", "Bearer [redacted]"] in first["headers"]
    assert second["path"] == "/telemetry-unauth" and not second["has_items"]


def test_telemetry_needs_a_token_and_sense(warehouse):
    assert warehouse.call("POST", "/telemetry-ext", {"protoLogs": []}, token=None).status == 401
    assert warehouse.call("POST", "/telemetry-ext", {"protoLogs": "x"}).status == 400
    assert warehouse.call("POST", "/telemetry-ext", b"{").json()["error_code"] == "MALFORMED_REQUEST"
    assert warehouse.call("GET", "/telemetry-ext").status == 405
    answer = warehouse.call("POST", "/telemetry-ext", {"protoLogs": ["{", 5, "[]", "{}"]}).json()
    assert answer["numProtoSuccess"] == 1 and len(answer["errors"]) == 3


def test_telemetry_can_fail(warehouse):
    warehouse.fault("telemetry#1..2:status(503)")
    codes = [warehouse.call("POST", "/telemetry-ext", {"protoLogs": []}).status for _ in range(3)]
    assert codes == [503, 503, 200]


def test_feature_flags(warehouse):
    flags = warehouse.call("GET", FLAGS).json()
    assert flags["ttl_seconds"] == 900 and {"name": TELEMETRY_FLAG, "value": "false"} in flags["flags"]
    assert warehouse.call("GET", FLAGS, token=None).status == 401
    warehouse.call("POST", "/_lw/flags", {"telemetry": True, "flags": {"x": "1"}, "ttl_seconds": 60})
    flags = warehouse.call("GET", FLAGS).json()
    assert flags["ttl_seconds"] == 60 and {"name": "x", "value": "1"} in flags["flags"]
    assert {f["value"] for f in flags["flags"] if "Telemetry" in f["name"]} == {"true"}
    warehouse.call("DELETE", "/_lw/flags")
    assert warehouse.call("GET", FLAGS).json()["ttl_seconds"] == 900
    assert warehouse.call("POST", "/_lw/flags", {"flags": {"x": 1}}).status == 400
    warehouse.fault("flags#1:html")
    assert b"<html>" in warehouse.call("GET", FLAGS).body


def test_warehouses_start_and_stop(warehouse):
    path = "/api/2.0/sql/warehouses"
    assert warehouse.call("GET", path).json()["warehouses"][0]["id"] == "local"
    assert warehouse.call("GET", path + "/local").json()["state"] == "RUNNING"
    assert warehouse.call("POST", path + "/local/stop").json() == {}
    assert warehouse.call("GET", path + "/local").json()["state"] == "STOPPED"
    assert warehouse.rows("SELECT 1") == [(1,)]
    assert warehouse.call("GET", path + "/local").json()["state"] == "RUNNING", "use starts it"
    warehouse.call("POST", path + "/local/stop")
    assert warehouse.call("POST", path + "/local/start").status == 200
    assert warehouse.call("GET", path + "/local").json()["state"] == "RUNNING"
    assert warehouse.call("GET", path + "/nosuch").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert warehouse.call("PUT", path + "/local").status == 405
