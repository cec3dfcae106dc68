"""Bad input: every route, with what it does not expect, answers with an error of the service and goes on."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from types import SimpleNamespace

import pytest

from warehouse.app import GROUPS, Warehouse
from warehouse.catalog import Catalogs
from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.ids import Ids
from warehouse.journal import Effects
from warehouse.testing import Server, local_warehouse
from warehouse.volumes import Volumes

SQL = "/api/2.0/sql"
STATEMENTS = SQL + "/statements"


@pytest.fixture(scope="module")
def server():
    """One for everything here: what a test leaves behind must not hurt the next."""
    with local_warehouse("--request-timeout", "2") as server:
        yield server


@pytest.fixture(autouse=True)
def still_up(server):
    yield
    server.clear_faults()
    assert server.rows("SELECT 1") == [(1,)]


def send(server: Server, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """One request that follows no redirect and changes no byte of the path."""
    connection = http.client.HTTPConnection(server.host, timeout=60)
    sent = {"authorization": "Bearer bad-input", "content-type": "application/json"}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    connection.request(method, path, body, sent)
    with connection.getresponse() as reply:
        result = reply.status, reply.read()
    connection.close()
    return result


def is_service_error(body: bytes) -> bool:
    answer = json.loads(body)
    return set(answer) == {"error_code", "message"} or "error" in answer  # the latter: OAuth's


def _routes() -> list[str]:
    engine = SimpleNamespace(volumes=Volumes(Catalogs()))
    warehouse = Warehouse(Config(), engine, Effects(), Clock(), Ids(1))
    return sorted({re.sub(r"\{[^}]*\}", "x", route.path) for group in GROUPS for route in group.routes(warehouse)})


@pytest.mark.parametrize("path", _routes())
def test_every_route_with_every_method_and_broken_bodies(server, path):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        for body in (None, b"{", b"[]", b'{"a":1}', b"\xff", b"[" * 100_000):
            status, answer = send(server, method, path, body)
            assert status < 500, (method, path, status, answer[:200])
            assert status < 400 or is_service_error(answer), (method, path, answer[:200])


VALUES = [None, True, 5, -1, 1e308, 10**30, "", "x", "\x00", "\ud800", [], [1], {}, {"a": 1}, [[]], [None], [{}], "9" * 5000]
FIELDS = {
    SQL + "/sessions": ["warehouse_id", "catalog", "schema", "session_confs", "session_configuration"],
    STATEMENTS: [
        "warehouse_id", "session_id", "statement", "wait_timeout", "on_wait_timeout", "disposition", "format", "row_limit",
        "byte_limit", "parameters", "query_tags", "catalog", "schema", "result_compression",
    ],
    "/_lw/faults": ["fault", "at", "do", "match", "times", "rate"],
    "/_lw/clock": ["advance_s", "skew_s"],
    "/_lw/tokens/revoke": ["token"],
    "/_lw/listeners": ["origin"],
    "/_lw/oidc": ["expires_in", "rotate_refresh", "clients", "jwt_keys", "aad_location", "host_type", "authorize_error"],
    "/_lw/flags": ["flags", "telemetry", "ttl_seconds"],
    "/telemetry-ext": ["protoLogs", "uploadTime", "items"],
    "/api/2.0/fs/create-upload-url": ["path"],
}  # fmt: skip


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in FIELDS.items() for field in fields])
def test_every_field_with_every_kind_of_value(server, path, field):
    base = {"warehouse_id": "local", "statement": "SELECT 1"} if path.startswith(SQL) else {}
    for value in VALUES:
        status, answer = send(server, "POST", path, json.dumps({**base, field: value}).encode())
        assert status < 500, (path, field, value, answer[:200])
        assert status < 400 or is_service_error(answer), (path, field, value, answer[:200])


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        # The service takes JSON for what it is; what is not JSON is refused, whatever it is called.
        ("text/plain", b'{"warehouse_id":"local","statement":"SELECT 1"}', 200),
        ("application/x-www-form-urlencoded", b'{"warehouse_id":"local","statement":"SELECT 1"}', 200),
        ("application/x-www-form-urlencoded", b"warehouse_id=local&statement=SELECT+1", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nSELECT 1\r\n--x--", 400),
        ("application/xml", b"<statement>SELECT 1</statement>", 400),
        ("application/json; charset=utf-16", '{"warehouse_id":"local"}'.encode("utf-16"), 400),
        ("application/json", b"\xef\xbb\xbf{}", 400),
        ("application/json", b'{"a":1}{"a":2}', 400),
        ("application/json", b'{"a":NaN,}', 400),
        ("\x80\xff", b"{", 400),
    ],
)
def test_content_types(server, kind, body, status):
    answer = send(server, "POST", STATEMENTS, body, content_type=kind)
    assert answer[0] == status, answer
    if status == 400:
        assert json.loads(answer[1])["error_code"] in ("MALFORMED_REQUEST", "INVALID_PARAMETER_VALUE")


def test_a_packed_body_is_refused(server):
    import gzip

    body = gzip.compress(b'{"warehouse_id":"local","statement":"SELECT 1"}')
    status, answer = send(server, "POST", STATEMENTS, body, content_encoding="gzip")
    assert (status, json.loads(answer)["error_code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"statement":[', b'[{"a":'])
@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_deep_json(server, opening, depth):
    status, answer = send(server, "POST", STATEMENTS, opening * depth)
    assert (status, json.loads(answer)["error_code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("field", ["parameters", "query_tags", "session_id"])
def test_deep_but_whole_json(server, field):
    deep = "[" * 500 + "]" * 500
    body = f'{{"warehouse_id":"local","statement":"SELECT 1","{field}":{deep}}}'.encode()
    status, answer = send(server, "POST", STATEMENTS, body)
    assert status == 400 and is_service_error(answer)


@pytest.mark.parametrize(
    "comment",
    [
        "/*lw:*/", "/*lw: */", "/*lw: fault=*/", "/*lw: fault=storage.get*/", "/*lw: fault=storage.get:*/", "/*lw: =*/",
        "/*lw: fault=storage.get#:reset*/", "/*lw: fault=storage.get#99999999999999999999:reset*/", "/*lw: chunk_rows=-1*/",
        "/*lw: chunk_rows=99999999999999999999999*/", "/*lw: pending=1e9*/", "/*lw: nonsense=1*/", "/*lw: fault=a:b(((((*/",
        "/*lw: fault=stmt.execute:status(99999)*/", "/*lw: fault=stmt.execute:status(x)*/", "/*lw: fault=stmt.execute:stall(-1)*/",
        "/*lw: fault=stmt.execute:nosuch*/", "/*lw: \x00*/", "/*lw: \ud800*/", "/*lw: fault=" + "(" * 10_000 + "*/",
        "/*lw: " + "chunk_rows=1," * 5_000 + "*/", "/*lw: " + " " * 100_000 + "*/", "/*lw: " + "=" * 100_000 + "*/",
        "/*" * 5_000, "/*lw: chunk_rows=10", "/*lw: /*lw: chunk_rows=1*/", "--lw: fault=stmt.execute:reset\n",
        "/*lw: fault=stmt.execute~2:reset*/", "/*lw: fault=stmt.execute~x:reset*/", "/*lw: links_per_page=0*/",
    ],
)  # fmt: skip
def test_hostile_comments(server, comment):
    """Refused with an error of the service, failed as a statement, or without meaning; soon, and never a 500."""
    started = time.monotonic()
    body = json.dumps({"warehouse_id": "local", "statement": comment + " SELECT 1"}).encode()
    status, answer = send(server, "POST", STATEMENTS, body)
    assert status in (200, 400), answer[:300]
    if status == 400:
        assert is_service_error(answer)
    else:
        assert json.loads(answer)["status"]["state"] in ("SUCCEEDED", "FAILED")
    assert time.monotonic() - started < 30, "no pattern may take for ever"


@pytest.mark.parametrize("header", ["", "=", "nonsense", "stmt.execute", "stmt.execute:status(x)", "a" * 60_000, "chunk_rows=x", ",,,,"])
def test_hostile_fault_headers(server, header):
    body = json.dumps({"warehouse_id": "local", "statement": "SELECT 1"}).encode()
    status, answer = send(server, "POST", STATEMENTS, body, x_lw_fault=header)
    assert status in (200, 400) and (status == 200 or is_service_error(answer))


@pytest.mark.parametrize("index", range(4))
def test_unknown_and_odd_ids(server, index):
    odd = ["no-such-id", "%2e%2e%2f%2e%2e", "%00", "x" * 8_000][index]
    for method, path in (
        ("GET", f"{STATEMENTS}/{odd}"),
        ("DELETE", f"{STATEMENTS}/{odd}"),
        ("POST", f"{STATEMENTS}/{odd}/cancel"),
        ("GET", f"{STATEMENTS}/{odd}/result/chunks/0"),
        ("DELETE", f"{SQL}/sessions/{odd}?warehouse_id=local"),
        ("POST", f"/_lw/sessions/{odd}/expire"),
        ("POST", f"/_lw/statements/{odd}/cancel"),
        ("GET", f"{SQL}/warehouses/{odd}"),
    ):
        status, answer = send(server, method, path)
        assert status == 404 and is_service_error(answer), (method, path, status, answer[:200])


# -- sizes ------------------------------------------------------------------------------------------
def test_a_large_body_of_unknown_length_is_refused(server):
    """Chunked, so that only counting tells; the server does not keep what it refuses."""
    with _connection(server) as client:
        client.sendall(b"POST /api/2.0/sql/statements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer bad-input\r\n"
                       b"transfer-encoding: chunked\r\n\r\n")  # fmt: skip
        part = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        try:
            for _ in range(70):
                client.sendall(part)
        except OSError:
            pass  # it may stop listening once it has answered
        status, answer = _answer(client)
        assert status == 413 and is_service_error(answer)


def test_the_journal_does_not_keep_huge_bodies(server):
    mark = server.journal_mark()
    text = "x" * 3_000_000
    assert server.rows(f"SELECT length('{text}')") == [(3_000_000,)]
    assert len(json.dumps(server.journal(mark))) < 300_000


# -- connections --------------------------------------------------------------------------------------
def _connection(server: Server, origin: str = "api") -> socket.socket:
    url = server.url if origin == "api" else server.storage_url
    host, port = url.split("//")[1].split(":")
    client = socket.create_connection((host, int(port)), timeout=60)
    return client


def _answer(client: socket.socket) -> tuple[int, bytes]:
    """Everything until the server closes, or the end of the first answer."""
    reply = http.client.HTTPResponse(client)
    reply.begin()
    return reply.status, reply.read()


HEAD = b"POST /api/2.0/sql/statements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer bad-input\r\n"
BROKEN_HEADS = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"GET / HTTP/1.1\r\na: b\x00c\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nZ\r\n",
]  # fmt: skip


@pytest.mark.parametrize("head", BROKEN_HEADS)
@pytest.mark.parametrize("origin", ["api", "storage"])
def test_what_is_no_http(server, origin, head):
    with _connection(server, origin) as client:
        client.sendall(head)
        status, answer = _answer(client)
        assert 400 <= status < 500, (status, answer)
        assert is_service_error(answer) if origin == "api" else answer.startswith(b"<?xml")


def test_a_head_without_end_is_cut_off(server):
    with _connection(server) as client:
        client.sendall(HEAD)
        try:
            for number in range(4_000):
                client.sendall(b"x-padding-%d: %s\r\n" % (number, b"y" * 100))
        except OSError:
            pass
        status, answer = _answer(client)
        assert status == 431 and is_service_error(answer)


@pytest.mark.parametrize("origin", ["api", "storage"])
def test_a_slow_head_is_cut_off(server, origin):
    """What a Slowloris does: a head that never ends."""
    clients = [_connection(server, origin) for _ in range(50)]
    for client in clients:
        client.sendall(HEAD[:-10])
    assert server.rows("SELECT 1") == [(1,)], "others do not wait"
    for client in clients:
        status, answer = _answer(client)
        assert status == 408 and (is_service_error(answer) if origin == "api" else answer.startswith(b"<?xml"))
        assert client.recv(1) == b"", "the connection is closed"
        client.close()


@pytest.mark.parametrize("body", [b"", b'{"warehouse_id":'])
def test_a_body_that_stops_is_cut_off(server, body):
    with _connection(server) as client:
        client.sendall(HEAD + b"content-length: 1000\r\n\r\n" + body)
        status, answer = _answer(client)
        assert status == 408 and is_service_error(answer)
        assert client.recv(1) == b""


def test_a_slow_but_steady_body_is_read(server):
    text = json.dumps({"warehouse_id": "local", "statement": "SELECT 'steady'"}).encode()
    with _connection(server) as client:
        client.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(text))
        for at in range(len(text)):
            client.sendall(text[at : at + 1])
        status, answer = _answer(client)
        assert status == 200 and b"steady" in answer


def test_clients_that_leave_in_the_middle(server):
    for head in (HEAD[:20], HEAD, HEAD + b"content-length: 100\r\n\r\n{"):
        with _connection(server) as client:
            client.sendall(head)
    assert server.rows("SELECT 1") == [(1,)]


def test_loopback_unless_told_otherwise(server):
    """The process listens on loopback addresses only; with another host it says so."""
    hexes = {line.split()[1].rsplit(":", 1)[0] for line in _listening(server)}
    assert hexes == {"0100007F"}
    with local_warehouse("--host", "0.0.0.0") as open_server:
        assert {line.split()[1].rsplit(":", 1)[0] for line in _listening(open_server)} == {"00000000"}


def _listening(server: Server) -> list[str]:
    with open("/proc/net/tcp") as file:
        lines = file.readlines()[1:]
    ports = {int(url.rsplit(":", 1)[1]) for url in (server.url, server.storage_url)}
    found = [line for line in lines if line.split()[3] == "0A" and int(line.split()[1].rsplit(":", 1)[1], 16) in ports]
    assert len(found) == 2
    return found


@pytest.mark.parametrize("opening", ["(", "array(", "named_struct('a', ", "-(", "CASE WHEN true THEN ("])
def test_deeply_nested_statements(server, opening):
    """Many levels are fine; thousands are an error, not the end of the server. Arrow's types may have 64."""
    closing = ") END" if opening.startswith("CASE") else ")"
    depth = 60 if opening.startswith(("array", "named")) else 100
    assert len(server.rows(f"SELECT {opening * depth}1{closing * depth} AS v", wait_timeout="50s")) == 1
    if depth == 60:
        status = server.error(f"SELECT {opening * 70}1{closing * 70}", wait_timeout="50s")
        assert "nested too deeply" in status["error"]["message"] and status["sql_state"] == "0A000"
    for sql in (f"SELECT {opening * 5000}1{closing * 5000}", f"INSERT INTO t VALUES ({opening * 5000}1{closing * 5000})"):
        assert "PARSE_SYNTAX_ERROR" in server.error(sql, wait_timeout="50s")["error"]["message"]
    assert server.rows("SELECT 1") == [(1,)]
