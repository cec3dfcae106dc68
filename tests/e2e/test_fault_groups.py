"""The list of faults of the local warehouse's specification (3.2), row by row: where each is tried against the library. The
table names rules of the catalogue (test_fault_catalogue.py, test_result_faults.py) or tests; what neither has is tested
here first. Groups: connection, status, body, result, Arrow, storage and memory, in full; the others have tests of their own
(test_auth_*.py, tests/ways, test_http2.py, src/net/http_tls_test.c, src/session)."""

from __future__ import annotations

import http.server
import re
import socket
import struct
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from abi_driver import DATA_LOSS, NETWORK_ERROR, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED
from abi_env import run_program, sanitizer
from test_fault_catalogue import all_rules, check
from test_result_faults import WANTED, chunked, outcome

HERE = Path(__file__).resolve().parent

# ---- what the catalogue does not have ----------------------------------------------------------------------------
MORE = [
    ("stmt.chunk#1:status(404)", NOT_FOUND),  # "not ready": a bounded wait and a typed error
    ("stmt.chunk#1:status(409)", "refused"),
    ("stmt.chunk:status(401)", UNAUTHENTICATED),
    ("stmt.execute:set(manifest.total_row_count,3000000000)", DATA_LOSS),
    ("storage.get?chunk=3:status(403), fault=storage.get?chunk=3:gzip", PERMISSION_DENIED),
]


@pytest.mark.parametrize(("fault", "code"), MORE, ids=[row[0] for row in MORE])
def test_more(session, fault, code):
    if code == "refused":
        rows, error = outcome(session.query(chunked(fault)))
        assert error is not None and error["http_status"] == 409 and rows == WANTED[: len(rows)], error
    else:
        check(session, chunked(fault), code)
    assert session.rows("SELECT 1") == [(1,)]


def test_a_gzipped_error_is_read(session):
    rule = "stmt.execute:status(403,<html>address not allowed</html>), fault=stmt.execute:gzip"
    _, error = outcome(session.query(f"/*lw: fault={rule}*/ SELECT 1"))
    assert error["code"] == PERMISSION_DENIED and "address not allowed" in error["message"], error


class HalfListener(http.server.BaseHTTPRequestHandler):
    """Opens sessions; of a statement it reads 64 KB and resets the connection."""

    protocol_version = "HTTP/1.1"
    statements = 0

    def log_message(self, *args) -> None: ...

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if self.path.split("?")[0].endswith("/statements"):
            type(self).statements += 1
            self.rfile.read(min(length, 65536))
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()  # with a reset
            return
        self.rfile.read(length)
        body = b'{"session_id":"s"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_POST


def test_a_reset_while_the_statement_is_sent(probe):
    """Half of a large statement is out: the error says that it may have run, and it is not sent again."""
    HalfListener.statements = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), HalfListener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", http_path="/sql/1.0/warehouses/w", token="x")
        session = probe.open(where)
        statement = session.statement("SELECT '" + "x" * 2_000_000 + "'")
        answer = probe.call("kernel_statement_execute", statement, "never").fails(NETWORK_ERROR)
        assert answer["info"]["may_have_executed"] is True and answer["error"]["retryable"] is False
        probe.call("kernel_statement_close", statement).ok()
        session.close()
        server.shutdown()
    assert HalfListener.statements == 1


def test_a_statement_that_is_gone_when_polled(session):
    _, error = outcome(session.query("/*lw: pending=3, fault=stmt.get#2:status(404)*/ SELECT 1"))
    assert error["code"] == NOT_FOUND and error["query_id"], error


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_a_server_whose_clock_is_off_by_two_hours(session, warehouse, skew_s):
    warehouse.advance_clock(skew_s)
    try:
        rows, error = outcome(session.query(chunked()))
    finally:
        warehouse.advance_clock(-skew_s)
    assert error is None and rows == WANTED


def test_chunks_of_one_row(session):
    """A thousand of them here, 100,000 in `make soak`."""
    rows, error = outcome(session.query(chunked(hints="chunk_rows=1, links_per_page=50, disposition=external")))
    assert error is None and rows == WANTED


@pytest.mark.skipif(sanitizer() != "", reason="NOT RUN: a sanitizer's runtime must come before a preloaded library")
def test_a_name_whose_first_address_is_dead(build_dir, warehouse):
    """names_shim.c: dead-first.test is ::1, where nobody listens, and then 127.0.0.1."""
    env = {"LD_PRELOAD": str(build_dir / "tests" / "libnames_shim.so")}
    url = warehouse.url.replace("127.0.0.1", "dead-first.test")
    done = run_program(build_dir / "tests" / "async_calls", url, "embedded", "queries", env=env)
    assert done.stdout == "queries\n" and done.stderr == ""


