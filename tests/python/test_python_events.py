"""The test table of the telemetry spec, on the Python module: events read back from the warehouse."""

from __future__ import annotations

import gc
import threading

import pytest
import telemetry_fields as fields

import databricks_sql_kernel as kernel


@pytest.fixture(autouse=True)
def clean(warehouse):
    warehouse.call("DELETE", "/_lw/telemetry")
    yield
    warehouse.clear_faults()
    warehouse.call("DELETE", "/_lw/telemetry")


@pytest.fixture
def told(warehouse):
    """The logs received so far; every event was checked against the field table."""
    return lambda: fields.logs(warehouse.call("GET", "/_lw/telemetry").json()["uploads"])


@pytest.fixture
def opened(where):
    def connect(**options):
        return kernel.Session(**{**where, **fields.UNHURRIED, **options})

    return connect


def begin(session, sql: str):
    statement = session.statement()
    statement.set_sql(sql)
    return statement.execute()


def drain(session, sql: str) -> int:
    executed = begin(session, sql)
    rows = executed.fetch_all_arrow().num_rows
    executed.close()
    return rows


def statements(logs: list) -> list:
    return [log for log in logs if log["sql_operation"].get("statement_type")]


def last(logs: list) -> dict:
    return statements(logs)[-1]["sql_operation"]


LINKS = "SELECT id, repeat('x', 100) AS t FROM range(0, 300000)"


def test_life_of_a_session_in_order(opened, told):
    with opened() as session:
        assert drain(session, "SELECT 1") == 1
    assert [fields.operation(log) for log in told()] == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]


def test_chunks_latencies_and_format(opened, told):
    with opened() as session:
        assert drain(session, LINKS) == 300000
    log = last(told())
    details, latency = log["chunk_details"], log["result_latency"]
    assert log["execution_result"] == "EXTERNAL_LINKS" and log["is_compressed"] in (True, False)
    assert details["total_chunks_present"] == details["total_chunks_iterated"] > 1
    first, slowest = details["initial_chunk_latency_millis"], details["slowest_chunk_latency_millis"]
    assert first <= slowest <= details["sum_chunks_download_time_millis"]
    assert latency.keys() == {"result_set_ready_latency_millis", "result_set_consumption_latency_millis"}


def test_a_result_that_is_not_read_to_its_end(opened, told):
    with opened() as session:
        executed = begin(session, LINKS)
        executed.fetch_next_batch()
        executed.close()
    log = last(told())
    assert log["chunk_details"]["total_chunks_iterated"] == 1
    assert "result_set_consumption_latency_millis" not in log["result_latency"]


def test_an_event_leaves_when_the_rows_have_ended(opened, told, warehouse):
    with opened(telemetry_batch_size=1) as session:
        executed = begin(session, "SELECT 1")
        executed.fetch_all_arrow()  # nothing is closed yet
        for _ in range(1000):
            if statements(told()):
                break
            threading.Event().wait(0.01)
        assert len(statements(told())) == 1
        executed.close()
    assert len(statements(told())) == 1


def test_polls_and_retries_are_counted(opened, told, warehouse):
    warehouse.fault("stmt.execute#1:status(429)")
    with opened() as session:
        assert drain(session, "/*lw: pending=3*/ SELECT 1") == 1
    log = statements(told())[-1]
    path = f"/statements/{log['sql_statement_id']}"
    gets = [e for e in warehouse.journal() if e["method"] == "GET" and e["path"].endswith(path)]
    assert log["sql_operation"]["retry_count"] == 1 and len(gets) >= 3
    assert log["sql_operation"]["operation_detail"]["n_operation_status_calls"] == len(gets)


def test_a_failed_statement_tells_its_state_and_no_text(opened, told, warehouse):
    with opened() as session, pytest.raises(kernel.KernelError):
        drain(session, "SELECT secret_column FROM secret_table WHERE x = 'secret_literal'")
    log = statements(told())[-1]
    assert log["error_info"]["error_name"] == "SqlError" and len(log["error_info"]["stack_trace"]) == 5
    assert "secret_" not in str(warehouse.call("GET", "/_lw/telemetry").json())


