"""What goes wrong between the first row and the last: faults of storage and of the API, a server that
dies, cancelling, forking, sharing. Every test is bounded; nothing here counts on a delay."""

from __future__ import annotations

import os
import signal
import time

import pytest
from abi_driver import (
    CANCELLED,
    DATA_LOSS,
    INTERNAL,
    INVALID_ARGUMENT,
    INVALID_HANDLE,
    NETWORK_ERROR,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    SUCCESS,
    TIMEOUT,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Probe,
    rows_of,
    wait_until,
)
from abi_env import LIBRARY, sanitizer
from warehouse.testing import local_warehouse

ROWS = 1000
SOON_S = 30  # what waits for no fault of a minute, on whatever machine
WANTED = [(i,) for i in range(ROWS)]


def chunked(fault: str = "", hints: str = "chunk_rows=100, links_per_page=2, disposition=external", rows: int = ROWS) -> str:
    """Ten chunks, two links per answer, with a fault in between."""
    fault = f", fault={fault}" if fault else ""
    return f"/*lw: {hints}{fault}*/ SELECT id FROM range({rows}) ORDER BY id"


def outcome(seen: dict) -> tuple[list[tuple], dict | None]:
    """The rows that came, and the error that ended them, if one did."""
    error = seen["error"] or seen.get("schema_error") or seen.get("read_error")
    return rows_of(seen) if "batches" in seen else [], error


# ---- a fault that passes: the same rows -----------------------------------------------------------
PASSING = [
    "storage.get#1?chunk=3:status(403)",
    "storage.get#1?chunk=0:status(403)",
    "storage.get#1?chunk=3:status(401)",
    "storage.get#1?chunk=3:status(404)",
    "storage.get#1?chunk=9:status(410)",
    "storage.get#1..2?chunk=3:status(500)",
    "storage.get#1?chunk=3:status(503,busy,0)",
    "storage.get#1?chunk=3:status(429)",
    "storage.get#1?chunk=3:reset",
    "storage.get#1?chunk=0:reset(before)",
    "storage.get#1?chunk=3:truncate",
    "storage.get#1?chunk=3:truncate(0)",
    "storage.get#1?chunk=3:truncate(1)",
    "storage.get#1?chunk=3:html",
    "storage.get#1?chunk=3:garbage",
    "storage.get#1?chunk=3:expired",
    "storage.get?chunk=3:slow(200B/10ms)",
    "stmt.execute:expired",
    "stmt.chunk#1:expired",
    "stmt.execute:nolinks",
    "stmt.chunk#1..2:status(500)",
    "stmt.chunk#1:reset",
    "stmt.chunk#1:truncate",
    "stmt.close:status(500)",
    "stmt.close:reset",
]


@pytest.mark.parametrize("fault", PASSING)
def test_same_rows(session, fault):
    rows, error = outcome(session.query(chunked(fault)))
    assert error is None
    assert rows == WANTED


@pytest.mark.parametrize("compression", ["lz4", "none"])
@pytest.mark.parametrize("at", [8, 100, 300, 700])
def test_cut_anywhere_same_rows(session, compression, at):
    """A file that ends too early is fetched again; rows that were already given out do not come twice."""
    hints = f"chunk_rows=400, disposition=external, compression={compression}"
    rows, error = outcome(session.query(chunked(f"storage.get#1?chunk=1:truncate({at})", hints)))
    assert error is None
    assert rows == WANTED


def test_links_that_expired_while_nobody_read(probe, warehouse):
    """Half an hour passes on the server between execute and the first row: fresh links, the same rows."""
    session = probe.open(warehouse)
    running = session.execute(chunked(hints="chunk_rows=10, links_per_page=4, disposition=external"))
    try:
        warehouse.advance_clock(1800)
        done = running.drain("hash")
    finally:
        warehouse.advance_clock(-1800)
    assert (done.status, done["rows"]) == (SUCCESS, ROWS)
    running.close()
    session.close()


def test_statistics_count_what_was_repeated(session):
    running = session.execute(chunked("storage.get#1?chunk=3:status(403), fault=storage.get#1?chunk=5:reset"))
    assert running.drain()["rows"] == ROWS
    stats = session.probe.call("dbk_result_stream_get_stats", running.stream, True).ok()["stats"]
    assert stats["rows"] == ROWS
    assert stats["chunks_fetched"] == 10
    assert stats["link_refreshes"] == 1
    assert stats["chunk_retries"] >= 1
    running.close()


