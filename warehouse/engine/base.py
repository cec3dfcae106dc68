"""What the server needs from an engine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from warehouse.catalog import Catalogs
from warehouse.dialect import types as T
from warehouse.errors import Canceled
from warehouse.sessions import Session
from warehouse.volumes import Volumes
from warehouse.wire import Column


@dataclass(frozen=True)
class Parameter:
    """A bound value: ``name`` or ``ordinal`` (from 1), the declared type's text, the value's text."""

    type: str
    value: str | None
    name: str | None = None
    ordinal: int | None = None


class CancelToken:
    """Cancel intent that is never lost: it is kept, and repeated until the work has noticed it.

    An engine's interrupt that arrives between two of its steps has no effect, so the token keeps
    knocking until ``finish`` is called.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._finished = threading.Event()
        self._interrupts: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self.reason = ""

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def on_cancel(self, interrupt: Callable[[], None]) -> None:
        with self._lock:
            self._interrupts.append(interrupt)

    def cancel(self, reason: str = "canceled") -> None:
        if self._asked.is_set():
            return
        self.reason = reason
        self._asked.set()
        threading.Thread(target=self._knock, daemon=True).start()

    def _knock(self) -> None:
        while True:
            with self._lock:
                interrupts = list(self._interrupts)
            for interrupt in interrupts:
                with contextlib.suppress(Exception):  # the connection may be closed by now
                    interrupt()
            if self._finished.wait(0.02):
                return

    def check(self) -> None:
        if self._asked.is_set():
            raise Canceled()

    @contextlib.contextmanager
    def waiting_for(self, lock: threading.Lock) -> Iterator[None]:
        """Holds a lock; the wait for it can be canceled."""
        while not lock.acquire(timeout=0.05):
            self.check()
        try:
            yield
        finally:
            lock.release()

    def finish(self) -> None:
        self._finished.set()


@dataclass
class Outcome:
    """A statement that has started to answer."""

    columns: list[Column] = field(default_factory=list)
    batches: Iterator[pa.RecordBatch] = field(default_factory=lambda: iter(()))
    has_rows: bool = True  # False for DDL: column_count 0 and no result
    modified_rows: int | None = None
    count_rows: Callable[[float], int | None] | None = None  # exact total within a deadline, or None
    close: Callable[[], None] = lambda: None
    info: dict[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Runs statements of sessions; thread-safe. ``DuckEngine`` and ``SparkEngine`` are the two."""

    volumes: Volumes

    @property
    def catalogs(self) -> Catalogs:
        """The names that SHOW, USE and information_schema see."""

    def execute(self, session: Session, sql: str, parameters: list[Parameter], cancel: CancelToken) -> Outcome:
        """Runs one statement; returns when it has its schema. SqlError when it fails, Canceled when asked to stop."""

    def create_catalog(self, name: str, comment: str = "") -> None: ...

    def drop_catalog(self, name: str) -> None: ...

    def create_schema(self, catalog: str, name: str, comment: str | None = None) -> None: ...

    def drop_schema(self, catalog: str, name: str) -> None: ...

    def end_session(self, session: Session) -> None:
        """The session was closed or has expired: what it left open is rolled back."""

    def close(self) -> None: ...


def rows_outcome(columns: list[tuple[str, T.SparkType]], rows: list[tuple]) -> Outcome:
    """A small result that the server computes itself."""
    wire = [Column(name, kind) for name, kind in columns]
    arrays = [pa.array([row[i] for row in rows], kind.arrow("Etc/UTC")) for i, (_, kind) in enumerate(columns)]
    batch = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(columns))])
    return Outcome(columns=wire, batches=iter([batch]))
