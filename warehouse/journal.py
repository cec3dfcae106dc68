"""What really happened: every request in order, and how often each DML statement was executed.

Tests assert on this instead of sleeping or trusting what a client says about itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "x-lw-link-token"}


def redact_headers(raw: list[tuple[bytes, bytes]]) -> list[list[str]]:
    """Header pairs in wire order; the values of secret ones are replaced."""
    pairs = []
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        if key in _SECRET_HEADERS:
            scheme = text.split(" ", 1)[0] if " " in text else ""
            text = (scheme + " [redacted]").strip()
        pairs.append([key, text])
    return pairs


class Journal:
    def __init__(self, limit: int, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._start = time.monotonic()
        self._entries: deque[dict[str, Any]] = deque(maxlen=limit)
        self._seq = 0

    def open(self, **fields: Any) -> dict[str, Any]:
        """Adds an entry; the caller fills in ``status`` and ``bytes`` while it answers, then closes it."""
        self._seq += 1
        entry: dict[str, Any] = {
            "seq": self._seq,
            "time": self._now(),
            "started_s": self.uptime_s(),
            **fields,
            "status": None,
            "bytes": 0,
            "duration_s": None,
        }
        self._entries.append(entry)
        return entry

    def close(self, entry: dict[str, Any]) -> None:
        """The whole answer was handed to the connection, or never will be."""
        entry["duration_s"] = self.uptime_s() - entry["started_s"]

    def uptime_s(self) -> float:
        """Seconds since the start: unlike ``time`` it follows no moved clock."""
        return time.monotonic() - self._start

    def since(self, seq: int) -> dict[str, Any]:
        return {"last_seq": self._seq, "entries": [e for e in self._entries if e["seq"] > seq]}

    def clear(self) -> None:
        """Forgets the entries; sequence numbers go on, so an old ``since`` stays meaningful."""
        self._entries.clear()


class Effects:
    """Counts executions per DML text. Written by worker threads, so it has a lock."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def record(self, statement: str) -> None:
        with self._lock:
            self._counts[statement] = self._counts.get(statement, 0) + 1

    def snapshot(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
