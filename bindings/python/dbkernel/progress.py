"""A bar of the rows that were read, on standard error: tqdm's, where it is installed."""

from __future__ import annotations

from typing import Any


class Bar:
    def __init__(self, wanted: bool, total: int | None) -> None:
        self._bar: Any = None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, unit="rows", unit_scale=True, leave=False)

    def update(self, rows: int) -> None:
        if self._bar is not None:
            self._bar.update(rows)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