# ---- the table ------------------------------------------------------------------------------------------------------
THIS = "tests/e2e/test_fault_groups.py"
RESULTS = "tests/e2e/test_result_faults.py"
CATALOGUE = "tests/e2e/test_fault_catalogue.py"
GROUPS = {
    "connection": {
        "refuse": "src/net/http_test.c::http_refused_connection",
        "accept then silence": "storage.get#1?chunk=3:silence",
        "reset before request read": "storage.get#1?chunk=0:reset(before)",
        "reset after the request was executed": f"{RESULTS}::test_effects_happen_once",
        "reset mid-body": "storage.get#1?chunk=3:reset(100)",
        "half-close": "storage.get#1?chunk=3:halfclose(50)",
        "idle keep-alive closed as the next request comes": "stmt.chunk:dropnext",
        "the same for a statement": "src/sea/call_test.c::call_execute_on_a_dying_pooled_connection",
        "slow body": "storage.get?chunk=3:slow(200B/10ms)",
        "stall after headers": "storage.get#1?chunk=3:stallbody(20,50)",
        "RST during upload": f"{THIS}::test_a_reset_while_the_statement_is_sent",
        "name with a dead first address": f"{THIS}::test_a_name_whose_first_address_is_dead",
        "Content-Length too long": "storage.get#1?chunk=3:length(+5)",
        "Content-Length too short": "storage.get?chunk=3:length(-5)",
        "chunked with a bad chunk": "storage.get#1?chunk=3:badchunk",
        "100-continue ignored": "stmt.execute:nocontinue",
        "header block over 64 KiB": "storage.get?chunk=3:headers(70000)",
        "NUL in a header": "storage.get#1?chunk=3:nulheader",
    },
    "status": {
        "429 without Retry-After": "stmt.chunk:status(429)",
        "503 without Retry-After": "stmt.chunk:status(503)",
        "Retry-After in seconds": "stmt.chunk#1:status(429,slow,1)",
        "Retry-After as a date": "stmt.chunk#1:status(503,slow,'Wed, 21 Oct 2015 07:28:00 GMT')",
        "Retry-After 0": "stmt.chunk#1:status(429,slow,0)",
        "Retry-After negative": "stmt.chunk#1:status(429,slow,-5)",
        "Retry-After huge": "stmt.chunk#1:status(429,slow,999999999)",
        "Retry-After garbage": "stmt.chunk#1:status(429,slow,soon)",
        "500": "stmt.execute:status(500)",
        "502 with HTML": "stmt.chunk#1:status(502,<html>bad</html>)",
        "504": "stmt.chunk#1:status(504)",
        "401 mid-stream": f"{THIS}::stmt.chunk:status(401)",
        "403 HTML": "stmt.execute:status(403,<html>no</html>)",
        "404": "stmt.chunk:status(404)",
        "302 to a login page": "stmt.execute:redirect(/login.html)",
        "200 with HTML": "stmt.execute:html",
        "204": "stmt.execute:status(204)",
        "413": "stmt.chunk:status(413)",
        "gzip'd error": f"{THIS}::test_a_gzipped_error_is_read",
    },
    "body": {
        "truncated JSON": "stmt.execute:json(truncated)",
        "BOM": "stmt.execute:json(bom)",
        "duplicate keys": "stmt.execute:json(duplicates)",
        "numbers as strings": "stmt.execute:json(strings)",
        "strings as numbers": "stmt.execute:json(numbers)",
        "nulls for every optional field": "stmt.execute:json(nulls)",
        "unknown extra fields": "stmt.execute:json(extra)",
        "unknown state": "stmt.execute:state(BOGUS)",
        "missing manifest": "stmt.execute:drop(manifest)",
        "missing result": "stmt.execute:drop(result)",
        "invalid base64": "stmt.execute:badbase64",
        "5 MB error message": "stmt.execute:bigerror(5MB)",
        "invalid UTF-8": "stmt.execute:json(utf8)",
        "deep nesting": "stmt.execute:json(deep)",
    },
    "result": {
        "chunk count 0": "stmt.execute:set(manifest.total_chunk_count,0)",
        "chunk count huge": "stmt.execute:set(manifest.total_chunk_count,1000000000)",
        "chunk count negative": "stmt.execute:set(manifest.total_chunk_count,-1)",
        "row_count too high": "stmt.execute:rows(1)",
        "row_count too low": "stmt.execute:rows(-1)",
        "padding rows": f"{CATALOGUE}::test_chunks_of_odd_sizes",
        "gap of row_offset": "stmt.execute:gap(5)",
        "overlap of row_offset": "stmt.execute:gap(-5)",
        "manifest columns: count": "stmt.execute:columns(extra)",
        "manifest columns: names": "stmt.execute:columns(rename)",
        "manifest columns: types": "stmt.execute:columns(retype)",
        "schema changes between chunks": "storage.get?chunk=3:arrow(retyped)",
        "empty chunk in the middle": f"{CATALOGUE}::test_chunks_of_odd_sizes",
        "duplicate links": "stmt.chunk:duplinks",
        "links out of order": "stmt.chunk:shufflelinks",
        "next_chunk_index loop": "stmt.chunk:loop",
        "chunk not ready (404)": f"{THIS}::stmt.chunk#1:status(404)",
        "chunk not ready (409)": f"{THIS}::stmt.chunk#1:status(409)",
        "truncated: true": "stmt.execute:set(manifest.truncated,true)",
        "LZ4 declared, raw": "storage.get?chunk=3:lz4(raw)",
        "raw declared, LZ4": "storage.get?chunk=3:lz4(pack)",
        "concatenated LZ4 frames": "storage.get?chunk=3:lz4(concat)",
        "LZ4 bad checksum": "storage.get?chunk=3:lz4(checksum)",
        "LZ4 truncated frame": "storage.get?chunk=3:lz4(truncated)",
        "decompression bomb": "storage.get?chunk=3:lz4(bomb,64MB)",
    },
    "Arrow": {
        "truncated body": "storage.get?chunk=3:arrow(truncated)",
        "no end-of-stream marker": "storage.get:arrow(noeos)",
        "no schema": "storage.get?chunk=3:arrow(noschema)",
        "metadata length 0x7fffffff": "storage.get?chunk=3:arrow(hugelen)",
        "declared lengths cost nothing": "src/arrow/ipc_error_test.c::ipc_error_declared_lengths_cost_nothing",
        "offsets out of range": "storage.get?chunk=3:arrow(offsets)",
        "negative lengths": "storage.get?chunk=3:arrow(negative)",
        "dictionary batches": "storage.get:arrow(dictionary)",
        "delta dictionaries": f"{CATALOGUE}::test_dictionaries_that_grow",
        "buffer-level LZ4": "storage.get:arrow(bufferlz4)",
        "buffer-level ZSTD": "storage.get:arrow(bufferzstd)",
        "big-endian": "storage.get?chunk=3:arrow(bigendian)",
        "legacy framing": "storage.get:arrow(legacy)",
        "decimal256": "storage.get?chunk=3:arrow(decimal256)",
        "large_utf8": "storage.get:arrow(largeutf8)",
        "string_view": "storage.get:arrow(stringview)",
        "run-end encoding": f"{CATALOGUE}::test_run_ends",
        "over 2^31 rows in all": f"{THIS}::stmt.execute:set(manifest.total_row_count,3000000000)",
        "zero columns": "storage.get?chunk=3:arrow(zerocolumns)",
        "cut between two messages": "storage.get?chunk=3:arrow(fewer)",
        "zero-row attachment": "src/result/result_test.c::a_zero_row_attachment_gives_its_schema",
    },
    "storage": {
        "403 once": "storage.get#1?chunk=3:status(403)",
        "403 always": "storage.get?chunk=3:status(403)",
        "404": "storage.get?chunk=0:status(404)",
        "503": "storage.get?chunk=3:status(503)",
        "redirect": "storage.get?chunk=3:redirect(/nowhere)",
        "redirect: one hop and loop": "src/net/http_test.c::http_redirects",
        "slow": "storage.get?chunk=3:slow(200B/10ms)",
        "stall": "storage.get#1?chunk=3:stall(20)",
        "truncated": "storage.get#1?chunk=3:truncate",
        "Range ignored": "storage.get?chunk=3:norange",
        "gzip content-encoding": "storage.get?chunk=3:gzip",
        "HTML under 200": "storage.get?chunk=3:html",
        "link expired": "stmt.chunk#1:expired",
        "link expires in 5 s": "stmt.execute:expired(5)",
        "clock skew of 2 hours": f"{THIS}::test_a_server_whose_clock_is_off_by_two_hours",
        "link host unresolvable": "stmt.execute:linkhost(nowhere.invalid)",
        "odd link path": "stmt.execute:oddpath",
    },
    "memory": {
        "10,000 columns": f"{CATALOGUE}::test_ten_thousand_columns",
        "100 MB cell": f"{CATALOGUE}::test_one_cell_of_a_hundred_megabytes",
        "chunks of one row": f"{THIS}::test_chunks_of_one_row",
        "nested depth": "src/arrow/ipc_error_test.c::spoil_depth",
        "consumer never reads": "src/result/result_test.c::a_small_budget_pauses_and_goes_on",
        "a process full of results": "src/result/result_test.c::a_full_process_leaves_each_stream_its_chunk_being_read",
    },
}
ROWS = [(group, fault, place) for group, faults in GROUPS.items() for fault, place in faults.items()]


@pytest.mark.parametrize(("group", "fault", "place"), ROWS, ids=[f"{group}: {fault}" for group, fault, _ in ROWS])
def test_row(group, fault, place):
    if "::" not in place:
        assert place in all_rules()
        return
    path, name = place.split("::", 1)
    if ":" in name:
        assert name in [rule for rule, _ in MORE]
    else:
        assert re.search(rf"\b{name}\b", (HERE.parents[1] / path).read_text())
