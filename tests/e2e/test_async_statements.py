"""Submitted statements through the C ABI: submit, poll, await, take, attach, cancel, close. The journal
of the warehouse shows every request, so each test says which ones it made, and in which order."""

from __future__ import annotations

import pytest
from abi_driver import (
    CANCELLED,
    INVALID_ARGUMENT,
    INVALID_HANDLE,
    NOT_FOUND,
    SQL_ERROR,
    SUCCESS,
    Probe,
    Session,
    wait_until,
)

PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, CLOSED = range(6)
FOREVER = "/*lw: pending=1000000*/ SELECT count(*) FROM range(100000000000) WHERE id % 7 = 0"  # can be cancelled
SEVEN = [[7]]


class Witness:
    """The requests to the SQL API since the last look: "POST statements", "GET statements/st"."""

    def __init__(self, server) -> None:
        self.server, self.mark = server, server.journal_mark()

    def peek(self) -> list[str]:
        entries = [e for e in self.server.journal(self.mark) if e["path"].startswith("/api/2.0/sql/")]
        return [self._tell(e) for e in entries]

    def take(self, count: int) -> list[str]:
        """Waits for `count` requests: some are made in the background."""
        wait_until(lambda: len(self.peek()) >= count, what=f"{count} requests, there are {self.peek()}")
        told, self.mark = self.peek(), self.server.journal_mark()
        return told

    @staticmethod
    def _tell(entry: dict) -> str:
        parts = entry["path"].split("?")[0].removeprefix("/api/2.0/sql/").split("/")
        if len(parts) > 1:
            parts[1] = "st" if parts[0] == "statements" else "se"
        return f"{entry['method']} {'/'.join(parts)}"


@pytest.fixture
def witness(session, warehouse) -> Witness:
    return Witness(warehouse)


def submit(session: Session, sql: str) -> str:
    """A submitted statement whose statement handle is closed at once."""
    probe, handle = session.probe, session.probe.name("async")
    statement = session.statement(sql)
    probe.call("kernel_statement_submit", statement, handle).ok()
    probe.call("kernel_statement_close", statement).ok()
    return handle


def state(probe: Probe, handle: str, function: str = "dbk_async_status") -> int:
    return probe.call(function, handle, True).ok()["kind"]


def wait(probe: Probe, handle: str, timeout_ms: int = 0) -> bool:
    return probe.call("dbk_async_await", handle, timeout_ms, True).ok()["flag"]


def close(probe: Probe, handle: str) -> None:
    probe.call("dbk_async_close", handle).ok()


def take(probe: Probe, handle: str) -> tuple[str, str]:
    executed, stream = probe.name("executed"), probe.name("stream")
    probe.call("dbk_async_take_result", handle, executed).ok()
    probe.call("kernel_executed_statement_get_result_stream", executed, stream).ok()
    return executed, stream


def drop(probe: Probe, executed: str, stream: str) -> None:
    probe.call("kernel_result_stream_close", stream).ok()
    probe.call("kernel_executed_statement_close", executed).ok()


def read(probe: Probe, executed: str, stream: str) -> list:
    batch = probe.call("kernel_result_stream_next_batch", stream, 1, 1).ok()["batch"]
    assert probe.call("kernel_result_stream_next_batch", stream, 1, 1).ok()["batch"] == "end"
    drop(probe, executed, stream)
    return batch["columns"]


def test_from_submit_to_close(probe, session, witness):
    handle = submit(session, "/*lw: pending=4*/ SELECT 7 AS a")
    assert state(probe, handle) in (PENDING, RUNNING)
    assert probe.call("dbk_async_query_id", handle)["text"]
    assert witness.take(1) == ["POST statements"]  # closing the statement handle closes nothing
    assert state(probe, handle, "dbk_async_poll") == RUNNING
    assert witness.take(1) == ["GET statements/st"]
    assert wait(probe, handle) is True
    assert state(probe, handle) == SUCCEEDED
    assert state(probe, handle, "dbk_async_poll") == SUCCEEDED  # final: asks nobody
    polls = witness.take(4)
    assert set(polls) == {"GET statements/st"} and len(polls) == 4
    assert read(probe, *take(probe, handle)) == SEVEN
    assert witness.peek() == []
    close(probe, handle)
    assert witness.take(1) == ["DELETE statements/st"]