# ---- a fault that stays: a typed error, and no wrong row before it --------------------------------
HOST = "127.0.0.1"
STAYING = [
    ("storage.get?chunk=3:status(403)", PERMISSION_DENIED, ["chunk 3", "HTTP 403", HOST]),
    ("storage.get?chunk=3:status(401)", UNAUTHENTICATED, ["chunk 3", "HTTP 401"]),
    ("storage.get?chunk=0:status(404)", NOT_FOUND, ["chunk 0", "HTTP 404"]),
    ("storage.get?chunk=3:status(400)", INVALID_ARGUMENT, ["chunk 3", "HTTP 400"]),
    ("storage.get?chunk=3:status(500)", INTERNAL, ["chunk 3", "HTTP 500", "5 attempts"]),
    ("storage.get?chunk=3:status(503)", UNAVAILABLE, ["chunk 3", "HTTP 503"]),
    ("storage.get?chunk=3:status(429)", RESOURCE_EXHAUSTED, ["chunk 3", "HTTP 429"]),
    ("storage.get?chunk=3:reset", NETWORK_ERROR, ["chunk 3", "5 attempts"]),
    ("storage.get?chunk=3:truncate", NETWORK_ERROR, ["chunk 3"]),
    ("storage.get?chunk=3:html", DATA_LOSS, ["chunk 3", HOST, "text/html"]),
    ("storage.get?chunk=3:garbage", DATA_LOSS, ["chunk 3", HOST, "application/octet-stream"]),
    ("storage.get?chunk=3:expired", PERMISSION_DENIED, ["chunk 3", "RequestExpired"]),
    ("stmt.execute:rows(1)", DATA_LOSS, ["chunk 0", "100 rows", "101"]),
    ("stmt.execute:rows(-1)", DATA_LOSS, ["chunk 1", "99 rows"]),
    ("stmt.execute:rows(1000000000)", DATA_LOSS, ["1000000100"]),
    ("stmt.chunk?chunk=2:rows(1)", DATA_LOSS, ["chunk 2", "101"]),
    ("stmt.chunk?chunk=2:rows(-1)", DATA_LOSS, ["chunk 3", "299 rows"]),
    ("stmt.chunk:nolinks", DATA_LOSS, ["chunk 2", "no link"]),
    ("stmt.execute:loop", DATA_LOSS, ["chunk 0 names chunk 0"]),
    ("stmt.chunk:loop", DATA_LOSS, ["chunk 2 names chunk 0"]),
    ("stmt.chunk:status(404)", NOT_FOUND, ["chunk 2", "HTTP 404"]),
    ("stmt.chunk:status(500)", INTERNAL, ["chunk 2", "HTTP 500"]),
    ("stmt.chunk:reset", NETWORK_ERROR, ["chunk 2"]),
    ("stmt.chunk:truncate", NETWORK_ERROR, ["chunk 2"]),
    ("stmt.chunk:html", DATA_LOSS, ["chunk 2", "text/html"]),
    ("stmt.chunk:garbage", DATA_LOSS, ["chunk 2"]),
]


@pytest.mark.parametrize(("fault", "code", "texts"), STAYING, ids=[row[0] for row in STAYING])
def test_typed_error(session, fault, code, texts):
    rows, error = outcome(session.query(chunked(fault)))
    assert rows == WANTED[: len(rows)]
    assert error is not None, f"{len(rows)} rows and no error"
    assert error["code"] == code, error
    assert error["query_id"], error
    for text in texts:
        assert text in error["message"], error["message"]
    assert "sig=" not in error["message"]
    assert session.rows("SELECT 1") == [(1,)]  # nothing but that result is broken


INLINE = "chunk_rows=100, disposition=inline"
INLINE_STAYING = [
    ("stmt.chunk?chunk=2:rows(1)", DATA_LOSS),
    ("stmt.chunk?chunk=2:rows(-1)", DATA_LOSS),
    ("stmt.chunk:loop", DATA_LOSS),
    ("stmt.chunk?chunk=2:html", DATA_LOSS),
    ("stmt.chunk?chunk=2:status(404)", NOT_FOUND),
    ("stmt.chunk?chunk=2:reset", NETWORK_ERROR),
]


@pytest.mark.parametrize(("fault", "code"), INLINE_STAYING, ids=[row[0] for row in INLINE_STAYING])
def test_typed_error_inline(session, fault, code):
    rows, error = outcome(session.query(chunked(fault, INLINE)))
    assert rows == WANTED[: len(rows)]
    assert error is not None
    assert (error["code"], bool(error["query_id"])) == (code, True), error


