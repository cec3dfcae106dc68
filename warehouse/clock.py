"""The one source of time, so that tests can move it instead of sleeping."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import formatdate


class Clock:
    """Wall clock with a virtual offset; link expiry, session idle times and the journal use it."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._date = (-1, b"")

    def now(self) -> float:
        """Seconds since the epoch, offset included."""
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        self._offset_s += seconds

    def skew(self, seconds: float) -> None:
        """The server's clock is off by this much from now on."""
        self._offset_s = seconds

    def http_date(self) -> bytes:
        """For the ``Date`` header: it follows the virtual clock, so that clients can correct theirs."""
        second = int(self.now())
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

    def rfc3339(self, epoch_s: float) -> str:
        moment = datetime.fromtimestamp(epoch_s, timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