def test_await_with_timeouts(probe, session, witness):
    handle = submit(session, FOREVER)
    assert wait(probe, handle, 1) is False
    assert wait(probe, handle, 100) is False
    assert state(probe, handle) == RUNNING
    assert probe.call("dbk_async_await", handle, 1, None).ok()["error"] is None  # finished may be NULL
    told = witness.take(4)
    assert told[0] == "POST statements" and set(told[1:]) == {"GET statements/st"}
    close(probe, handle)
    assert witness.take(1) == ["DELETE statements/st"]


def test_take_result_twice(probe, session, witness):
    handle = submit(session, "SELECT 7 AS a")
    assert wait(probe, handle) is True
    witness.take(1)
    first, second = take(probe, handle), take(probe, handle)
    assert witness.take(1) == ["GET statements/st"]  # the second reading asks for it once more
    assert read(probe, *first) == read(probe, *second) == SEVEN
    assert witness.peek() == []
    third = take(probe, handle)
    assert witness.take(1) == ["GET statements/st"]
    close(probe, handle)  # a result is still open
    assert read(probe, *third) == SEVEN
    assert witness.take(1) == ["DELETE statements/st"]


def test_the_second_result_outlives_the_handle(probe, session, witness):
    """All rows come, by chunks that are asked for after the handle is gone."""
    handle = submit(session, "/*lw: chunk_rows=10, links_per_page=1, disposition=external*/ SELECT id FROM range(100)")
    assert wait(probe, handle) is True
    drop(probe, *take(probe, handle))
    executed, stream = take(probe, handle)
    close(probe, handle)
    seen = probe.do("drain", stream=stream)
    assert seen.status == SUCCESS, (seen, witness.peek())
    assert seen["rows"] == 100
    assert "DELETE statements/st" not in witness.peek()
    drop(probe, executed, stream)
    wait_until(lambda: witness.peek()[-1] == "DELETE statements/st", what="the close")
    assert witness.peek().count("DELETE statements/st") == 1


PIECES = "/*lw: chunk_rows=10, links_per_page=%d, disposition=%s*/ SELECT id FROM range(95)"


def piece(probe: Probe, handle: str, first: int, count: int) -> list[int]:
    executed, stream = probe.name("executed"), probe.name("stream")
    probe.call("dbk_async_take_chunks", handle, first, count, executed).ok()
    probe.call("kernel_executed_statement_get_result_stream", executed, stream).ok()
    rows = []
    while (batch := probe.call("kernel_result_stream_next_batch", stream, 1, 1).ok()["batch"]) != "end":
        rows += batch["columns"][0]
    drop(probe, executed, stream)
    return rows


@pytest.mark.parametrize("links", [1, 3, 100])
@pytest.mark.parametrize("disposition", ["external", "inline"])
def test_pieces_of_a_result(probe, session, warehouse, links, disposition):
    """Left on the server by one session, read in pieces by another, in any order and more than once."""
    handle = submit(session, PIECES % (links, disposition))
    probe.call("dbk_async_leave", handle).ok()
    assert wait(probe, handle) is True
    executed, stream = take(probe, handle)
    assert probe.call("dbk_executed_get_info", executed, True).ok()["facts"]["chunk_count"] == 10
    assert probe.call("kernel_result_stream_next_batch", stream, 1, 1).ok()["batch"] == "end"
    drop(probe, executed, stream)
    witness = Witness(warehouse)
    query_id = probe.call("dbk_async_query_id", handle)["text"]
    close(probe, handle)
    assert witness.peek() == []
    other, attached = probe.open(warehouse), probe.name("attached")
    probe.call("dbk_async_attach", other.handle, query_id, attached).ok()
    for first, count in ((3, 1), (0, 1), (9, 1), (4, 5), (0, 10), (3, 1), (10, 0)):
        assert piece(probe, attached, first, count) == list(range(95))[first * 10 : (first + count) * 10]
    for first, count in ((10, 1), (0, 11), (11, 0)):
        probe.call("dbk_async_take_chunks", attached, first, count, "none").fails(INVALID_ARGUMENT)
    close(probe, attached)
    other.close()


def test_attach_from_another_session(probe, session, warehouse):
    handle = submit(session, "SELECT 7 AS a")
    other, attached = probe.open(warehouse), probe.name("attached")
    query_id = probe.call("dbk_async_query_id", handle)["text"]
    assert wait(probe, handle) is True
    witness = Witness(warehouse)
    probe.call("dbk_async_attach", other.handle, query_id, attached).ok()
    assert probe.call("dbk_async_query_id", attached)["text"] == query_id
    assert state(probe, attached) == SUCCEEDED
    assert witness.take(1) == ["GET statements/st"]
    assert read(probe, *take(probe, attached)) == read(probe, *take(probe, handle)) == SEVEN
    close(probe, attached)
    other.close()
    assert witness.take(1) == ["DELETE sessions/se"]  # not the statement: it is not ours to close
    close(probe, handle)
    assert witness.take(1) == ["DELETE statements/st"]