EXECUTE = [
    # What a failed execute is, whether it may be repeated, whether it may have run.
    ("stmt.execute:status(500)", INTERNAL, 500, False, True),
    ("stmt.execute:status(503,busy,0)", UNAVAILABLE, 503, True, False),
    ("stmt.execute:status(429)", RESOURCE_EXHAUSTED, 429, True, False),
    ("stmt.execute:reset", NETWORK_ERROR, 0, False, True),
    ("stmt.execute:truncate", NETWORK_ERROR, 0, False, True),
    ("stmt.execute:html", DATA_LOSS, 0, False, True),
    ("stmt.execute:garbage", DATA_LOSS, 0, False, True),
]


@pytest.mark.parametrize(("fault", "code", "http", "retryable", "ran"), EXECUTE, ids=[row[0] for row in EXECUTE])
def test_failed_execute_says_what_may_have_happened(session, fault, code, http, retryable, ran):
    statement = session.statement(f"/*lw: fault={fault}*/ SELECT 1")
    answer = session.probe.call("kernel_statement_execute", statement, "never").fails(code)
    assert answer["error"]["http_status"] == http
    assert answer["error"]["retryable"] is retryable
    assert answer["info"]["may_have_executed"] is ran
    session.probe.call("kernel_statement_close", statement).ok()


def test_effects_happen_once(session, warehouse):
    """An INSERT whose answer is lost fails and is not sent again."""
    table = f"faults_once_{session.handle}_{session.probe.pid}"
    session.rows(f"CREATE OR REPLACE TABLE {table} (id INT)")
    sql = f"/*lw: fault=stmt.execute:reset*/ INSERT INTO {table} VALUES (1)"
    statement = session.statement(sql)
    mark = warehouse.journal_mark()
    session.probe.call("kernel_statement_execute", statement, "never").fails(NETWORK_ERROR)
    sent = [e for e in warehouse.journal(mark) if e["method"] == "POST" and e["path"].endswith("/statements")]
    assert len(sent) == 1
    wait_until(lambda: session.rows(f"SELECT count(*) FROM {table}") == [(1,)], what="the insert")
    session.probe.call("kernel_statement_close", statement).ok()
    session.rows(f"DROP TABLE {table}")


# ---- waiting ---------------------------------------------------------------------------------------
def test_pending_is_polled_to_the_end(session, warehouse):
    mark = warehouse.journal_mark()
    assert session.rows("/*lw: pending=5*/ SELECT 7") == [(7,)]
    polls = [e for e in warehouse.journal(mark) if e["method"] == "GET" and "/statements/" in e["path"]]
    assert len(polls) == 6


def test_failed_polls_are_repeated(session):
    assert session.rows("/*lw: pending=2, fault=stmt.get#1:status(500)*/ SELECT 7") == [(7,)]
    assert session.rows("/*lw: pending=2, fault=stmt.get#2:reset*/ SELECT 7") == [(7,)]


def test_stalled_download_times_out_and_is_repeated(probe, warehouse):
    session = probe.open(warehouse, timeout_ms=2000)
    begun = time.monotonic()
    rows, error = outcome(session.query(chunked("storage.get#1?chunk=3:stall(60)")))
    assert error is None
    assert rows == WANTED
    assert time.monotonic() - begun < SOON_S
    session.close()


def test_stalled_api_times_out(probe, warehouse):
    session = probe.open(warehouse, timeout_ms=1500, retry=(10, 20, 1, 5000))
    rows, error = outcome(session.query(chunked("stmt.chunk:stall(60)")))
    assert error["code"] == TIMEOUT, error
    assert rows == WANTED[: len(rows)]
    session.close()


def test_session_that_the_server_forgot(probe, warehouse):
    session = probe.open(warehouse)
    server_id = probe.call("dbk_session_id", session.handle)["text"]
    assert warehouse.call("DELETE", f"/api/2.0/sql/sessions/{server_id}?warehouse_id=local").status == 200
    statement = session.statement("SELECT 1")
    answer = probe.call("kernel_statement_execute", statement, "never")
    assert answer.status != SUCCESS
    assert answer["error"]["http_status"] in (400, 404), answer
    assert answer["out"] == "untouched"
    probe.call("kernel_statement_close", statement).ok()
    session.close()  # the server's refusal is not the caller's trouble


