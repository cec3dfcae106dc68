"""The one source of time, so that tests can move it instead of sleeping."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Wall clock with a virtual offset; link expiry, session idle times and the journal use it."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch, offset included."""
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        self._offset_s += seconds

    def rfc3339(self, epoch_s: float) -> str:
        moment = datetime.fromtimestamp(epoch_s, timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