def test_attach_to_nothing(probe, session, witness):
    answer = probe.call("dbk_async_attach", session.handle, "01ef0000-0000-0000-0000-000000000000", "none")
    assert answer.fails(NOT_FOUND)["out"] == "untouched"
    assert witness.take(1) == ["GET statements/st"]
    probe.call("dbk_async_attach", session.handle, "", "none").fails(
        INVALID_ARGUMENT, "statement id must not be empty"
    )
    probe.call("dbk_async_attach", session.handle, None, "none").fails(INVALID_ARGUMENT)
    assert witness.peek() == []


def test_failed_statement(probe, session, witness):
    handle = submit(session, "SELECT * FROM no_such_table_anywhere")
    wait_until(lambda: state(probe, handle, "dbk_async_poll") == FAILED, what="the failure")
    for _ in range(2):
        error = probe.call("dbk_async_await", handle, 0, True).fails(SQL_ERROR)["error"]
        assert error["sql_state"] == "42P01"
        assert error["query_id"] == probe.call("dbk_async_query_id", handle)["text"]
    assert probe.call("dbk_async_take_result", handle, "none").fails(SQL_ERROR)["out"] == "untouched"
    told = witness.take(1)
    assert told[0] == "POST statements" and set(told[1:]) <= {"GET statements/st"}
    close(probe, handle)
    assert witness.take(1) == ["DELETE statements/st"]


def test_cancel(probe, session, witness):
    handle = submit(session, FOREVER)
    probe.call("dbk_async_cancel", handle).ok()
    probe.call("dbk_async_await", handle, 0, True).fails(CANCELLED, "Statement was canceled")
    assert state(probe, handle) == CANCELED
    assert witness.take(3) == ["POST statements", "POST statements/st/cancel", "GET statements/st"]
    close(probe, handle)
    assert witness.take(1) == ["DELETE statements/st"]


def test_cancel_while_another_thread_awaits(probe, session, witness):
    handle = submit(session, FOREVER)
    waiting = probe.start("dbk_async_await", handle, 0, True, thread="one")
    wait_until(lambda: witness.peek().count("GET statements/st") >= 2, what="polling")
    probe.call("dbk_async_cancel", handle).ok()
    probe.wait(waiting).fails(CANCELLED, "Statement was canceled")
    assert witness.peek().count("POST statements/st/cancel") == 1
    probe.call("dbk_async_close", handle, thread="one").ok()  # where it was awaited: an order that TSan sees
    wait_until(lambda: witness.peek()[-1] == "DELETE statements/st", what="the close")


def test_a_statement_closed_elsewhere(probe, session, warehouse, witness):
    handle = submit(session, FOREVER)
    query_id = probe.call("dbk_async_query_id", handle)["text"]
    assert warehouse.call("DELETE", f"/api/2.0/sql/statements/{query_id}").status == 200
    answer = probe.call("dbk_async_await", handle, 5000, True)
    assert answer.status in (INVALID_HANDLE, NOT_FOUND), answer
    assert answer["flag"] == "untouched"
    close(probe, handle)


def test_handles_in_a_forked_child(probe, session, witness):
    handle = submit(session, "SELECT 1")
    witness.take(1)
    calls = [
        {"call": "dbk_async_poll", "args": [handle, True]},
        {"call": "dbk_async_await", "args": [handle, 0, True]},
        {"call": "dbk_async_cancel", "args": [handle]},
        {"call": "dbk_async_close", "args": [handle]},
    ]
    code, answers = probe.fork(calls)
    assert code == 0
    assert [a.status for a in answers] == [INVALID_HANDLE] * 3 + [SUCCESS]
    assert witness.peek() == []  # the child said nothing to the server
    assert wait(probe, handle) is True
    close(probe, handle)


def test_nulls(probe, session):
    for function, args in (
        ("dbk_async_status", [True]),
        ("dbk_async_poll", [True]),
        ("dbk_async_await", [0, True]),
        ("dbk_async_cancel", []),
        ("dbk_async_take_result", ["none"]),
        ("dbk_async_close", []),
    ):
        probe.call(function, None, *args).fails(INVALID_ARGUMENT, f"{function}: async must not be null")
