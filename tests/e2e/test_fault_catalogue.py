"""The catalogue of faults of the local warehouse against the library: each has its outcome here.

A fault passes (the same rows come) or stays (a typed error, and only right rows before it). The last
tests are about this table itself: a fault that the warehouse learns has to get a row.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import test_result_faults as faults
from abi_driver import (
    DATA_LOSS,
    INTERNAL,
    INVALID_ARGUMENT,
    NETWORK_ERROR,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    TIMEOUT,
    UNAUTHENTICATED,
    UNAVAILABLE,
)
from test_result_faults import WANTED, chunked, outcome

from warehouse.faults.rules import _ARROW, ACTIONS

SAME = None
INLINE = "chunk_rows=100, disposition=inline"
LZ4 = "chunk_rows=100, links_per_page=2, disposition=external, compression=lz4"

CONNECTION = [
    ("storage.get#1?chunk=3:close", SAME),
    ("storage.get#1?chunk=3:close(before)", SAME),
    ("storage.get#1?chunk=3:close(after)", SAME),
    ("storage.get#1?chunk=3:reset(after)", SAME),
    ("storage.get#1?chunk=3:reset(100)", SAME),
    ("storage.get#1?chunk=3:rawclose(50)", SAME),
    ("storage.get#1?chunk=3:halfclose(50)", SAME),
    ("storage.get#1?chunk=3:length(+5)", SAME),
    ("storage.get#1?chunk=3:length(-5)", SAME),
    ("storage.get?chunk=3:length(-5)", DATA_LOSS),
    ("storage.get?chunk=3:chunked", SAME),
    ("storage.get#1?chunk=3:badchunk", SAME),
    ("storage.get?chunk=3:headers(70000)", SAME),
    ("storage.get#1?chunk=3:nulheader", SAME),
    ("storage.get?chunk=3:dropnext", SAME),
    ("stmt.chunk#1:reset(before)", SAME),
    ("stmt.chunk#1:close", SAME),
    ("stmt.chunk#1:rawclose(50)", SAME),
    ("stmt.chunk#1:halfclose", SAME),
    ("stmt.chunk#1:length(+5)", SAME),
    ("stmt.chunk:length(-5)", DATA_LOSS),
    ("stmt.chunk:chunked", SAME),
    ("stmt.chunk#1:badchunk", SAME),
    ("stmt.chunk:headers(70000)", SAME),
    ("stmt.chunk#1:nulheader", SAME),
    ("stmt.chunk:dropnext", SAME),
    ("stmt.execute:nocontinue", SAME),
]
# With a short patience: nothing comes, and that is noticed.
SILENT = [
    ("storage.get#1?chunk=3:silence", SAME),
    ("storage.get#1?chunk=3:silence(after)", SAME),
    ("storage.get#1?chunk=3:stall(20)", SAME),
    ("storage.get#1?chunk=3:stallbody(20,50)", SAME),
    ("stmt.chunk#1:silence", SAME),
    ("stmt.chunk#1:stallbody(20,50)", SAME),
    ("stmt.chunk:silence", TIMEOUT),
]
STATUS = [
    ("storage.get?chunk=3:status(413)", INVALID_ARGUMENT),
    ("storage.get#1?chunk=3:status(204)", SAME),
    ("storage.get?chunk=3:status(204)", DATA_LOSS),
    ("storage.get#1?chunk=3:bigerror(5MB)", SAME),
    ("stmt.chunk:status(413)", INVALID_ARGUMENT),
    ("stmt.chunk:status(204)", DATA_LOSS),
    ("stmt.chunk:status(403,<html>no</html>)", PERMISSION_DENIED),
    ("stmt.chunk:redirect(/login.html)", UNAUTHENTICATED),
    ("stmt.chunk#1:status(429,slow,0)", SAME),
    ("stmt.chunk#1:status(429,slow,1)", SAME),
    ("stmt.chunk#1:status(429,slow,-5)", SAME),
    ("stmt.chunk#1:status(429,slow,soon)", SAME),
    ("stmt.chunk#1:status(429,slow,999999999)", SAME),
    ("stmt.chunk#1:status(503,slow,'Wed, 21 Oct 2015 07:28:00 GMT')", SAME),
    ("stmt.chunk:status(429)", RESOURCE_EXHAUSTED),
    ("stmt.chunk:status(503)", UNAVAILABLE),
    ("stmt.chunk#1:status(502,<html>bad</html>)", SAME),
    ("stmt.chunk#1:status(504)", SAME),
    ("stmt.chunk#1:gzip", SAME),
    ("stmt.execute:status(204)", DATA_LOSS),
    ("stmt.execute:status(403,<html>no</html>)", PERMISSION_DENIED),
    ("stmt.execute:redirect(/login.html)", UNAUTHENTICATED),
    ("stmt.execute:bigerror(5MB)", INTERNAL),
    ("stmt.execute:gzip", SAME),
]
BODY = [
    *[(f"stmt.execute:json({kind})", SAME) for kind in ("duplicates", "extra", "deep")],
    *[(f"stmt.chunk:json({kind})", SAME) for kind in ("duplicates", "extra", "deep")],
    *[
        (f"{point}:json({kind})", DATA_LOSS)
        for point in ("stmt.execute", "stmt.chunk")
        for kind in ("truncated", "bom", "strings", "numbers", "utf8", "array", "empty", "null")
    ],
    ("stmt.execute:json(nulls)", DATA_LOSS),
    ("stmt.chunk:json(nulls)", DATA_LOSS),
    ("stmt.execute:state(BOGUS)", DATA_LOSS),
    ("stmt.execute:drop(manifest)", DATA_LOSS),
    ("stmt.execute:drop(manifest.schema)", DATA_LOSS),
    ("stmt.execute:drop(result)", SAME),
]
RESULT = [
    ("stmt.execute:set(manifest.total_chunk_count,0)", SAME),
    ("stmt.execute:set(manifest.total_chunk_count,-1)", DATA_LOSS),
    ("stmt.execute:set(manifest.total_chunk_count,1000000000)", NOT_FOUND),
    ("stmt.execute:set(manifest.total_row_count,-1)", DATA_LOSS),
    ("stmt.execute:gap(5)", DATA_LOSS),
    ("stmt.execute:gap(-5)", DATA_LOSS),
    ("stmt.chunk:gap(5)", DATA_LOSS),
    ("stmt.execute:duplinks", SAME),
    ("stmt.chunk:duplinks", SAME),
    ("stmt.execute:shufflelinks", SAME),
    ("stmt.chunk:shufflelinks", SAME),
    ("stmt.execute:columns(extra)", DATA_LOSS),
    ("stmt.execute:columns(rename)", SAME),
    ("stmt.execute:columns(retype)", SAME),
    ("stmt.execute:set(manifest.truncated,true)", SAME),
    ("stmt.chunk:rows(100)", DATA_LOSS),
]
ARROW = [
    ("storage.get#1?chunk=3:arrow(truncated)", SAME),
    ("storage.get?chunk=3:arrow(truncated)", DATA_LOSS),
    *[(f"storage.get:arrow({kind})", SAME) for kind in ("noeos", "renamed", "largeutf8", "stringview", "bufferlz4", "bufferzstd", "legacy")],
    ("storage.get:arrow(dictionary)", SAME),
    *[
        (f"storage.get?chunk=3:arrow({kind})", DATA_LOSS)
        for kind in ("noschema", "hugelen", "negative", "offsets", "bigendian", "empty", "fewer", "zerocolumns", "retyped", "decimal256", "dictionary", "deep")
    ],
]
STORAGE = [
    ("storage.get?chunk=3:redirect(/nowhere)", NOT_FOUND),
    ("storage.get?chunk=3:norange", SAME),
    ("storage.get?chunk=3:gzip", SAME),
    ("stmt.execute:linkhost(nowhere.invalid)", SAME),
    ("stmt.execute:linkhost(127.0.0.1:1)", SAME),
    ("stmt.chunk:linkhost(127.0.0.1:1)", NETWORK_ERROR),
    ("stmt.execute:oddpath", SAME),
    ("stmt.chunk:oddpath", SAME),
    ("stmt.execute:expired(5)", SAME),
    ("stmt.chunk:expired", PERMISSION_DENIED),
]
PACKED = [
    ("storage.get?chunk=3:lz4(raw)", DATA_LOSS),
    ("storage.get?chunk=3:lz4(concat)", SAME),
    ("storage.get?chunk=3:lz4(checksum)", DATA_LOSS),
    ("storage.get?chunk=3:lz4(truncated)", DATA_LOSS),
    ("storage.get?chunk=3:lz4(bomb,64MB)", DATA_LOSS),
]
UNPACKED = [("storage.get?chunk=3:lz4(pack)", DATA_LOSS)]
ATTACHED = [
    ("stmt.chunk?chunk=2:arrow(bigendian)", DATA_LOSS),
    ("stmt.chunk?chunk=2:arrow(hugelen)", DATA_LOSS),
    ("stmt.chunk?chunk=2:lz4(bomb,64MB)", DATA_LOSS),
    ("stmt.chunk?chunk=2:lz4(truncated)", DATA_LOSS),
    ("stmt.execute:badbase64", DATA_LOSS),
    ("stmt.chunk?chunk=2:badbase64", DATA_LOSS),
]


def check(session, statement, code):
    rows, error = outcome(session.query(statement))
    assert rows == WANTED[: len(rows)]
    if code is SAME:
        assert error is None
        assert rows == WANTED
    else:
        assert error is not None, f"{len(rows)} rows and no error"
        assert error["code"] == code, error
        assert len(error["message"]) < 20_000


LINKS = CONNECTION + STATUS + BODY + RESULT + ARROW + STORAGE


@pytest.mark.parametrize(("fault", "code"), LINKS, ids=[row[0] for row in LINKS])
def test_links(session, fault, code):
    check(session, chunked(fault), code)
    assert session.rows("SELECT 1") == [(1,)]  # nothing but that result is broken


@pytest.mark.parametrize(("fault", "code"), SILENT, ids=[row[0] for row in SILENT])
def test_silence(probe, warehouse, fault, code):
    session = probe.open(warehouse, timeout_ms=1500, retry=(10, 20, 1, 5000))
    check(session, chunked(fault), code)
    session.close()


@pytest.mark.parametrize(("fault", "code"), PACKED, ids=[row[0] for row in PACKED])
def test_compressed_chunks(session, fault, code):
    check(session, chunked(fault, LZ4), code)
    check(session, chunked(hints=LZ4), SAME)  # a decoder that was left inside a frame spoils nothing


@pytest.mark.parametrize(("fault", "code"), UNPACKED, ids=[row[0] for row in UNPACKED])
def test_plain_chunks(session, fault, code):
    check(session, chunked(fault, LZ4.replace("compression=lz4", "compression=none")), code)


@pytest.mark.parametrize(("fault", "code"), ATTACHED, ids=[row[0] for row in ATTACHED])
def test_attachments(session, fault, code):
    check(session, chunked(fault, INLINE), code)


def test_dictionaries_that_grow(session):
    """Each chunk: 50 texts, then its 100, of which the declared 50 are kept."""
    rows, error = outcome(session.query(chunked("storage.get:arrow(deltadictionary)")))
    assert error is None
    assert rows == [(str(chunk * 100 + i % 50),) for chunk in range(10) for i in range(100)]


def test_run_ends(session):
    """Exported as they are: the reader of these tests does not expand them, so rows are counted."""
    running = session.execute(chunked("storage.get:arrow(runends)"))
    assert running.drain()["rows"] == len(WANTED)
    running.close()


@pytest.mark.parametrize("hint", ["pad_rows=7", "empty_chunk=3"])
def test_chunks_of_odd_sizes(session, hint):
    check(session, chunked(hints=f"chunk_rows=100, disposition=external, {hint}"), SAME)


# ---- memory ---------------------------------------------------------------------------------------
def test_ten_thousand_columns(session):
    names = ", ".join(f"{i} AS c{i}" for i in range(10_000))
    assert session.rows(f"SELECT {names}") == [tuple(range(10_000))]


def test_one_cell_of_a_hundred_megabytes(session):
    done = session.execute("SELECT repeat('x', 100000000) AS cell")
    assert done.drain("hash")["rows"] == 1
    done.close()


# ---- the table itself -----------------------------------------------------------------------------
# Faults of sign-in, TLS and of the life of a statement: where they are looked at.
ELSEWHERE = {
    "revoke": "tests/warehouse/test_faults.py",
    "expiresession": "src/session",
    "oautherror": "tests/e2e/test_auth_m2m.py",
    "ignore": "tests/e2e/test_result_faults.py",
    "late": "tests/warehouse",
    "reuse": "tests/warehouse",
    "failed": "tests/warehouse",
    "refuse": "src/net/http_test.c",
    "handshake": "src/net/http_tls_test.c",
    "cert": "src/net/http_tls_test.c",
    "tls": "src/net/http_tls_test.c",
    "clientcert": "src/net/http_tls_test.c",
    "goaway": "tests/e2e/test_http2.py",
    "refusestream": "tests/e2e/test_http2.py",
    "rststream": "tests/e2e/test_http2.py",
    "pings": "tests/e2e/test_http2.py",
    "holdwindow": "tests/e2e/test_http2.py",
    "streams": "tests/e2e/test_http2.py",
}


def all_rules() -> list[str]:
    here = LINKS + SILENT + PACKED + UNPACKED + ATTACHED
    there = [*faults.STAYING, *faults.INLINE_STAYING, *faults.EXECUTE]
    alone = ["storage.get:arrow(deltadictionary)", "storage.get:arrow(runends)"]
    return [row[0] for row in here] + [row[0] for row in there] + faults.PASSING + alone


def kinds_of(action: str) -> set[str]:
    return {found[1] for rule in all_rules() if (found := re.search(rf":{action}\((\w+)", rule))}


def test_every_action_has_a_row():
    used = {re.sub(r"\(.*", "", rule.split(":", 1)[1]) for rule in all_rules()}
    assert set(ACTIONS) - used - set(ELSEWHERE) == set()
    assert used & set(ELSEWHERE) == set()  # a name that moved here is not listed as missing


def test_every_kind_has_a_row():
    assert set(_ARROW.split()) - kinds_of("arrow") == set()
    for action in ("json", "lz4", "columns"):
        wanted = set(re.findall(r"[a-z0-9]{3,}", ACTIONS[action][1].split("(?:")[0]))
        assert wanted - kinds_of(action) - {"drop"} == set(), action


def test_elsewhere_exists():
    top = Path(__file__).resolve().parents[2]
    assert [place for place in ELSEWHERE.values() if not (top / place).exists()] == []


# What the closed kernel does wrong or right (specification of the local warehouse, 3.3), and the row or
# test that says what ours does.
PEER = {
    "storage 403 once": "storage.get#1?chunk=3:status(403)",
    "storage 403 always": "storage.get?chunk=3:status(403)",
    "expiration in the past": "stmt.chunk#1:expired",
    "a clock that is off": "tests/e2e/test_result_faults.py::test_links_that_expired_while_nobody_read",
    "storage 200 with HTML": "storage.get?chunk=3:html",
    "eight hostile bytes": "storage.get?chunk=3:arrow(hugelen)",
    "declared lengths cost nothing": "src/arrow/ipc_error_test.c::ipc_error_declared_lengths_cost_nothing",
    "storage 404": "storage.get?chunk=0:status(404)",
    "chunk link 404": "stmt.chunk:status(404)",
    "next-link loop": "stmt.chunk:loop",
    "declared 5, holds 3": "stmt.execute:rows(1)",
    "truncated": "stmt.execute:set(manifest.truncated,true)",
    "success without manifest": "stmt.execute:drop(manifest)",
    "success without manifest and result": "stmt.execute:json(nulls)",
    "success of what returns nothing": "src/session/run_test.c::no_manifest_is_no_rows_where_none_were_asked_for",
    "manifest 2 columns, Arrow 1": "stmt.execute:columns(extra)",
    "execute 500": "stmt.execute:status(500)",
    "execute reset": "stmt.execute:reset",
    "execute truncated": "stmt.execute:truncate",
    "execute 503 with Retry-After": "stmt.execute:status(503,busy,0)",
    "302 to a login page": "stmt.execute:redirect(/login.html)",
    "403 HTML": "stmt.execute:status(403,<html>no</html>)",
    "5 MB error body": "stmt.execute:bigerror(5MB)",
    "stall of the API": "tests/e2e/test_result_faults.py::test_stalled_api_times_out",
    "stall of storage": "storage.get#1?chunk=3:stall(20)",
    "a second download of a straggler": "src/result/result_test.c::a_download_that_goes_quiet_is_started_a_second_time",
    "raw data under LZ4": "storage.get?chunk=3:lz4(raw)",
    "no end-of-stream marker": "storage.get:arrow(noeos)",
    "gzip from storage": "storage.get?chunk=3:gzip",
    "negative counts": "stmt.execute:set(manifest.total_row_count,-1)",
    "duplicate links": "stmt.execute:duplinks",
    "padding, empty chunk in the middle": "tests/e2e/test_fault_catalogue.py::test_chunks_of_odd_sizes",
    "each link asked for once": "src/result/result_test.c::links_are_asked_for_one_after_another",
}


@pytest.mark.parametrize("row", PEER)
def test_rows_of_the_peer(row):
    rule = PEER[row]
    if "::" in rule:
        path, name = rule.split("::")
        assert re.search(rf"\b{name}\b", (Path(__file__).resolve().parents[2] / path).read_text())
    else:
        assert rule in all_rules()
