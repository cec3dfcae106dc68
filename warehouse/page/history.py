"""The last statements and their requests, kept for the page after everything else of them is freed.

Written and read on the event loop only.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.statements import Statement

RECORDS_MAX = 500
ENTRIES_MAX = 5_000  # of one statement; what comes later is only counted
SQL_MAX = 20_000
RETRIED_WITHIN_S = 120.0  # a refused execute request and a later one with the same text are one statement

_STATEMENTS = r"/api/2\.0/sql/(?:warehouses/[^/]+/sessions/[^/]+/)?statements"
EXECUTE_PATH = re.compile(_STATEMENTS + "/?")
_PATHS = re.compile(_STATEMENTS + r"/([^/]+)(?:/(cancel|result/chunks/(\d+)))?|/r/([^/]+)/(\d+)(?:/.*)?")
NOT_STARTED = "NOT STARTED"


@dataclass
class Facts:
    """What a statement has come to."""

    state: str
    seconds: float
    rows: int | None = None  # None: no result set
    more_rows: bool = False  # the result is not at its end yet
    chunks: int = 0
    inline: bool = False
    error: str = ""


@dataclass
class Record:
    """One statement, or an execute request that none came of."""

    id: str
    sql: str
    sql_length: int
    client: str
    session: str
    warehouse: str
    submitted: float  # epoch, on the virtual clock
    began: float  # of its first try; seconds since the server's start, as everything of the journal
    executed: float = 0.0  # when the statement came to be
    entries: list[dict[str, Any]] = field(default_factory=list)
    entries_left_out: int = 0
    bytes: int = 0
    faults: int = 0
    tries: dict[tuple[str, int | None], int] = field(default_factory=dict)  # failed ones, by what they were for
    again: dict[int, int] = field(default_factory=dict)  # entries (seq) that repeat a failed one: which try it is
    version: int = 0
    closed: bool = False
    statement: "Statement | None" = None  # until it is closed
    kept: Facts = field(default_factory=lambda: Facts(NOT_STARTED, 0.0))

    @property
    def facts(self) -> Facts:
        return self.kept if self.statement is None else _facts(self.statement)

    @property
    def live(self) -> bool:
        """Something of it may still change without a request."""
        facts = self.facts
        return self.statement is not None and (facts.state in ("PENDING", "RUNNING") or facts.more_rows)

    def add(self, entry: dict[str, Any]) -> None:
        if len(self.entries) >= ENTRIES_MAX:
            self.entries_left_out += 1
            return
        self.entries.append(entry)
        what = kind_of(entry)
        before = self.tries.get(what, 0)
        if before:
            self.again[entry["seq"]] = before + 1
        if what[0] == "download":  # a chunk that was downloaded is not asked for again without a reason
            self.tries[what] = before + 1

    def settle(self, entry: dict[str, Any]) -> None:
        self.bytes += entry["bytes"]
        self.faults += len(entry.get("faults", ()))
        what = kind_of(entry)
        if what[0] != "download":
            self.tries[what] = self.tries.get(what, 0) + 1 if failed(entry) else 0


class History:
    def __init__(self) -> None:
        self.version = 0  # moves with every change that the page would show
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._unstarted: dict[tuple[str, str, str], str] = {}  # key of an execute request: its record

    # -- reading ---------------------------------------------------------------------------------
    def newest_first(self) -> Iterator[Record]:
        return reversed(self._records.values())

    def get(self, record_id: str) -> Record | None:
        return self._records.get(record_id)

    def __len__(self) -> int:
        return len(self._records)

    # -- requests --------------------------------------------------------------------------------
    def opened(self, entry: dict[str, Any]) -> None:
        """A request came in; one that names a statement is noted with it at once."""
        match = _PATHS.fullmatch(entry["path"])
        record = self._records.get(match[1] or match[4]) if match else None
        if record is not None:
            self._add(record, entry)

    def ended(self, entry: dict[str, Any]) -> None:
        """The answer has left, or never will."""
        record = self._of(entry)
        if record is None and entry["method"] == "POST" and EXECUTE_PATH.fullmatch(entry["path"]):
            record = self._unstarted_record(entry)
        if record is not None:
            record.settle(entry)
            self._touch(record)

    def _of(self, entry: dict[str, Any]) -> Record | None:
        if "statement_id" in entry:
            return self._records.get(entry["statement_id"])
        match = _PATHS.fullmatch(entry["path"])
        return self._records.get(match[1] or match[4]) if match else None

    # -- statements ------------------------------------------------------------------------------
    def started(self, statement: "Statement", entry: dict[str, Any]) -> None:
        """An execute request became a statement; earlier tries of the same text come along."""
        key = _key(entry)
        record = self._records.get(self._unstarted.pop(key, ""))
        if record is None or entry["started_s"] - record.began > RETRIED_WITHIN_S:
            record = _record(entry, key)
        self._records.pop(record.id, None)
        record.id, record.statement, record.executed = statement.id, statement, entry["started_s"]
        record.sql_length = len(statement.request.sql)
        self._insert(record)
        self._add(record, entry)

    def left(self, statement: "Statement") -> None:
        """Closed or forgotten: the facts are kept, the result is not."""
        record = self._records.get(statement.id)
        if record is None or record.statement is not statement:
            return
        facts = _facts(statement)
        if facts.state in ("PENDING", "RUNNING"):
            facts.state = "CLOSED"
        facts.more_rows = False
        record.kept, record.statement, record.closed = facts, None, True
        self._touch(record)

    def _unstarted_record(self, entry: dict[str, Any]) -> Record | None:
        """An execute request that was refused before a statement existed."""
        key = _key(entry)
        record = self._records.get(self._unstarted.get(key, ""))
        if record is None:
            record = _record(entry, key)
            record.id = f"request-{entry['seq']}"
            self._unstarted[key] = record.id
            self._insert(record)
        self._add(record, entry)
        record.kept.seconds = entry["started_s"] + entry["duration_s"] - record.began
        return record

    def _insert(self, record: Record) -> None:
        self._records[record.id] = record
        while len(self._records) > RECORDS_MAX:
            old, _ = self._records.popitem(last=False)
            self._unstarted = {key: value for key, value in self._unstarted.items() if value != old}
        self._touch(record)

    def _add(self, record: Record, entry: dict[str, Any]) -> None:
        record.add(entry)
        self._touch(record)

    def _touch(self, record: Record) -> None:
        self.version += 1
        record.version = self.version


def _record(entry: dict[str, Any], key: tuple[str, str, str]) -> Record:
    session, warehouse, sql = key
    client = next((value for name, value in entry["headers"] if name == "user-agent"), "")
    return Record(
        id="",
        sql=sql[:SQL_MAX],
        sql_length=len(sql),
        client=client[:300],
        session=session,
        warehouse=warehouse,
        submitted=entry["time"],
        began=entry["started_s"],
    )


def _key(entry: dict[str, Any]) -> tuple[str, str, str]:
    """Session, warehouse and text: the same ones are another try of the same statement."""
    body = entry.get("body")
    fields = body if isinstance(body, dict) else {}
    session, warehouse, sql = (fields.get(name) for name in ("session_id", "warehouse_id", "statement"))
    return tuple(value if isinstance(value, str) else "" for value in (session, warehouse, sql))


def _facts(statement: "Statement") -> Facts:
    end = time.monotonic() if statement.ended is None else statement.ended
    facts = Facts(statement.state, end - statement.began, inline=statement.inline)
    stream = statement.stream
    if stream is not None:
        facts.chunks = stream.total_chunks if stream.total_chunks is not None else len(stream.chunks)
        made = sum(chunk.row_offset + chunk.row_count for chunk in stream.chunks[-1:])
        facts.rows = stream.total_rows if stream.total_rows is not None else made
        facts.more_rows = stream.total_rows is None and stream.error is None
    elif statement.modified_rows is not None:
        facts.rows = statement.modified_rows
    if statement.error is not None:
        facts.error = str(statement.error)[:4_000]
    return facts


# -- what a request was for -------------------------------------------------------------------------
def kind_of(entry: dict[str, Any]) -> tuple[str, int | None]:
    """The kind of a request and the chunk it is about."""
    match = _PATHS.fullmatch(entry["path"])
    if match is None:
        return "execute", None
    if match[4]:
        return "download", int(match[5][:9])
    if match[3]:
        return "links", int(match[3][:9])
    if match[2]:
        return "cancel", None
    return ("close" if entry["method"] == "DELETE" else "poll"), None


def failed(entry: dict[str, Any]) -> bool:
    """The client cannot have been content with this answer."""
    if entry["duration_s"] is None:
        return False
    return entry["status"] is None or entry["status"] >= 400 or "outcome" in entry
