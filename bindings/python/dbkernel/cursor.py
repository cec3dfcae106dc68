"""Statements and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import databricks_sql_kernel as kernel

from .bulk import Batch as InsertBatch
from .bulk import batches, template_of
from .description import Description, describe
from .errors import InterfaceError, translated
from .parameters import Parameters, bind
from .progress import Bar
from .window import ArrowSchema, Row, Window

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .connection import Connection

Result = kernel.ExecutedStatement | kernel.ResultStream

_EVERYTHING = 2**62


def prepare(session: kernel.Session, sql: str, row_limit: int | None, query_tags: dict[str, str | None] | None) -> kernel.Statement:
    """A statement that has everything but its parameters."""
    statement = session.statement()
    statement.set_sql(sql)
    statement.set_row_limit(row_limit)
    if query_tags:
        statement.set_query_tags(query_tags)
    return statement


class Cursor:
    """PEP 249, and the rows as Arrow. For one thread at a time, except :meth:`cancel`.

    Rows are read while they are fetched: a large result needs the memory of a few chunks.
    """

    def __init__(self, connection: Connection, *, progress: bool = False) -> None:
        self.connection = connection
        self.arraysize = 1
        self.description: list[Description] | None = None
        self.rowcount = -1
        self.query_id: str | None = None
        self.lastrowid = None
        self._progress = progress
        self._closed = False
        self._canceller: kernel.StatementCanceller | None = None
        self._result: Result | None = None
        self._window = Window()
        self._schema: ArrowSchema | None = None
        self._untouched = False  # no row was taken from the result
        self._ended = True  # nothing is left to read
        self._bar = Bar(False, None)

    # ---- running ----

    def execute(
        self,
        sql: str,
        parameters: Parameters | None = None,
        *,
        row_limit: int | None = None,
        query_tags: dict[str, str | None] | None = None,
    ) -> Cursor:
        """Runs ``sql`` and waits for its end; gives the cursor, ready to fetch.

        ``parameters``: a mapping for ``:name``, a sequence for ``?``. ``row_limit``: at most so many rows.
        """
        self._reset()
        with translated():
            statement = prepare(self._session(), sql, row_limit, query_tags)
            bind(statement, parameters)
            self._run(statement)
        return self

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Cursor:
        """Runs ``sql`` once per element of ``rows``; ``rowcount`` is the sum.

        ``INSERT INTO table VALUES (...)`` becomes few statements of many rows each, where the effect is the same
        (``dbkernel/bulk.py``); each inserts all of its rows or none.
        """
        self._reset()
        template = template_of(sql)
        total: int | None = 0
        for item in rows if template is None else batches(template, rows):
            if isinstance(item, InsertBatch):
                changed = self._run_batch(item)
            else:
                self.execute(sql, item)
                changed = self.rowcount
            total = None if total is None or changed < 0 else total + changed
        self._reset()
        self.rowcount = -1 if total is None else total
        return self

    def _run_batch(self, batch: InsertBatch) -> int:
        with translated():
            statement = prepare(self._session(), batch.sql, None, None)
            for name, (text, sql_type) in batch.parameters.items():
                statement.bind_named_param(name, text, sql_type)
            self._run(statement)
        return self.rowcount

    def _run(self, statement: kernel.Statement) -> None:
        self._canceller = statement.canceller()
        try:
            result = statement.execute()
        finally:
            self.query_id = self._canceller.statement_id()
        self._show(result, result.num_modified_rows, result.total_rows)

    def _show(self, result: Result, modified: int | None, total: int | None) -> None:
        """Makes the result the cursor's own. A change of data has a count, no rows."""
        self._result = result
        columns = [] if modified is not None else result.columns()
        if not columns:
            self.rowcount = -1 if modified is None else modified
            result.close()
            self._result = None
            return
        self.description = describe(columns)
        self._schema = ArrowSchema(result)
        self.rowcount = -1 if total is None else total
        self._untouched = True
        self._ended = False
        self._bar = Bar(self._progress, total)

    def cancel(self) -> None:
        """Cancels what runs, on the server too; the call that waits for it ends with OperationalError. Any thread."""
        canceller, result = self._canceller, self._result
        with translated():
            if canceller is not None:
                canceller.cancel()
            if isinstance(result, kernel.ExecutedStatement):
                result.cancel()

    # ---- rows ----

    def fetchone(self) -> Row | None:
        """The next row, None at the end."""
        return self._window.one() if self._ready() else None

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next ``size`` rows (``arraysize`` when not given), fewer at the end."""
        wanted = self.arraysize if size is None else size
        rows: list[Row] = []
        while len(rows) < wanted and self._ready():
            rows += self._window.many(wanted - len(rows))
        return rows

    def fetchall(self) -> list[Row]:
        """All rows that were not fetched yet."""
        return self.fetchmany(_EVERYTHING)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    # ---- Arrow ----

    def fetchmany_arrow(self, size: int | None = None) -> pyarrow.Table:
        """The next ``size`` rows (``arraysize`` when not given) as a table of pyarrow."""
        import pyarrow

        schema = self._arrow_schema()
        wanted = self.arraysize if size is None else size
        parts: list[pyarrow.RecordBatch] = []
        while wanted > 0 and self._ready():
            parts.append(self._window.arrow(wanted))
            wanted -= parts[-1].num_rows
        return pyarrow.Table.from_batches(parts, schema=schema)

    def fetchall_arrow(self) -> pyarrow.Table:
        """All rows that were not fetched yet as a table of pyarrow."""
        return self.fetchmany_arrow(_EVERYTHING)

    def fetch_record_batch_reader(self) -> pyarrow.RecordBatchReader:
        """The rows that were not fetched yet, read as the reader is read. The cursor has none left."""
        import pyarrow

        if self._untouched:
            return pyarrow.RecordBatchReader.from_stream(self)
        return pyarrow.RecordBatchReader.from_batches(self._arrow_schema(), self._arrow_batches())

    def fetch_df(self) -> pandas.DataFrame:
        """The rows that were not fetched yet as a DataFrame of pandas; needs pandas and pyarrow."""
        return self.fetchall_arrow().to_pandas()

    def fetch_polars(self) -> polars.DataFrame:
        """The rows that were not fetched yet as a DataFrame of polars; needs no pyarrow when none was fetched."""
        import polars

        return polars.DataFrame(self if self._untouched else self.fetchall_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows that were not fetched yet for whoever reads the Arrow C stream interface (polars, DuckDB, nanoarrow)."""
        result = self._with_rows()
        if not self._untouched:
            return self.fetch_record_batch_reader().__arrow_c_stream__(requested_schema)
        self._end()
        with translated():
            return result.__arrow_c_stream__(requested_schema)

    def _arrow_batches(self) -> Iterator[pyarrow.RecordBatch]:
        while self._ready():
            yield self._window.arrow(_EVERYTHING)

    def _arrow_schema(self) -> pyarrow.Schema:
        self._with_rows()
        assert self._schema is not None
        return self._schema.get()

    # ---- the catalog: each gives the cursor, ready to fetch ----

    def catalogs(self) -> Cursor:
        """TABLE_CAT of every catalog."""
        return self._list("list_catalogs")

    def schemas(self, catalog: str | None = None, schema_pattern: str | None = None) -> Cursor:
        """The schemas of a catalog, or of all; patterns are those of LIKE."""
        return self._list("list_schemas", catalog=catalog, schema_pattern=schema_pattern)

    def tables(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        table_types: Sequence[str] | None = None,
    ) -> Cursor:
        """Tables and views, in the columns of JDBC's getTables."""
        return self._list(
            "list_tables",
            catalog=catalog,
            schema_pattern=schema_pattern,
            table_pattern=table_pattern,
            table_types=table_types,
        )

    def columns(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        column_pattern: str | None = None,
    ) -> Cursor:
        """Columns of tables, in the columns of JDBC's getColumns."""
        return self._list(
            "list_columns",
            catalog=catalog,
            schema_pattern=schema_pattern,
            table_pattern=table_pattern,
            column_pattern=column_pattern,
        )

    def primary_keys(self, catalog: str, schema: str, table: str) -> Cursor:
        """The primary key of a table, a row per column."""
        return self._list("primary_keys", catalog=catalog, schema=schema, table=table)

    def foreign_keys(self, catalog: str, schema: str, table: str) -> Cursor:
        """The foreign keys of a table, a row per column."""
        return self._list("foreign_keys", foreign_catalog=catalog, foreign_schema=schema, foreign_table=table)

    def _list(self, call: str, **filters: Any) -> Cursor:
        self._reset()
        self.query_id = None
        with translated():
            self._show(getattr(self._session().metadata(), call)(**filters), None, None)
        return self

    # ---- what PEP 249 asks for ----

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Nothing: values bring their types."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing: values come whole."""

    def close(self) -> None:
        """Drops the rows that were not fetched. The cursor cannot be used any more."""
        if not self._closed and not self.connection.closed:
            self._reset()
        self._closed = True

    @property
    def closed(self) -> bool:
        return self._closed

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside ----

    def _session(self) -> kernel.Session:
        if self._closed:
            raise InterfaceError("the cursor is closed", code="InvalidStatementHandle")
        return self.connection._session_in_use()

    def _reset(self) -> None:
        self._session()
        self._end()
        if self._result is not None:
            with translated():
                self._result.close()
        self._result = None
        self._canceller = None
        self.description = None
        self.rowcount = -1

    def _end(self) -> None:
        self._window.load(None)
        self._untouched = False
        self._ended = True
        self._bar.close()

    def _with_rows(self) -> Result:
        self._session()
        if self._result is None:
            raise InterfaceError("there are no rows: execute a query first")
        return self._result

    def _ready(self) -> bool:
        """Is there a row? Waits for the next batch when the last one was handed out."""
        result = self._with_rows()
        while self._window.left == 0:
            if self._ended:
                return False
            self._untouched = False
            with translated():
                batch = result.fetch_next()
            self._window.load(batch)
            if batch is None:
                self._end()
                return False
            self._bar.update(len(batch))
        return True
