"""The batch of a result that is being read, as rows or as Arrow, in any mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DataError

if TYPE_CHECKING:
    import pyarrow
    from databricks_sql_kernel import Batch, ExecutedStatement, ResultStream

Row = tuple[Any, ...]

_BLOCK = 1000  # rows that fetchone turns into Python at a time


class ArrowSchema:
    """The schema of a result, for pyarrow, also after the rows were read."""

    def __init__(self, result: ExecutedStatement | ResultStream) -> None:
        self._capsule = result.__arrow_c_schema__()
        self._schema: pyarrow.Schema | None = None

    def __arrow_c_schema__(self) -> object:
        return self._capsule

    def get(self) -> pyarrow.Schema:
        if self._schema is None:
            import pyarrow

            self._schema = pyarrow.schema(self)  # empties the capsule
        return self._schema


class Window:
    """Rows that came and were not handed out yet."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._at = 0
        self._block: list[Row] = []
        self._block_start = 0

    def load(self, batch: Batch | None) -> None:
        self._batch, self._at, self._block, self._block_start = batch, 0, [], 0

    @property
    def left(self) -> int:
        return len(self._batch) - self._at if self._batch is not None else 0

    def one(self) -> Row:
        offset = self._at - self._block_start
        if offset >= len(self._block):
            self._block = self._rows(self._at, self._at + _BLOCK)
            self._block_start, offset = self._at, 0
        self._at += 1
        return self._block[offset]

    def many(self, size: int) -> list[Row]:
        """At most size rows of this batch."""
        stop = self._at + min(size, self.left)
        rows = self._rows(self._at, stop)
        self._at = stop
        return rows

    def arrow(self, size: int) -> pyarrow.RecordBatch:
        """At most size rows of this batch."""
        import pyarrow

        size = min(size, self.left)
        batch = pyarrow.record_batch(self._batch).slice(self._at, size)
        self._at += size
        return batch

    def _rows(self, start: int, stop: int) -> list[Row]:
        assert self._batch is not None
        try:
            return self._batch.rows(start, stop)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{error}; fetch these rows as Arrow") from error
