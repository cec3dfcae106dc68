"""Events of sessions and statements, read back from the warehouse."""

import pytest
from telemetry_fields import UNHURRIED

import databricks_sql_kernel as kernel

TOP = {
    "session_id", "sql_statement_id", "system_configuration", "driver_connection_params", "auth_type",
    "sql_operation", "error_info", "operation_latency_ms",
}  # fmt: skip


@pytest.fixture(autouse=True)
def clean(warehouse):
    warehouse.call("DELETE", "/_lw/telemetry")
    yield
    warehouse.call("DELETE", "/_lw/telemetry")
    warehouse.clear_faults()


def uploads(warehouse) -> list:
    return warehouse.call("GET", "/_lw/telemetry").json()["uploads"]


def run(session, sql: str):
    statement = session.statement()
    statement.set_sql(sql)
    executed = statement.execute()
    rows = executed.fetch_all_arrow().num_rows
    executed.close()
    statement.close()
    return rows


def nulls(value) -> bool:
    if isinstance(value, dict):
        return any(nulls(v) for v in value.values())
    return value is None


def test_an_enabled_session_tells_its_life_in_one_upload(where, warehouse):
    with kernel.Session(
        **where, **UNHURRIED, driver_name="probe", process_name="/home/bob/x.py --token=zz9"
    ) as session:
        assert run(session, "SELECT 'secret_literal' AS secret_column") == 1
        with pytest.raises(kernel.KernelError):
            run(session, "SELECT * FROM secret_table")
    (upload,) = uploads(warehouse)
    assert upload["has_items"] and ["authorization", "Bearer [redacted]"] in upload["headers"]
    text = str(upload)
    assert not any(word in text for word in ("secret_", "bob", "zz9"))
    logs = [event["entry"]["sql_driver_log"] for event in upload["events"]]
    operations = [log["sql_operation"]["operation_detail"]["operation_type"] for log in logs]
    assert operations == ["CREATE_SESSION", "EXECUTE_STATEMENT", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    for event, log in zip(upload["events"], logs):
        assert set(log) <= TOP and not nulls(event) and "workspace_id" not in event
        assert set(event["context"]["client_context"]) == {"user_agent", "timestamp_millis"}
        assert log["system_configuration"]["driver_name"] == "probe"
        assert log["system_configuration"]["process_name"] == "x.py"
        assert log["driver_connection_params"]["host_info"]["host_url"] == "127.0.0.1"
        assert log["auth_type"] == "pat" and log["operation_latency_ms"] >= 0
    good, bad = logs[1]["sql_operation"], logs[2]
    assert good["statement_type"] == "SQL" and good["retry_count"] == 0 and "error_info" not in logs[1]
    assert good["execution_result"] in ("INLINE_ARROW", "INLINE_JSON", "EXTERNAL_LINKS")
    assert bad["error_info"]["error_name"] == "SqlError" and "execution_result" not in bad["sql_operation"]


def test_nothing_leaves_when_it_is_off(where, warehouse, monkeypatch):
    def one(**options):
        with kernel.Session(**where, **options) as session:
            run(session, "SELECT 1")

    one()
    one(telemetry_enabled=False)
    for name in ("DATABRICKS_TELEMETRY_DISABLED", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "1")
        one(telemetry_enabled=True)
        monkeypatch.delenv(name)
    assert uploads(warehouse) == []
    one(**UNHURRIED)
    assert len(uploads(warehouse)) == 1


@pytest.mark.parametrize("fault", ["telemetry:status(503)", "telemetry:status(429)", "telemetry:html"])
def test_a_broken_endpoint_changes_no_result(where, warehouse, fault):
    warehouse.fault(fault)
    options = {"telemetry_enabled": True, "telemetry_retry_delay_ms": 1, "telemetry_batch_size": 1}
    with kernel.Session(**where, **options) as session:
        assert [run(session, "SELECT 1") for _ in range(10)] == [1] * 10
