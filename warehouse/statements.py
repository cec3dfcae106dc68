"""Statements: from the request's fields to a terminal state, and what is kept until close."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.engine.base import CancelToken, Engine, Outcome, Parameter
from warehouse.errors import Canceled, SqlError, not_found
from warehouse.faults import Hints
from warehouse.ids import Ids
from warehouse.page.history import History
from warehouse.results import ARROW, ChunkStore, ResultStream, Shape, failed
from warehouse.sessions import Session
from warehouse.wire import Column

log = logging.getLogger("warehouse.statements")

PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, CLOSED = (
    "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "CLOSED",
)  # fmt: skip
TERMINAL = {SUCCEEDED, FAILED, CANCELED, CLOSED}

# Small chunks are made before the first answer, so that a small result is known as a whole.
EAGER_CHUNKS = 16
EAGER_S = 0.05

INLINE = "INLINE"
LINKS = "EXTERNAL_LINKS"
HYBRID = "INLINE_OR_EXTERNAL_LINKS"


@dataclass
class Request:
    """A checked execute request."""

    sql: str
    parameters: list[Parameter] = field(default_factory=list)
    disposition: str = INLINE
    format: str = "JSON_ARRAY"
    lz4: bool = False
    row_limit: int | None = None
    byte_limit: int | None = None
    query_tags: dict[str, str | None] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)


class Statement:
    def __init__(self, statement_id: str, session: Session, request: Request) -> None:
        self.id = statement_id
        self.session = session
        self.request = request
        self.hints = request.hints
        self.cancel_token = CancelToken()
        self.done: Future = Future()  # resolved when the state is terminal
        self.error: SqlError | None = None
        self.modified_rows: int | None = None
        self.stream: ResultStream | None = None  # None: no result set
        self.columns: list[Column] = []
        self.inline = False
        self.is_volume_operation = False
        self.polled = 0
        self.submitted = 0.0
        self.began = time.monotonic()
        self.ended: float | None = None
        self._state = PENDING
        self._lock = threading.Lock()

    @property
    def state(self) -> str:
        if self._state == SUCCEEDED and self.stream is not None and self.stream.error is not None:
            self.error = failed(self.stream)  # the query broke after its first chunks were out
            return FAILED
        return self._state

    @property
    def lz4(self) -> bool:
        """Whether chunks are LZ4 frames."""
        hint = self.hints.compression
        asked = self.request.lz4 if hint is None else hint == "lz4"
        return asked and self.request.format == ARROW

    def move(self, state: str) -> bool:
        """Enters a state unless a terminal one was reached; CLOSED is always possible."""
        with self._lock:
            if self._state in TERMINAL and state != CLOSED:
                return False
            self._state = state
            if state in TERMINAL and self.ended is None:
                self.ended = time.monotonic()
        if state in TERMINAL and not self.done.done():
            self.done.set_result(None)
        return True

    def cancel_hidden(self) -> bool:
        """An end that the hint ``pending=N`` still hides has not happened for the client: it can be canceled."""
        with self._lock:
            hidden = 0 < self.hints.pending and self.polled <= self.hints.pending
            if not hidden or self._state not in (SUCCEEDED, FAILED):
                return False
            self._state = CANCELED
            return True

    def fail(self, error: SqlError) -> None:
        self.error = error
        self.move(FAILED)


class Statements:
    """All statements of the server and the worker pool that runs them."""

    def __init__(self, config: Config, engine: Engine, clock: Clock, ids: Ids, history: History) -> None:
        self._config = config
        self._history = history
        self._engine = engine
        self._clock = clock
        self._ids = ids
        self.pool = ThreadPoolExecutor(config.workers, thread_name_prefix="statement")
        self.store = ChunkStore(config.cache_bytes)
        self._open: dict[str, Statement] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._last_id = self.previous_id = ""  # for the fault of an id that comes twice

    # -- requests (event loop) -------------------------------------------------------------------
    def submit(self, session: Session, request: Request) -> Statement:
        statement = Statement(self._ids.new(), session, request)
        statement.submitted = self._clock.now()
        self._open[statement.id] = statement
        self.previous_id, self._last_id = self._last_id, statement.id
        self.pool.submit(self._run, statement)
        return statement

    def get(self, statement_id: str) -> Statement:
        statement = self._open.get(statement_id)
        if statement is None:
            raise not_found(f"The statement {statement_id} was not found.")
        return statement

    def hints_of(self, statement_id: str) -> Hints | None:
        statement = self._open.get(statement_id)
        return statement.hints if statement else None

    def stream_of(self, statement_id: str) -> ResultStream | None:
        statement = self._open.get(statement_id)
        return statement.stream if statement else None

    def was_closed(self, statement_id: str) -> bool:
        return statement_id in self._closed

    def cancel(self, statement_id: str) -> None:
        statement = self.get(statement_id)
        if statement.move(CANCELED):
            statement.cancel_token.cancel()
        elif statement.cancel_hidden() and statement.stream is not None:
            self.pool.submit(statement.stream.close)

    def close(self, statement_id: str) -> None:
        if statement_id in self._closed:
            return
        statement = self.get(statement_id)
        self._history.left(statement)
        del self._open[statement_id]
        self._closed[statement_id] = None
        while len(self._closed) > 10_000:
            self._closed.popitem(last=False)
        if statement.state not in TERMINAL:
            statement.cancel_token.cancel("closed")
        statement.move(CLOSED)
        if statement.stream is not None:
            # Closing frees engine objects and files; that must not hold up the event loop.
            self.pool.submit(statement.stream.close)

    def forget_old(self) -> None:
        """Frees results that nobody closed; they are unknown afterwards, as on the service."""
        limit = self._clock.now() - self._config.retention_s
        old = [s for s in self._open.values() if s.submitted < limit and s.state in TERMINAL]
        for statement in old:
            self._history.left(statement)
            del self._open[statement.id]
            if statement.stream is not None:
                self.pool.submit(statement.stream.close)

    def count(self) -> int:
        return len(self._open)

    def unfinished(self) -> int:
        return sum(1 for s in list(self._open.values()) if s.state not in TERMINAL)

    def shutdown(self) -> None:
        for statement in list(self._open.values()):
            statement.cancel_token.cancel("shutdown")
            if statement.stream is not None:
                statement.stream.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    # -- execution (worker threads) --------------------------------------------------------------
    def _run(self, statement: Statement) -> None:
        timer = None
        try:
            statement.cancel_token.check()
            if not statement.move(RUNNING):
                return
            timer = self._start_timeout(statement)
            self._execute(statement)
            if not statement.move(SUCCEEDED) and statement.stream is not None:
                statement.stream.close()  # canceled or closed at the last moment
        except SqlError as error:
            statement.fail(error)
        except Canceled:
            self._canceled(statement)
        except Exception as error:  # noqa: BLE001 - a bug of ours must still end the statement
            if statement.cancel_token.asked:
                self._canceled(statement)
            else:
                log.exception("statement %s", statement.id)
                statement.fail(SqlError("INTERNAL_ERROR", f"{type(error).__name__}: {error}", "XX000"))
        finally:
            if timer is not None:
                timer.cancel()
            statement.cancel_token.finish()

    def _canceled(self, statement: Statement) -> None:
        if statement.cancel_token.reason == "timeout":
            limit = int(statement.session.timeout_s)
            statement.fail(SqlError("STATEMENT_TIMEOUT", f"The statement ran longer than {limit} seconds", "57KD0"))
        else:
            statement.move(CANCELED)

    def _start_timeout(self, statement: Statement) -> threading.Timer | None:
        limit = statement.session.timeout_s
        if not limit:
            return None
        timer = threading.Timer(limit, lambda: statement.cancel_token.cancel("timeout"))
        timer.daemon = True
        timer.start()
        return timer

    def _execute(self, statement: Statement) -> None:
        request = statement.request
        outcome = self._engine.execute(statement.session, request.sql, request.parameters, statement.cancel_token)
        statement.modified_rows = outcome.modified_rows
        if not outcome.has_rows:
            outcome.close()
            return
        statement.columns = outcome.columns
        statement.is_volume_operation = bool(outcome.info.get("volume"))
        stream = ResultStream(
            statement.id,
            outcome.columns,
            statement.session.zone,
            outcome.batches,
            self._shape(statement),
            self.store,
            self.pool,
            outcome.close,
        )
        try:
            self._first_chunks(stream, statement, outcome)
        except BaseException:
            stream.close()
            raise
        statement.inline = self._is_inline(request, stream)
        statement.stream = stream
        stream.wait_for(0)  # the reader will come: start reading ahead

    def _first_chunks(self, stream: ResultStream, statement: Statement, outcome: Outcome) -> None:
        """What the answer needs: the first chunk, more if they are small, and the exact totals."""
        request, started = statement.request, time.monotonic()
        stream.produce_first(1)
        while not stream.finished and len(stream.chunks) < EAGER_CHUNKS and time.monotonic() - started < EAGER_S:
            stream.produce_first(len(stream.chunks) + 1)
        if request.disposition == INLINE:
            self._read_all_inline(stream)
        if stream.finished:
            return
        total = None
        if outcome.count_rows is not None and request.hints.totals != "late" and stream.totals_can_be_promised:
            total = outcome.count_rows(self._config.count_deadline_s)
        if total is not None:
            stream.promise_totals(total)
            return
        # What has succeeded has a complete manifest, as on the service: the statement runs until its end is known.
        most = 0 if request.hints.totals == "late" else self._config.complete_max_bytes
        while not stream.finished and (len(stream.chunks) < 2 or stream.bytes_out < most):
            statement.cancel_token.check()
            stream.produce_first(len(stream.chunks) + 1)

    def _shape(self, statement: Statement) -> Shape:
        request, hints, config = statement.request, statement.hints, self._config
        return Shape(
            format=request.format,
            lz4=statement.lz4,
            chunk_bytes=hints.chunk_bytes or config.chunk_bytes,
            chunk_rows=hints.chunk_rows or config.chunk_rows,
            row_limit=request.row_limit,
            byte_limit=request.byte_limit,
            pad_rows=hints.pad_rows,
            fail_after=hints.fail_after,
            empty_chunk=hints.empty_chunk,
            read_ahead=max(config.read_ahead_chunks, hints.links_per_page or 0),
        )

    def _read_all_inline(self, stream: ResultStream) -> None:
        """An inline answer is whole: read on until its end or until it is too large."""
        limit = self._config.inline_hard_max_bytes
        while not stream.finished and sum(c.byte_count for c in stream.chunks) <= limit:
            stream.produce_first(len(stream.chunks) + 8)

    def _is_inline(self, request: Request, stream: ResultStream) -> bool:
        if request.disposition == LINKS:
            return False
        if request.disposition == INLINE:
            size = sum(c.byte_count for c in stream.chunks)
            limit = self._config.inline_hard_max_bytes
            if request.format != ARROW and (size > limit or not stream.finished):
                stream.close()
                raise SqlError(
                    "INLINE_BYTE_LIMIT_EXCEEDED",
                    "Statements executed with disposition=INLINE can have a result size of at most "
                    f"{limit} bytes. Please execute the statement with disposition=EXTERNAL_LINKS "
                    "if you want to download the full result.",
                    "54000",
                )
            return True
        most = self._config.inline_max_bytes if request.hints.inline_max is None else request.hints.inline_max
        size = sum(c.byte_count for c in stream.chunks)
        return stream.finished and len(stream.chunks) <= 1 and size <= most