# ---- the server dies -------------------------------------------------------------------------------
def test_killed_warehouse_in_mid_result(probe):
    """kill -9 between two batches: a typed error in bounded time, everything closable, nothing leaked."""
    with local_warehouse() as server:
        session = probe.open(server, retry=(10, 20, 1, 1000))
        hints = "chunk_rows=1000, links_per_page=2, disposition=external"
        running = session.execute(chunked(hints=hints, rows=400_000))
        assert running.next().ok()["batch"]["rows"] == 1000
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
        begun = time.monotonic()
        done = running.drain()
        assert done.status == NETWORK_ERROR, done
        assert done["error"]["query_id"]
        assert done["rows"] < 400_000 - 1000
        again = running.next()
        assert again.fails(NETWORK_ERROR)["batch"] in ("untouched", "end")
        statement = session.statement("SELECT 1")
        probe.call("kernel_statement_execute", statement, "never").fails(NETWORK_ERROR)
        probe.call("kernel_statement_close", statement).ok()
        running.close()
        session.close()
        assert time.monotonic() - begun < SOON_S


def test_killed_warehouse_while_polling(probe):
    with local_warehouse() as server:
        session = probe.open(server, retry=(10, 20, 1, 1000))
        statement = session.statement("/*lw: pending=1000000*/ SELECT 1")
        mark = server.journal_mark()
        number = probe.start("kernel_statement_execute", statement, "never", thread="one")
        wait_until(lambda: polls(server, mark) >= 2, what="polling")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
        probe.wait(number).fails(NETWORK_ERROR)
        probe.call("kernel_statement_close", statement).ok()
        session.close()


def polls(server, mark: int) -> int:
    return sum(e["method"] == "GET" and "/statements/" in e["path"] for e in server.journal(mark))


# ---- cancelling ------------------------------------------------------------------------------------
ENDLESS = "SELECT count(*) FROM range(100000000000) WHERE id % 7 = 0"


def canceller_of(probe: Probe, statement: str) -> str:
    canceller = probe.name("canceller")
    probe.call("kernel_statement_canceller_new", statement, canceller).ok()
    return canceller


def cancels(server, mark: int) -> list[str]:
    return [e["path"] for e in server.journal(mark) if e["path"].endswith("/cancel")]


def check_cancelled(probe: Probe, server, number: int, mark: int, begun: float) -> None:
    answer = probe.wait(number).fails(CANCELLED)
    assert answer["out"] == "untouched"
    assert time.monotonic() - begun < SOON_S
    wait_until(lambda: cancels(server, mark), what="the cancel on the server")


def test_cancel_while_pending(probe, warehouse):
    session = probe.open(warehouse)
    statement = session.statement(f"/*lw: pending=1000000, fault=stmt.get#1:stall(0.5)*/ {ENDLESS}")
    canceller = canceller_of(probe, statement)
    mark = warehouse.journal_mark()
    number = probe.start("kernel_statement_execute", statement, "never", thread="one")
    wait_until(lambda: polls(warehouse, mark) >= 1, what="the first poll")  # not answered yet
    begun = time.monotonic()
    answer = probe.call("kernel_statement_canceller_cancel", canceller, True).ok()
    assert answer["flag"] is True
    check_cancelled(probe, warehouse, number, mark, begun)
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()


def test_cancel_while_running(probe, warehouse):
    session = probe.open(warehouse)
    statement = session.statement(f"/*lw: pending=1000000*/ {ENDLESS}")
    canceller = canceller_of(probe, statement)
    mark = warehouse.journal_mark()
    number = probe.start("kernel_statement_execute", statement, "never", thread="one")
    wait_until(lambda: polls(warehouse, mark) >= 2, what="polling")
    begun = time.monotonic()
    probe.call("kernel_statement_canceller_cancel", canceller, None).ok()
    check_cancelled(probe, warehouse, number, mark, begun)
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()


def test_cancel_before_the_id_is_known(probe, warehouse):
    """The execute request is on its way, the server has not answered: Cancelled at once, and the
    server is told as soon as its answer brings the id."""
    session = probe.open(warehouse)
    statement = session.statement("/*lw: pending=1000000, fault=stmt.execute:stall(0.5)*/ SELECT 1")
    canceller = canceller_of(probe, statement)
    mark = warehouse.journal_mark()
    number = probe.start("kernel_statement_execute", statement, "never", thread="one")
    wait_until(lambda: any(e["path"].endswith("/statements") for e in warehouse.journal(mark)), what="the request")
    begun = time.monotonic()
    answer = probe.call("kernel_statement_canceller_cancel", canceller, True).ok()
    assert answer["flag"] is False  # nobody knew an id
    check_cancelled(probe, warehouse, number, mark, begun)
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()


