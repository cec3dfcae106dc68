"""Every fault of the catalogue once, as a client sees it: on the wire, in JSON, in Arrow and LZ4."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import re
import socket
import time

import lz4.frame
import pyarrow as pa
import pytest

from warehouse.faults import arrow as arrow_faults
from warehouse.faults import parse_header, parse_rule
from warehouse.faults.nesting import lists_of_lists
from warehouse.faults.rules import _ARROW, Action, Faults
from warehouse.testing import execute_body, local_warehouse, request

SESSIONS = "/api/2.0/sql/sessions"
STATEMENTS = "/api/2.0/sql/statements"
BODY = b'{"warehouse_id":"local"}'


@pytest.fixture(autouse=True)
def no_rules_left(warehouse):
    yield
    warehouse.clear_faults()


@contextlib.contextmanager
def _connected(warehouse, timeout=60):
    host, port = warehouse.host.split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as client:
        yield client


def _post(extra: str = "", body: bytes = BODY) -> bytes:
    head = f"POST {SESSIONS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def _everything(client) -> bytes:
    data = b""
    while part := client.recv(65_536):
        data += part
    return data


def _raw(warehouse, rule: str) -> bytes:
    """All bytes that a connection gives for one request under a fault."""
    warehouse.fault(f"session.create#1:{rule}")
    with _connected(warehouse) as client:
        client.sendall(_post("connection: close\r\n"))
        return _everything(client)


def _session(warehouse):
    return warehouse.call("POST", SESSIONS, {"warehouse_id": "local"})


# -- connections ------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", ["reset", "reset(before)", "reset(5)"])
def test_resets(warehouse, rule):
    with pytest.raises(ConnectionResetError):
        _raw(warehouse, rule)


@pytest.mark.parametrize("rule", ["close", "close(before)"])
def test_close_without_an_answer(warehouse, rule):
    assert _raw(warehouse, rule) == b""


def test_silence_after_the_request(warehouse):
    warehouse.fault("session.create#1:silence")
    with _connected(warehouse, 0.3) as client, pytest.raises(TimeoutError):
        client.sendall(_post())
        client.recv(1)


def test_half_close_keeps_our_direction_open(warehouse):
    warehouse.fault("session.create#1:halfclose(5)")
    with _connected(warehouse) as client:
        client.sendall(_post())
        data = _everything(client)
        assert data.partition(b"\r\n\r\n")[2] == b'{"ses'
        client.sendall(b"x")  # still possible: nobody has reset the connection


def test_idle_connection_dies_with_the_next_request(warehouse):
    warehouse.fault("session.create#1:dropnext")
    with _connected(warehouse) as client:
        client.sendall(_post())
        first = b""
        while not first.endswith(b"}"):
            first += client.recv(4096)
        assert b"200 OK" in first
        with pytest.raises(ConnectionResetError):
            client.sendall(_post())
            client.recv(1)


@pytest.mark.parametrize(("rule", "difference"), [("length(+10)", 10), ("length(-3)", -3)])
def test_wrong_content_length(warehouse, rule, difference):
    head, _, body = _raw(warehouse, rule).partition(b"\r\n\r\n")
    assert int(re.search(rb"content-length: (\d+)", head)[1]) - len(body) == difference


def test_chunked_and_bad_chunks(warehouse):
    head, _, body = _raw(warehouse, "chunked").partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head and body.endswith(b"0\r\n\r\n")
    assert b"\r\nZZ\r\n" in _raw(warehouse, "badchunk")


def test_headers_too_large_and_with_nul(warehouse):
    assert len(_raw(warehouse, "headers(70000)").partition(b"\r\n\r\n")[0]) > 70_000
    assert b"x-lw-nul: a\x00b" in _raw(warehouse, "nulheader")


def test_one_byte_at_a_time_and_a_stall_in_the_middle(warehouse):
    warehouse.fault("session.create#1:slow(20B/10ms)")
    assert _session(warehouse).json()["session_id"]
    started = time.monotonic()
    warehouse.fault("session.create#1:stallbody(0.2,4)")
    assert _session(warehouse).json()["session_id"] and time.monotonic() - started >= 0.2


def test_100_continue_is_ignored(warehouse):
    warehouse.fault("telemetry#1:nocontinue")
    body = b'{"protoLogs":[]}'
    head = f"POST /telemetry-unauth HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
    with _connected(warehouse, 0.3) as client:
        client.sendall(head.encode())
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(60)
        client.sendall(body)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    with _connected(warehouse) as client:
        client.sendall(head.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 100")


# -- status -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "status", "header", "body"),
    [
        ("status(429)", 429, None, b"RESOURCE_EXHAUSTED"),
        ("status(429,,5)", 429, "5", b"injected"),
        ("status(503,,0)", 503, "0", b"injected"),
        ("status(503,,-1)", 503, "-1", b"injected"),
        ("status(503,,soon)", 503, "soon", b"injected"),
        ("status(503,,99999999999)", 503, "99999999999", b"injected"),
        ("status(429,,'Wed, 21 Oct 2026 07:28:00 GMT')", 429, "Wed, 21 Oct 2026 07:28:00 GMT", b"injected"),
        ("status(502,html)", 502, None, b"<html>"),
        ("status(403,html)", 403, None, b"<html>"),
        ("status(413)", 413, None, b"injected"),
        ("status(204)", 204, None, b""),
        ("status(500,empty)", 500, None, b""),
        ("bigerror(1MB)", 500, None, b"xxxxxxxxxx"),
        ("html", 200, None, b"<html>"),
        ("expiresession", 404, None, b"RESOURCE_DOES_NOT_EXIST"),
        ("expiresession(400)", 400, None, b"INVALID_STATE"),
    ],
)
def test_status(warehouse, rule, status, header, body):
    warehouse.fault(f"session.create#1:{rule}")
    answer = _session(warehouse)
    assert (answer.status, answer.headers.get("retry-after")) == (status, header) and body in answer.body
    assert _session(warehouse).status == 200


def test_gzip_errors_and_answers(warehouse):
    for rule, status in (("status(500,gzip)", 500), ("gzip", 200)):
        warehouse.fault(f"session.create#1:{rule}")
        answer = _session(warehouse)
        assert answer.status == status and answer.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(answer.body))
        warehouse.clear_faults()


@pytest.mark.parametrize(
    ("rule", "location"),
    [("redirect(/login.html,303)", "/login.html"), ("redirect(http://other.example/x,307)", "http://other.example/x"),
     ("redirect(self)", SESSIONS), ("redirect(hop)", "hop=1")],
)  # fmt: skip
def test_redirects(warehouse, rule, location):
    warehouse.fault(f"session.create:{rule}")
    with _connected(warehouse) as client:
        client.sendall(_post("connection: close\r\n"))
        data = _everything(client)
    assert data.startswith(b"HTTP/1.1 30") and location in re.search(rb"location: (.*)\r\n", data)[1].decode()
    if rule == "redirect(hop)":
        assert warehouse.call("POST", SESSIONS + "?hop=1", {"warehouse_id": "local"}).status == 200


# -- JSON -------------------------------------------------------------------------------------------
def _fault_body(warehouse, rule) -> bytes:
    return warehouse.call("POST", STATEMENTS, execute_body(f"/*lw: fault=stmt.execute:{rule}*/ SELECT 1 AS a")).body


@pytest.mark.parametrize("kind", ["truncated", "bom", "utf8", "empty"])
def test_json_that_cannot_be_read(warehouse, kind):
    body = _fault_body(warehouse, f"json({kind})")
    with pytest.raises(ValueError):
        json.loads(body.decode())


def test_json_that_can_be_read(warehouse):
    def payload(kind):
        return json.loads(_fault_body(warehouse, f"json({kind})"))

    assert payload("strings")["manifest"]["total_row_count"] == "1"
    assert isinstance(payload("numbers")["status"]["state"], int)
    assert payload("nulls")["manifest"] is None
    assert payload("extra")["status"]["x_unknown"] == {"a": [1, None]}
    assert isinstance(payload("array"), list) and payload("null") is None
    assert payload("duplicates")["status"] == {"state": "SUCCEEDED"}
    assert b'"statement_id":"duplicate"' in _fault_body(warehouse, "json(duplicates)")
    assert _fault_body(warehouse, "json(deep)").count(b"[") > 2000


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("set(manifest.truncated,true)", "manifest.truncated", True),
        ("set(manifest.total_row_count,-5)", "manifest.total_row_count", -5),
        ("set(manifest.total_row_count,3000000000)", "manifest.total_row_count", 3_000_000_000),
        ("set(status.state,DREAMING)", "status.state", "DREAMING"),
        ("set(result.row_count,'[1,2]')", "result.row_count", [1, 2]),
        ("set(manifest.chunks.0.byte_count,null)", "manifest.chunks.0.byte_count", None),
        ("drop(manifest)", "manifest", KeyError),
        ("drop(result)", "result", KeyError),
        ("drop(manifest.schema.columns.0)", "manifest.schema.columns", []),
        ("columns(drop)", "manifest.schema.column_count", 0),
        ("columns(extra)", "manifest.schema.column_count", 2),
        ("columns(rename)", "manifest.schema.columns.0.name", "a_renamed"),
        ("columns(retype)", "manifest.schema.columns.0.type_name", "STRING"),
        ("state(PENDING)", "status.state", "PENDING"),
        ("state(CLOSED)", "manifest", KeyError),
        ("failed(SOME_CONDITION)", "status.state", "FAILED"),
        ("set(nosuch.path.x,1)", "status.state", "SUCCEEDED"),
    ],
)
def test_lies_in_answers(warehouse, rule, path, value):
    found = json.loads(_fault_body(warehouse, rule))
    try:
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except KeyError:
        found = KeyError
    assert found == value


def test_bad_base64(warehouse):
    text = json.loads(_fault_body(warehouse, "badbase64"))["result"]["attachment"]
    with pytest.raises(ValueError):
        base64.b64decode(text, validate=True)


def test_a_statement_id_that_comes_twice(warehouse):
    first = warehouse.execute("SELECT 1")["statement_id"]
    assert json.loads(_fault_body(warehouse, "reuse"))["statement_id"] == first


# -- statements -------------------------------------------------------------------------------------
def test_polls_that_lie(warehouse):
    sql = "/*lw: pending=1, fault=stmt.get#1:state(RUNNING), fault=stmt.get#2:failed, fault=stmt.get#3:state(CLOSED)*/ SELECT 1"
    statement = warehouse.execute(sql)["statement_id"]
    states = [warehouse.call("GET", f"{STATEMENTS}/{statement}").json()["status"]["state"] for _ in range(4)]
    assert states == ["RUNNING", "FAILED", "CLOSED", "SUCCEEDED"]


def test_a_query_that_breaks_after_its_first_chunk(warehouse):
    sql = "/*lw: chunk_rows=10, inline_max=0, links_per_page=1, fail_after=2*/ SELECT id FROM range(100)"
    answer = warehouse.execute(sql)
    if answer["status"]["state"] == "SUCCEEDED":
        path = f"{STATEMENTS}/{answer['statement_id']}/result/chunks"
        assert warehouse.call("GET", f"{path}/1").status == 200
        assert warehouse.call("GET", f"{path}/2").status == 400
    assert warehouse.call("GET", f"{STATEMENTS}/{answer['statement_id']}").json()["status"]["state"] == "FAILED"


def test_an_empty_chunk_in_the_middle(warehouse):
    sql = "/*lw: chunk_rows=10, inline_max=0, empty_chunk=1*/ SELECT id FROM range(25)"
    answer = warehouse.execute(sql)
    counts = [k["row_count"] for k in answer["result"]["external_links"]]
    assert counts == [10, 0, 10, 5] and warehouse.read(answer).num_rows == 25


def test_cancel_that_does_nothing(warehouse):
    slow = "SELECT count(*) FROM range(0, 1000000000000) WHERE id % 7 = rand()"
    answer = warehouse.execute(f"/*lw: fault=stmt.cancel#1:ignore*/ {slow}", wait_timeout="0s")
    path = f"{STATEMENTS}/{answer['statement_id']}"
    assert warehouse.call("POST", path + "/cancel").json() == {}
    assert warehouse.call("GET", path).json()["status"]["state"] in ("PENDING", "RUNNING")
    assert warehouse.call("POST", path + "/cancel").json() == {}
    assert warehouse.call("GET", path).json()["status"]["state"] == "CANCELED"


def test_a_statement_that_ends_while_cancel_is_on_its_way(warehouse):
    answer = warehouse.execute("/*lw: fault=stmt.cancel:late*/ SELECT 1", wait_timeout="0s")
    path = f"{STATEMENTS}/{answer['statement_id']}"
    assert warehouse.call("POST", path + "/cancel").status == 200
    assert warehouse.call("GET", path).json()["status"]["state"] == "SUCCEEDED"


def test_canceled_by_an_administrator(warehouse):
    answer = warehouse.execute("SELECT count(*) FROM range(0, 1000000000000) WHERE id % 7 = rand()", wait_timeout="0s")
    warehouse.call("POST", f"/_lw/statements/{answer['statement_id']}/cancel")
    state = warehouse.call("GET", f"{STATEMENTS}/{answer['statement_id']}").json()["status"]["state"]
    assert state == "CANCELED"


def test_sessions_expire(warehouse):
    session = warehouse.session()
    assert warehouse.call("POST", f"/_lw/sessions/{session}/expire").status == 200
    gone = warehouse.call("POST", STATEMENTS, execute_body("SELECT 1", session))
    assert gone.status == 404 and "does not exist" in gone.json()["message"]
    assert warehouse.call("POST", f"/_lw/sessions/{session}/expire").status == 404
    session = warehouse.session()
    sql = "/*lw: fault=stmt.execute:expiresession(400)*/ SELECT 1"
    refused = warehouse.call("POST", STATEMENTS, execute_body(sql, session))
    assert (refused.status, refused.json()["error_code"]) == (400, "INVALID_STATE")
    assert warehouse.call("POST", STATEMENTS, execute_body("SELECT 1", session)).status == 404


# -- links and storage ------------------------------------------------------------------------------
def _links(warehouse, rule, more=""):
    sql = f"/*lw: chunk_rows=10, inline_max=0, links_per_page=3{more}, fault=stmt.execute:{rule}*/ SELECT id FROM range(30)"
    answer = warehouse.execute(sql)
    return answer, answer["result"]["external_links"]


def test_links_twice_backwards_with_gaps(warehouse):
    assert [k["chunk_index"] for k in _links(warehouse, "duplinks")[1]] == [0, 0, 1, 1, 2, 2]
    assert [k["chunk_index"] for k in _links(warehouse, "shufflelinks")[1]] == [2, 1, 0]
    assert [k["row_offset"] for k in _links(warehouse, "gap(3)")[1]] == [0, 13, 23]
    assert [k["row_offset"] for k in _links(warehouse, "gap(-3)")[1]] == [0, 7, 17]


def test_links_that_end_soon(warehouse):
    _, links = _links(warehouse, "expired(5)")
    assert request("GET", links[0]["external_link"]).status == 200
    warehouse.advance_clock(6)
    assert request("GET", links[0]["external_link"]).status == 403


def test_links_to_other_hosts_and_odd_paths(warehouse):
    _, links = _links(warehouse, "linkhost(nosuch.invalid)")
    assert links[0]["external_link"].startswith("http://nosuch.invalid:")
    _, links = _links(warehouse, "linkhost(127.0.0.1:1)")
    assert links[0]["external_link"].startswith("http://127.0.0.1:1/")
    _, links = _links(warehouse, "oddpath")
    assert request("GET", links[0]["external_link"]).status == 200
    for wrong in ("a/b+c%20d%C3%A9", "a%2Fb%2Bc%20d%C3%A9"):
        changed = links[0]["external_link"].replace("a%2Fb+c%20d%C3%A9", wrong)
        assert request("GET", changed).status == 403, "a client must not touch the path"


def _storage(warehouse, rule, **headers):
    sql = f"/*lw: inline_max=0, compression=none, fault=storage.get:{rule}*/ SELECT id FROM range(50)"
    link = warehouse.execute(sql)["result"]["external_links"][0]
    return link, request("GET", link["external_link"], headers=headers)


def test_storage_ignores_ranges_compresses_redirects(warehouse):
    link, answer = _storage(warehouse, "norange", range="bytes=0-9")
    assert answer.status == 200 and len(answer.body) == link["byte_count"]
    link, answer = _storage(warehouse, "gzip")
    assert answer.headers["content-encoding"] == "gzip" and len(gzip.decompress(answer.body)) == link["byte_count"]
    link, answer = _storage(warehouse, "redirect(hop,307)")
    assert answer.status == 200 and len(answer.body) == link["byte_count"], "urllib follows one hop"


def test_the_date_header_follows_the_clock(warehouse):
    from email.utils import parsedate_to_datetime

    try:
        warehouse.call("POST", "/_lw/clock", {"skew_s": -7200})
        date = parsedate_to_datetime(_session(warehouse).headers["date"]).timestamp()
        assert -7300 < date - time.time() < -7100
    finally:
        warehouse.call("POST", "/_lw/clock", {"skew_s": 0})


# -- Arrow and LZ4 ----------------------------------------------------------------------------------
LEGAL = {"noeos", "empty", "fewer", "renamed", "retyped", "dictionary", "deltadictionary", "runends", "decimal256",
         "largeutf8", "stringview", "bufferlz4", "bufferzstd", "legacy", "zerocolumns"}  # fmt: skip


def _sample() -> bytes:
    table = pa.table({"a": pa.array(range(20), pa.int64()), "s": [f"text {i}" for i in range(20)]})
    return arrow_faults._written(table)


def test_arrow_kinds_are_known_when_rules_are_read():
    assert set(_ARROW.split()) == set(arrow_faults.KINDS)


@pytest.mark.parametrize("kind", sorted(arrow_faults.KINDS))
def test_arrow(kind):
    changed = arrow_faults.spoil(_sample(), Action("arrow", (kind,)))
    assert changed != _sample()
    if kind in LEGAL:
        pa.ipc.open_stream(changed).read_all().validate(full=True)
    elif kind != "bigendian":  # pyarrow swaps the bytes and reads on
        with pytest.raises((pa.ArrowInvalid, OSError, ValueError, MemoryError)):
            pa.ipc.open_stream(changed).read_all().validate(full=True)
    else:
        assert pa.ipc.open_stream(changed).read_all() != pa.ipc.open_stream(_sample()).read_all()


def test_nesting_is_right_but_deeper_than_pyarrow_reads():
    table = pa.ipc.open_stream(arrow_faults._stream(lists_of_lists("x", 2, depth=60))).read_all()
    table.validate(full=True)
    assert str(table.schema.field(0).type).count("list<") == 60 and str(table.column(0)[1].as_py()) == "[" * 60 + "0" + "]" * 60
    with pytest.raises(pa.ArrowInvalid, match="recursion depth"):
        pa.ipc.open_stream(arrow_faults.spoil(_sample(), Action("arrow", ("deep",)))).read_all()


def test_arrow_faults_reach_files_and_attachments(warehouse):
    _, answer = _storage(warehouse, "arrow(fewer)")
    assert pa.ipc.open_stream(answer.body).read_all().num_columns == 0
    attachment = json.loads(_fault_body(warehouse, "arrow(renamed)"))["result"]["attachment"]
    packed = base64.b64decode(attachment)
    assert pa.ipc.open_stream(lz4.frame.decompress(packed)).read_all().column_names == ["a_renamed"]


@pytest.mark.parametrize(
    ("kind", "works"),
    [("raw", False), ("concat", True), ("checksum", False), ("truncated", False), ("bomb,1MB", True)],
)
def test_lz4(kind, works):
    packed = lz4.frame.compress(_sample())
    changed = arrow_faults.spoil(packed, Action("lz4", tuple(kind.split(","))))
    if kind == "raw":
        assert changed == _sample()
    elif kind == "concat":
        unpacker, first = lz4.frame.LZ4FrameDecompressor(), b""
        first = unpacker.decompress(changed)
        assert first + lz4.frame.decompress(unpacker.unused_data) == _sample()
    elif works:
        assert len(changed) < 10_000 and lz4.frame.decompress(changed) == bytes(1 << 20)
    else:
        with pytest.raises((RuntimeError, EOFError)):
            lz4.frame.decompress(changed)
    assert lz4.frame.decompress(arrow_faults.spoil(_sample(), Action("lz4", ("pack",)))) == _sample()


# -- the five switches ------------------------------------------------------------------------------
def test_switch_header(warehouse):
    unique = "fault=stmt.execute#1:status(503), chunk_rows=7, storage.get#1:status(404), inline_max=0"
    refused = warehouse.call("POST", STATEMENTS, execute_body("SELECT 1"), x_lw_fault=unique)
    assert refused.status == 503
    answer = warehouse.call("POST", STATEMENTS, execute_body("SELECT id FROM range(20)"), x_lw_fault=unique).json()
    links = answer["result"]["external_links"]
    assert [k["row_count"] for k in links] == [7, 7, 6], "hints of the header shape the result"
    assert [request("GET", links[0]["external_link"]).status for _ in range(2)] == [404, 200]
    sql = "/*lw: chunk_rows=10*/ SELECT id FROM range(20)"
    answer = warehouse.call("POST", STATEMENTS, execute_body(sql), x_lw_fault=unique).json()
    assert answer["result"]["external_links"][0]["row_count"] == 10, "the statement's own comment wins"
    assert warehouse.call("POST", SESSIONS, {"warehouse_id": "local"}, x_lw_fault="telemetry:reset").status == 200


@pytest.mark.parametrize("header", ["nosuch=1", "stmt.execute:explode", "stmt.execute", "chunk_rows=x", "((("])
def test_wrong_headers_are_refused(warehouse, header):
    answer = warehouse.call("POST", STATEMENTS, execute_body("SELECT 1"), x_lw_fault=header)
    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def _profiled(warehouse, name, sql="SELECT id FROM range(25)", **fields):
    body = {**execute_body(sql), "warehouse_id": name, **fields}
    return warehouse.call("POST", STATEMENTS, body)


def test_switch_warehouse_id(warehouse):
    links = _profiled(warehouse, "tiny-chunks").json()["result"]["external_links"]
    assert [k["row_count"] for k in links] == [10, 10]
    assert "external_links" in _profiled(warehouse, "links-only").json()["result"]
    assert "attachment" in _profiled(warehouse, "inline-only").json()["result"]
    assert len(_profiled(warehouse, "json-only").json()["result"]["data_array"]) == 25
    assert _profiled(warehouse, "slow-start").json()["status"] == {"state": "PENDING"}
    codes = [_profiled(warehouse, "flaky-429") for _ in range(2)]
    assert codes[0].status == 429 and codes[0].headers["retry-after"] == "1"
    warehouse.execute("CREATE TABLE IF NOT EXISTS main.default.profiled (a INT)")
    insert = "INSERT INTO main.default.profiled VALUES (1)"
    assert "num_modified_rows" not in _profiled(warehouse, "rows-only-dml", insert).json()["status"]
    assert _profiled(warehouse, "nosuch-profile").status == 404


def test_profiles_work_through_sessions(warehouse):
    session = warehouse.call("POST", SESSIONS, {"warehouse_id": "json-only"}).json()["session_id"]
    answer = warehouse.call("POST", STATEMENTS, execute_body("SELECT 1", session)).json()
    assert answer["result"]["data_array"] == [["1"]]


def test_switch_start_up(tmp_path):
    config = tmp_path / "soak.toml"
    config.write_text(
        '[server]\nseed = 7\nchunk-rows = 5\nrequire-link-headers = false\nwarehouse-id = ["x", "y"]\n'
        '[faults]\nrules = ["session.create~0.5:status(503)", "telemetry#1:reset"]\n'
        '[profiles]\nodd = "chunk_rows=3, inline_max=0"\n'
    )
    runs = []
    for _ in range(2):
        with local_warehouse("--config", str(config), "--fault", "flags:status(418)") as server:
            runs.append([_session(server).status for _ in range(20)])
            assert server.call("GET", "/api/2.0/connector-service/feature-flags/JDBC/1").status == 418
            server.clear_faults()
            assert len(server.call("GET", "/_lw/faults").json()["rules"]) == 3, "rules of the start stay"
            odd = _profiled(server, "odd").json()["result"]["external_links"]
            assert odd[0]["row_count"] == 3
    assert runs[0] == runs[1] and 3 < runs[0].count(503) < 17, "the seed decides"


@pytest.mark.parametrize(
    "options",
    [["--fault", "nosuch"], ["--fault", "stmt.get:cert(good)"], ["--config", "/nosuch.toml"], ["--workspace", "x"],
     ["--client", "x"], ["--jwt-key", "a:b"], ["--jwt-key", "a:b:/nosuch"]],
)  # fmt: skip
def test_wrong_start_up_options(options):
    from warehouse import cli

    with pytest.raises(SystemExit) as stopped:
        cli.parse(options)
    assert stopped.value.code == 2


@pytest.mark.parametrize("text", ["[server]\nnosuch = 1", "[other]\nx = 1", "x = 1", "[[", '[faults]\nrules = ["x"]'])
def test_wrong_toml(tmp_path, text):
    from warehouse import cli

    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        cli.parse(["--config", str(file)])
    assert stopped.value.code == 2


# -- reading rules ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "stmt.get:rows(x)", "stmt.get:status(99)", "stmt.get:arrow(nosuch)", "stmt.get:slow(1/1)", "conn:status(500)",
        "proxy:html", "stmt.get:handshake(1)", "stmt.get?nosuch=1:reset", "stmt.get?chunk=x:reset", "stmt.get~2:reset",
        "stmt.get:json(nosuch)", "stmt.get:set(x)", "stmt.get:reset(sometimes)", "stmt.get:lz4", "stmt.get:columns(all)",
    ],
)  # fmt: skip
def test_wrong_rules(text):
    from warehouse.errors import ApiError

    with pytest.raises(ApiError):
        parse_rule(text)


def test_rates_and_filters():
    faults = Faults(seed=3)
    faults.add(parse_rule("stmt.get~0.25:reset"))
    hits = sum(bool(faults.take("stmt.get")) for _ in range(1000))
    assert 200 < hits < 300
    rule = parse_rule("conn#2?origin=storage:reset")
    assert [rule.hit("conn", origin=o) for o in ("storage", "api", "storage", "storage")] == [False, False, True, False]
    both = parse_rule("storage.get?chunk=1&statement=s:reset")
    assert [both.hit("storage.get", "s", c) for c in (0, 1)] == [False, True]
    assert parse_header("stmt.get:reset, chunk_rows=5").chunk_rows == 5


@pytest.mark.parametrize("body", [{"skew_s": "x"}, {"advance_s": True}, {"skew_s": float("nan")}, []])
def test_wrong_clocks(warehouse, body):
    assert warehouse.call("POST", "/_lw/clock", body).status == 400
