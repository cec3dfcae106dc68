"""The REST surface: sessions, authentication, execute, poll, cancel, close, and everything malformed."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from warehouse.testing import execute_body, request

SQL = "/api/2.0/sql"
STATEMENTS = SQL + "/statements"
ENDLESS = "SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1"


# -- sessions and authentication --------------------------------------------------------------------
def test_session_life(warehouse):
    session = warehouse.session(catalog="samples", schema="tpch", session_confs={"ANSI_MODE": "false"})
    assert warehouse.rows("SELECT current_catalog(), current_schema()", session) == [("samples", "tpch")]
    assert warehouse.rows("SET ANSI_MODE", session) == [("ANSI_MODE", "false")]
    path = f"{SQL}/sessions/{session}?warehouse_id=local"
    assert warehouse.call("DELETE", path).status == 200
    gone = warehouse.call("DELETE", path)
    assert (gone.status, gone.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    late = warehouse.call("POST", STATEMENTS, execute_body("SELECT 1", session))
    assert late.status == 404 and session in late.json()["message"]


def test_session_with_a_schema_that_does_not_exist_can_move_on(warehouse):
    session = warehouse.session(catalog="nosuch", schema="nosuch")
    warehouse.execute("USE CATALOG samples", session)
    assert warehouse.rows("SELECT count(*) FROM tpch.region", session) == [(5,)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_PARAMETER_VALUE"),
        ({"warehouse_id": "nosuch"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ({"warehouse_id": 5}, 400, "INVALID_PARAMETER_VALUE"),
        ({"warehouse_id": "local", "session_confs": {"NOSUCH_CONF": "1"}}, 400, "BAD_REQUEST"),
        ({"warehouse_id": "local", "session_confs": {"ANSI_MODE": "maybe"}}, 400, "BAD_REQUEST"),
        ({"warehouse_id": "local", "session_confs": {"TIMEZONE": "Mars/Base"}}, 400, "BAD_REQUEST"),
        ({"warehouse_id": "local", "session_confs": ["x"]}, 400, "INVALID_PARAMETER_VALUE"),
        ({"warehouse_id": "local", "session_confs": {"spark.sql.whatever": "1"}}, 200, None),
        ({"warehouse_id": "local", "session_configuration": {"ansi_mode": "true"}}, 200, None),
        ({"warehouse_id": "local", "catalog": "", "schema": ""}, 200, None),
    ],
)
def test_create_session(warehouse, body, status, code):
    answer = warehouse.call("POST", SQL + "/sessions", body)
    assert answer.status == status, answer.body
    assert answer.json().get("error_code") == code


def test_conf_errors_name_condition_and_state(warehouse):
    unknown = warehouse.call("POST", SQL + "/sessions", {"warehouse_id": "local", "session_confs": {"NOSUCH": "1"}})
    assert "[CONFIG_NOT_AVAILABLE]" in unknown.json()["message"] and "42K0I" in unknown.json()["message"]
    bad = warehouse.call("POST", SQL + "/sessions", {"warehouse_id": "local", "session_confs": {"ANSI_MODE": "x"}})
    assert "[INVALID_CONF_VALUE]" in bad.json()["message"] and "22022" in bad.json()["message"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "token"])
def test_missing_or_odd_credentials(warehouse, header):
    headers = {} if header is None else {"authorization": header}
    answer = request("POST", warehouse.url + SQL + "/sessions", {"warehouse_id": "local"}, headers)
    assert (answer.status, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


# -- execute ----------------------------------------------------------------------------------------
def test_every_field_of_an_answer(warehouse):
    answer = warehouse.execute("SELECT CAST(1.5 AS DECIMAL(10,2)) AS d, INTERVAL '1' DAY AS i")
    assert answer["status"] == {"state": "SUCCEEDED"}
    manifest, result = answer["manifest"], answer["result"]
    assert manifest["schema"] == {
        "column_count": 2,
        "columns": [
            {
                "name": "d", "type_name": "DECIMAL", "type_text": "DECIMAL(10,2)", "position": 0,
                "type_precision": 10, "type_scale": 2,
            },
            {
                "name": "i", "type_name": "INTERVAL", "type_text": "INTERVAL DAY", "position": 1,
                "type_interval_type": "DAY",
            },
        ],
    }  # fmt: skip
    size = result["byte_count"]
    assert manifest["chunks"] == [{"chunk_index": 0, "row_offset": 0, "row_count": 1, "byte_count": size}]
    expected = {
        "format": "ARROW_STREAM", "total_chunk_count": 1, "total_row_count": 1, "total_byte_count": size,
        "truncated": False, "result_compression": "LZ4_FRAME",
    }  # fmt: skip
    assert {k: manifest[k] for k in expected} == expected
    assert set(result) == {"chunk_index", "row_offset", "row_count", "byte_count", "attachment"}


def test_statement_without_a_session(warehouse):
    assert warehouse.rows("SELECT current_catalog()", catalog="samples") == [("samples",)]


@pytest.mark.parametrize(
    "fields",
    [
        {"wait_timeout": "1s"}, {"wait_timeout": "51s"}, {"wait_timeout": "10"}, {"wait_timeout": "-5s"},
        {"wait_timeout": 10}, {"on_wait_timeout": "STOP"}, {"disposition": "MAIL"}, {"format": "XML"},
        {"result_compression": "ZIP"}, {"row_limit": -1}, {"row_limit": "5"}, {"byte_limit": 1.5},
        {"parameters": {}}, {"parameters": ["x"]}, {"parameters": [{"name": "a b", "value": "1"}]},
        {"query_tags": "x"}, {"query_tags": [{"value": "x"}]}, {"statement": 5}, {"statement": None}, {"session_id": 7},
        {"statement": "/*lw: nosuch=1*/ SELECT 1"}, {"statement": "/*lw: chunk_rows=x*/ SELECT 1"},
        {"statement": "/*lw: fault=nowhere:reset*/ SELECT 1"},
    ],
)  # fmt: skip
def test_bad_execute_fields(warehouse, fields):
    answer = warehouse.call("POST", STATEMENTS, {**execute_body("SELECT 1"), **fields})
    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.body
    assert answer.json()["message"]


def test_wait_timeout_zero_always_answers_pending(warehouse):
    answer = warehouse.execute("SELECT 1", wait_timeout="0s")
    assert answer["status"] == {"state": "PENDING"} and "manifest" not in answer
    final = _poll(warehouse, answer["statement_id"])
    assert final["status"]["state"] == "SUCCEEDED" and warehouse.read(final).num_rows == 1


def test_pending_hint_counts_polls(warehouse):
    answer = warehouse.execute("/*lw: pending=2*/ SELECT 1")
    path = f"{STATEMENTS}/{answer['statement_id']}"
    states = [answer["status"]["state"]] + [_settled(warehouse, path) for _ in range(3)]
    assert states == ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]


def _settled(warehouse, path):
    return warehouse.call("GET", path).json()["status"]["state"]


def _poll(warehouse, statement_id):
    while True:
        answer = warehouse.call("GET", f"{STATEMENTS}/{statement_id}").json()
        if answer["status"]["state"] not in ("PENDING", "RUNNING"):
            return answer


def test_result_can_be_read_again_until_close(warehouse):
    answer = warehouse.execute("SELECT * FROM range(5)")
    path = f"{STATEMENTS}/{answer['statement_id']}"
    again = warehouse.call("GET", path).json()
    assert warehouse.read(answer) == warehouse.read(again)
    assert warehouse.call("DELETE", path).json() == {}
    assert warehouse.call("GET", path).json() == {
        "statement_id": answer["statement_id"],
        "status": {"state": "CLOSED"},
    }
    assert warehouse.call("GET", path + "/result/chunks/0").status == 404
    assert warehouse.call("DELETE", path).status == 200


def test_cancel_interrupts_at_once(warehouse):
    answer = warehouse.execute(ENDLESS, wait_timeout="0s")
    path = f"{STATEMENTS}/{answer['statement_id']}"
    assert warehouse.call("POST", path + "/cancel").json() == {}
    assert _poll(warehouse, answer["statement_id"])["status"]["state"] == "CANCELED"
    assert warehouse.call("POST", path + "/cancel").status == 200
    assert warehouse.call("GET", path + "/result/chunks/0").status == 404


def test_canceled_work_really_stops(warehouse):
    """More endless statements than workers: if cancel did not free them, the last SELECT would wait."""
    ids = [warehouse.execute(ENDLESS, wait_timeout="0s")["statement_id"] for _ in range(20)]
    for statement in ids:
        warehouse.call("POST", f"{STATEMENTS}/{statement}/cancel")
    assert warehouse.rows("SELECT 1") == [(1,)]


def test_close_of_a_running_statement_stops_it(warehouse):
    ids = [warehouse.execute(ENDLESS, wait_timeout="0s")["statement_id"] for _ in range(20)]
    for statement in ids:
        assert warehouse.call("DELETE", f"{STATEMENTS}/{statement}").status == 200
    assert warehouse.rows("SELECT 1") == [(1,)]


def test_on_wait_timeout_cancel(warehouse):
    answer = warehouse.execute(ENDLESS, wait_timeout="5s", on_wait_timeout="CANCEL")
    assert answer["status"]["state"] == "CANCELED"


def test_statement_timeout(warehouse):
    session = warehouse.session(session_confs={"STATEMENT_TIMEOUT": "1"})
    assert warehouse.error(ENDLESS, session)["sql_state"] == "57KD0"


# -- hostile input ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"warehouse_id": "local", "statement": "SELECT 1"',
        b"[" * 100_000, b'{"a":' * 5000, b"\x00" * 100,
    ],
)  # fmt: skip
def test_malformed_json(warehouse, body):
    for path in ("/sessions", "/statements"):
        answer = warehouse.call("POST", SQL + path, body)
        assert (answer.status, answer.json()["error_code"]) == (400, "MALFORMED_REQUEST"), body[:20]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", SQL + "/sessions", 405),
        ("PUT", STATEMENTS, 405),
        ("PATCH", STATEMENTS + "/x", 405),
        ("GET", STATEMENTS + "/nosuch", 404),
        ("DELETE", STATEMENTS + "/nosuch", 404),
        ("POST", STATEMENTS + "/nosuch/cancel", 404),
        ("GET", STATEMENTS + "/nosuch/result/chunks/0", 404),
        ("GET", "/api/2.0/nosuch", 404),
        ("GET", "/nothing", 404),
        ("GET", STATEMENTS + "/%00%ff", 404),
        ("GET", STATEMENTS + "/../../etc/passwd", 404),
        ("GET", "/_lw/journal?since=x", 400),
    ],
)
def test_wrong_methods_and_unknown_ids(warehouse, method, path, status):
    answer = warehouse.call(method, path)
    assert answer.status == status, answer.body
    assert set(answer.json()) == {"error_code", "message"}


@pytest.mark.parametrize("index", ["-1", "x", "1e3", "99999999999999999999", "%C2%B2"])
def test_odd_chunk_indexes(warehouse, index):
    statement = warehouse.execute("SELECT 1")["statement_id"]
    answer = warehouse.call("GET", f"{STATEMENTS}/{statement}/result/chunks/{index}")
    assert answer.status == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert warehouse.call("GET", f"{STATEMENTS}/{statement}/result/chunks/1").status == 404


@pytest.mark.parametrize(
    "sql",
    [
        "", "   ", ";", "--", "/* open", "'open", '"open', "`open", "SELECT 1 AS `", "((((", "SELECT (" * 400,
        "SELECT " + "(" * 3000 + "1" + ")" * 3000, "SELECT " + "+".join(["1"] * 5000), "\ufeffSELECT 1", "SELECT \udcff".encode(
            "utf-8", "replace").decode(), "DROP", "CREATE", "SET =", "USE", "SHOW", "DESCRIBE", "ALTER", "SHOW TABLES IN", "INSERT",
        "SELECT * FROM a.b.c.d.e", "ATTACH 'x'", "PRAGMA database_list", "COPY t TO '/tmp/x'", "INSTALL httpfs", "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')", "SELECT content FROM read_blob('/etc/passwd')", "CALL pragma_version()",
    ],
)  # fmt: skip
def test_hostile_sql_fails_as_a_statement(warehouse, sql):
    status = warehouse.error(sql)
    assert status["error"]["error_code"] == "BAD_REQUEST"
    assert len(status["sql_state"]) == 5 and f"SQLSTATE: {status['sql_state']}" in status["error"]["message"]
    assert status["sql_state"] != "XX000", status


def test_a_megabyte_of_sql(warehouse):
    text = "x" * 1_000_000
    assert warehouse.rows(f"SELECT length('{text}')") == [(1_000_000,)]


def test_body_too_large(warehouse):
    host, port = warehouse.host.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest("POST", STATEMENTS)
    connection.putheader("authorization", "Bearer x")
    connection.putheader("content-length", str(1 << 40))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and json.loads(answer.read())["error_code"] == "BAD_REQUEST"
    connection.close()


def test_raw_garbage_leaves_the_server_up(warehouse):
    host, port = warehouse.host.split(":")
    for data in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"\x00" * 1000,
    ):
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            while client.recv(4096):
                pass
    assert warehouse.call("GET", "/_lw/health").json()["status"] == "ok"


# -- paths with the warehouse and the session in them (JDBC 3.4) --------------------------------------
def test_warehouse_and_session_in_the_path(warehouse):
    sessions = SQL + "/warehouses/local/sessions"
    session = warehouse.call("POST", sessions, {"schema": "default", "execution_mode": "FAST"}).json()["session_id"]
    fields = {"statement": "SELECT current_schema()", "format": "JSON_ARRAY"}
    answer = warehouse.call("POST", f"{sessions}/{session}/statements", fields).json()
    assert answer["result"]["data_array"] == [["default"]]
    statement = f"{sessions}/{session}/statements/{answer['statement_id']}"
    assert warehouse.call("GET", statement).json()["status"]["state"] == "SUCCEEDED"
    assert warehouse.call("DELETE", statement).status == 200
    assert warehouse.call("GET", statement).json()["status"]["state"] == "CLOSED"
    page = warehouse.call("GET", f"/_lw/page/statements/{answer['statement_id']}", token=None).body.decode()
    assert "poll" in page and "close" in page
    assert warehouse.call("DELETE", f"{sessions}/{session}").status == 200
    assert warehouse.call("DELETE", f"{sessions}/{session}").status == 404
    assert warehouse.call("POST", SQL + "/warehouses/nosuch/sessions", {}).status == 404