def test_cancel_that_the_server_ignores(probe, warehouse):
    """The cancel is accepted and nothing comes of it: Cancelled all the same, after a grace period."""
    session = probe.open(warehouse)
    statement = session.statement(f"/*lw: pending=1000000, fault=stmt.cancel:status(200,ignored)*/ {ENDLESS}")
    canceller = canceller_of(probe, statement)
    mark = warehouse.journal_mark()
    number = probe.start("kernel_statement_execute", statement, "never", thread="one")
    wait_until(lambda: polls(warehouse, mark) >= 1, what="polling")
    begun = time.monotonic()
    probe.call("kernel_statement_canceller_cancel", canceller, True)
    probe.wait(number).fails(CANCELLED)
    assert time.monotonic() - begun < SOON_S
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()


def test_cancel_before_and_after(probe, warehouse):
    session = probe.open(warehouse)
    statement = session.statement("SELECT 1")
    canceller = canceller_of(probe, statement)
    assert probe.call("kernel_statement_canceller_cancel", canceller, True).ok()["flag"] is False
    probe.call("kernel_statement_execute", statement, "executed").ok()
    mark = warehouse.journal_mark()
    assert probe.call("kernel_statement_canceller_cancel", canceller, True).ok()["flag"] is True
    assert len(cancels(warehouse, mark)) == 1
    probe.call("kernel_executed_statement_close", "executed").ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()
    probe.call("kernel_statement_canceller_free", canceller).ok()  # outlives them all


def test_token_ends_a_waiting_fetch(probe, warehouse):
    session = probe.open(warehouse)
    running = session.execute(chunked("storage.get?chunk=1:stall(60)"))
    probe.call("kernel_cancel_token_new", "token").ok()
    fetch = ("kernel_result_stream_next_batch_cancellable", running.stream, 1, 1, "token")
    assert probe.call(*fetch).ok()["batch"]["rows"] == 100
    number = probe.start(*fetch, thread="one")
    begun = time.monotonic()
    probe.call("kernel_cancel_token_cancel", "token").ok()
    probe.wait(number).fails(CANCELLED)
    assert time.monotonic() - begun < SOON_S
    assert probe.call("kernel_cancel_token_is_cancelled", "token", True).ok()["flag"] is True
    running.close()
    probe.call("kernel_cancel_token_free", "token").ok()
    session.close()


def test_close_in_the_middle_of_everything(session):
    """Streams with downloads under way, closed: no waiting for what nobody wants any more."""
    for _ in range(5):
        running = session.execute(chunked("storage.get?chunk=4:stall(60)"))
        running.next().ok()
        begun = time.monotonic()
        running.close()
        assert time.monotonic() - begun < SOON_S


# ---- many threads, forks, loading twice ------------------------------------------------------------
def test_threads_share_a_session(session):
    probe, count = session.probe, 16 if sanitizer() else 64
    numbers = []
    for i in range(count):
        handle, executed, stream = (f"{kind}_{i}" for kind in ("st", "ex", "rs"))
        hints = "chunk_rows=20, disposition=external" if i % 2 else "disposition=inline"
        sql = f"/*lw: {hints}*/ SELECT id + {i} FROM range(100) ORDER BY id"
        for call in (
            ("kernel_session_new_statement", session.handle, handle),
            ("kernel_statement_set_sql", handle, sql),
            ("kernel_statement_execute", handle, executed),
            ("kernel_executed_statement_get_result_stream", executed, stream),
        ):
            numbers.append(probe.start(*call, thread=f"t{i}"))
        numbers.append(probe.send({"do": "drain", "stream": stream, "values": "hash", "thread": f"t{i}"}))
        for call in (
            ("kernel_result_stream_close", stream),
            ("kernel_executed_statement_close", executed),
            ("kernel_statement_close", handle),
        ):
            numbers.append(probe.start(*call, thread=f"t{i}"))
    answers = [probe.wait(n) for n in numbers]
    assert all(a.status == SUCCESS for a in answers)
    drained = [a for a in answers if "rows" in a]
    assert [a["rows"] for a in drained] == [100] * count
    assert len({a["hashes"][0] for a in drained}) == count