def test_a_failed_chunk_keeps_the_statements_id(opened, told, warehouse):
    warehouse.fault("storage.get:status(403)")
    with opened() as session, pytest.raises(kernel.KernelError) as failure:
        drain(session, LINKS)
    log = statements(told())[-1]
    assert log["sql_statement_id"] and log["sql_operation"]["chunk_id"] == 0
    assert log["sql_operation"]["retry_count"] >= 1 and log["error_info"]["error_name"] == failure.value.code
    assert log["sql_operation"]["chunk_details"]["total_chunks_present"] > 1


def test_a_statement_open_at_the_end_is_told_before_its_session(opened, told):
    session = opened()
    executed = begin(session, "SELECT 1")
    session.close()
    operations = [fields.operation(log) for log in told()]
    assert operations == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    executed.close()
    assert len(told()) == 3


def submit(session, sql: str):
    statement = session.statement()
    statement.set_sql(sql)
    return statement.submit()


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("start", [begin, submit])
def test_a_handle_that_is_dropped_is_told_once(opened, told, start, read):
    with opened() as session:
        handle = start(session, "SELECT 1")
        result = handle.await_result() if start is submit else handle
        if read:
            assert result.fetch_next_batch().num_rows == 1
        del handle, result
        gc.collect()
    operations = [fields.operation(log) for log in told()]
    wanted = "EXECUTE_STATEMENT_ASYNC" if start is submit else "EXECUTE_STATEMENT"
    assert operations == ["CREATE_SESSION", wanted, "DELETE_SESSION"]


def test_kinds_of_statements(opened, told):
    with opened() as session:
        drain(session, "CREATE OR REPLACE TABLE told_kinds (a INT)")
        drain(session, "INSERT INTO told_kinds VALUES (1), (2)")
        drain(session, "DROP TABLE told_kinds")
        session.metadata().list_catalogs()
    kinds = [log["sql_operation"]["statement_type"] for log in statements(told())]
    assert "UPDATE" in kinds and kinds[-1] == "METADATA"
    assert fields.operation(statements(told())[-1]) == "LIST_CATALOGS"


def test_the_workspace_id_of_the_path(where, opened, told, warehouse):
    with opened(http_path=where["http_path"] + "?o=987"):
        pass
    (upload,) = warehouse.call("GET", "/_lw/telemetry").json()["uploads"]
    assert all(event["workspace_id"] == 987 for event in upload["events"])
    assert ["x-databricks-org-id", "987"] in upload["headers"]


def test_two_sessions_share_an_upload(opened, told, warehouse):
    first, second = opened(), opened()
    ids = {first.session_id, second.session_id}
    drain(first, "SELECT 1")
    drain(second, "SELECT 1")
    second.close()
    uploads = warehouse.call("GET", "/_lw/telemetry").json()["uploads"]
    assert len(uploads) == 1 and {log["session_id"] for log in fields.logs(uploads)} == ids
    first.close()
    assert len(told()) == 6


def test_a_session_without_telemetry_beside_one_with(opened, where, told):
    with kernel.Session(**where) as quiet, opened() as loud:
        drain(quiet, "SELECT 1")
        drain(loud, "SELECT 1")
        ids = loud.session_id
    assert {log["session_id"] for log in told()} == {ids}


@pytest.mark.parametrize("fault", ["status(500)", "status(429)", "status(404)", "html", "reset"])
def test_broken_endpoints_change_nothing(opened, warehouse, fault):
    warehouse.fault(f"telemetry:{fault}")
    with opened(telemetry_retry_delay_ms=0, telemetry_batch_size=1, telemetry_circuit_breaker_enabled=False) as session:
        assert [drain(session, "SELECT 1") for _ in range(5)] == [1] * 5