def test_fork_in_the_middle_of_a_fetch(probe, warehouse):
    if sanitizer() == "tsan":
        pytest.skip("ThreadSanitizer does not follow threads that a forked child starts")
    session = probe.open(warehouse)
    running = session.execute(chunked("storage.get#1?chunk=9:stall(8)"))
    assert running.next().ok()["batch"]["rows"] == 100
    # One download is under way and silent; nothing else moves, so that no other thread holds a lock of
    # malloc (or of the sanitizer's, which a fork does not release).
    progress = ("dbk_statement_get_progress", running.statement, True)
    wait_until(lambda: probe.call(*progress).ok()["progress"]["rows_decoded"] == 900, what="nine chunks")
    wanted = chunked()
    call = lambda function, *args: {"call": function, "args": list(args)}  # noqa: E731
    stats = probe.call("dbk_executed_get_stats", running.executed, True, 4096).ok()["stats"]
    assert stats["format"] == "EXTERNAL_LINKS" and stats["rows"] >= 100
    child = [
        call("dbk_executed_get_stats", running.executed, True, 4096),
        call("kernel_result_stream_next_batch", running.stream, 1, 1),
        call("kernel_result_stream_get_schema", running.stream, 1),
        call("kernel_statement_execute", running.statement, "never"),
        call("kernel_session_new_statement", session.handle, "never"),
        call("kernel_session_test", session.handle),
        call("kernel_session_is_open", session.handle, True),
        # a session of its own
        call("kernel_session_config_new", "c"),
        call("kernel_session_config_set_http_path", "c", warehouse.url, warehouse.http_path),
        call("kernel_session_config_set_auth_pat", "c", warehouse.token),
        call("kernel_session_open", "c", "own"),
        call("kernel_session_new_statement", "own", "own_st"),
        call("kernel_statement_set_sql", "own_st", wanted),
        call("kernel_statement_execute", "own_st", "own_ex"),
        call("kernel_executed_statement_get_result_stream", "own_ex", "own_rs"),
        {"do": "drain", "stream": "own_rs"},
        call("kernel_result_stream_close", "own_rs"),
        call("kernel_executed_statement_close", "own_ex"),
        call("kernel_statement_close", "own_st"),
        call("kernel_session_close", "own"),
        # what came from the parent can be closed and says nothing to the server
        call("kernel_result_stream_close", running.stream),
        call("kernel_executed_statement_close", running.executed),
        call("kernel_statement_close", running.statement),
        call("kernel_session_close", session.handle),
    ]
    code, answers = probe.fork(child)
    assert code == 0
    assert len(answers) == len(child)
    statuses = [a.get("status") for a in answers]
    assert statuses[:6] == [INVALID_HANDLE] * 6, statuses
    assert answers[6]["flag"] is False
    assert statuses[7:] == [SUCCESS] * len(statuses[7:]), statuses
    assert next(a for a in answers if "rows" in a)["rows"] == ROWS
    # the parent goes on as if nothing had happened
    done = running.drain()
    assert (done.status, done["rows"]) == (SUCCESS, ROWS - 100)
    running.close()
    assert session.rows("SELECT 1") == [(1,)]
    session.close()


def test_load_twice(build_dir, probe_program, warehouse):
    """dlopen, a query, dlclose, and all of it again."""
    with Probe(probe_program, None) as probe:
        for _ in range(2):
            probe.do("load", path=str(build_dir / LIBRARY))
            session = probe.open(warehouse)
            assert session.rows(chunked()) == WANTED
            session.close()
            probe.do("unload")


def test_batches_outlive_everything(probe, warehouse):
    session = probe.open(warehouse)
    running = session.execute(chunked())
    first = running.next(keep="first").ok()["batch"]
    running.close()
    session.close()
    assert probe.do("read", batch="first")["batch"] == first
    probe.do("release", batch="first", thread="another")
    wait_until(lambda: probe.do("handles")["handles"] == [])


def without_leak_check() -> dict[str, str]:
    return {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def test_exit_without_closing(build_dir, probe_program, warehouse):
    """A process that ends with a query in flight ends at once and does not crash."""
    with Probe(probe_program, build_dir / LIBRARY, env=without_leak_check()) as probe:
        session = probe.open(warehouse)
        running = session.execute(chunked("storage.get?chunk=4:stall(60)"))
        running.next().ok()
        begun = time.monotonic()
        assert probe.close() == 0, probe.stderr
        assert time.monotonic() - begun < SOON_S
