"""dbkernel for asyncio::

    from dbkernel import aio

    async with aio.connect(host, http_path, access_token=token) as connection:
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT :n AS n", {"n": 42})
            async for row in cursor:
                print(row)

No thread per call: the kernel's own threads do the network's work for all connections of the process, and the event
loop watches one file descriptor. Cancelling a task cancels its statement on the server. A connection belongs to the
event loop that opened it; tasks may share it, a cursor belongs to one task at a time.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import databricks_sql_kernel as kernel

from .bulk import Batch as InsertBatch
from .bulk import batches, template_of
from .cursor import Result, prepare
from .description import Description, describe
from .errors import InterfaceError, NotSupportedError, translated
from .parameters import Parameters, bind
from .window import ArrowSchema, Row, Window

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Connection", "Cursor", "connect"]

_EVERYTHING = 2**62
# dbk_catalog_call
_CATALOGS, _SCHEMAS, _TABLES, _COLUMNS, _PRIMARY_KEYS, _FOREIGN_KEYS = 0, 1, 2, 3, 7, 8


def _tell(ended: weakref.ref[asyncio.Future[None]], operation: kernel.Operation) -> None:
    future = ended()
    if future is not None and not future.done():
        future.set_result(None)


def _run_once(loop: kernel.Loop, waiting: set[asyncio.Future[None]]) -> None:
    """What the event loop calls; it alone keeps the futures, and so their tasks, alive: until it is closed."""
    loop.run_once()


async def _until(ended: asyncio.Future[None]) -> None:
    """Until it has ended, whoever cancels meanwhile."""
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            continue


class _Driver:
    """The kernel's operations of one event loop; all of its connections share it."""

    _of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Driver]] = weakref.WeakKeyDictionary()

    @classmethod
    def running(cls) -> _Driver:
        host = asyncio.get_running_loop()
        known = cls._of_loop.get(host)
        driver = known() if known is not None else None
        if driver is None:
            driver = cls(host)
            cls._of_loop[host] = weakref.ref(driver)
        return driver

    def __init__(self, host: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self.loop = kernel.Loop()
        self._waiting: set[asyncio.Future[None]] = set()
        host.add_reader(self.loop.fileno(), _run_once, self.loop, self._waiting)

    def __del__(self) -> None:
        """With the last connection, or after the event loop. What is under way then ends in the background."""
        if not self._host.is_closed():
            self._host.remove_reader(self.loop.fileno())
        self.loop.close()

    async def complete(
        self, start: Callable[..., kernel.Operation], *args: Any, keep: Callable[[kernel.Operation], None] | None = None, **options: Any
    ) -> Any:
        """The result of an operation. ``keep`` sees the operation at its end, also when the task is cancelled."""
        if asyncio.get_running_loop() is not self._host:
            raise InterfaceError("the connection belongs to another event loop")
        ended: asyncio.Future[None] = self._host.create_future()
        with translated():
            operation = start(partial(_tell, weakref.ref(ended)), *args, **options)
            self._waiting.add(ended)
            try:
                await asyncio.shield(ended)
            except asyncio.CancelledError:
                operation.cancel()
                await _until(ended)  # soon, whatever the server does
                raise
            finally:
                self._waiting.discard(ended)
                if keep is not None:
                    keep(operation)
            return operation.result()


class Connection:
    """A session on the server, from :func:`connect`."""

    def __init__(self, driver: _Driver, session: kernel.Session) -> None:
        self._driver = driver
        self._session = session

    @property
    def session_id(self) -> str:
        return self._session.session_id

    @property
    def closed(self) -> bool:
        return self._session.closed

    def cursor(self) -> Cursor:
        """A new cursor; nothing is sent."""
        self._session_in_use()
        return Cursor(self)

    async def execute(self, sql: str, parameters: Parameters | None = None) -> Cursor:
        """A new cursor that has executed ``sql``."""
        return await self.cursor().execute(sql, parameters)

    async def fetchall(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        """All rows of ``sql``."""
        async with self.cursor() as cursor:
            await cursor.execute(sql, parameters)
            return await cursor.fetchall()

    async def commit(self) -> None:
        """Nothing: every statement has committed when it ended."""
        self._session_in_use()

    async def rollback(self) -> None:
        raise NotSupportedError("every statement has committed when it ended: there is nothing to roll back")

    async def close(self) -> None:
        """Closes the session on the server. Again: nothing."""
        if not self._session.closed:
            await self._driver.complete(self._driver.loop.close_session, self._session)

    def _session_in_use(self) -> kernel.Session:
        if self._session.closed:
            raise InterfaceError("the connection is closed", code="InvalidStatementHandle")
        return self._session

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Opening:
    """``await connect(...)`` and ``async with connect(...)``."""

    def __init__(self, host: str, http_path: str, options: dict[str, Any]) -> None:
        self._arguments = (host, http_path)
        self._options = options
        self._connection: Connection | None = None

    async def _open(self) -> Connection:
        driver = _Driver.running()
        session = await driver.complete(driver.loop.open_session, *self._arguments, **self._options)
        return Connection(driver, session)

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._open().__await__()

    async def __aenter__(self) -> Connection:
        self._connection = await self._open()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()


def connect(host: str, http_path: str, **options: Any) -> _Opening:
    """Opens a session: to be awaited, or entered with ``async with``. Options as in :func:`dbkernel.connect`."""
    options.setdefault("intervals_as_string", True)
    return _Opening(host, http_path, options)


class Cursor:
    """The cursor of :mod:`dbkernel` with ``await``. :meth:`cancel` may be called by any task."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.description: list[Description] | None = None
        self.rowcount = -1
        self.query_id: str | None = None
        self._driver = connection._driver
        self._closed = False
        self._canceller: kernel.StatementCanceller | None = None
        self._result: Result | None = None
        self._window = Window()
        self._schema: ArrowSchema | None = None
        self._ended = True

    # ---- running ----

    async def execute(
        self,
        sql: str,
        parameters: Parameters | None = None,
        *,
        row_limit: int | None = None,
        query_tags: dict[str, str | None] | None = None,
    ) -> Cursor:
        """Runs ``sql`` to its end; gives the cursor, ready to fetch."""
        self._reset()
        with translated():
            statement = prepare(self._session(), sql, row_limit, query_tags)
            bind(statement, parameters)
        await self._run(statement)
        return self

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> Cursor:
        """As :meth:`dbkernel.Cursor.executemany`."""
        self._reset()
        template = template_of(sql)
        total: int | None = 0
        for item in rows if template is None else batches(template, rows):
            if isinstance(item, InsertBatch):
                await self._run_batch(item)
            else:
                await self.execute(sql, item)
            total = None if total is None or self.rowcount < 0 else total + self.rowcount
        self._reset()
        self.rowcount = -1 if total is None else total
        return self

    async def _run_batch(self, batch: InsertBatch) -> None:
        with translated():
            statement = prepare(self._session(), batch.sql, None, None)
            for name, (text, sql_type) in batch.parameters.items():
                statement.bind_named_param(name, text, sql_type)
        await self._run(statement)

    async def _run(self, statement: kernel.Statement) -> None:
        self._canceller = statement.canceller()
        loop = self._driver.loop
        result: kernel.ExecutedStatement = await self._driver.complete(loop.execute, statement, keep=self._note_query_id)
        await self._show(result, result.num_modified_rows, result.total_rows)

    def _note_query_id(self, operation: kernel.Operation) -> None:
        self.query_id = operation.query_id

    async def _show(self, result: Result, modified: int | None, total: int | None) -> None:
        self._result = result
        columns = [] if modified is not None else await self._driver.complete(self._driver.loop.columns, result)
        if not columns:
            self.rowcount = -1 if modified is None else modified
            result.close()
            self._result = None
            return
        self.description = describe(columns)
        self._schema = ArrowSchema(result)
        self.rowcount = -1 if total is None else total
        self._ended = False

    def cancel(self) -> None:
        """Cancels what runs, on the server too; the task that waits for it gets OperationalError. Any task or thread."""
        if self._canceller is not None:
            with translated():
                self._canceller.cancel()

    # ---- rows ----

    async def fetchone(self) -> Row | None:
        """The next row, None at the end."""
        return self._window.one() if await self._ready() else None

    async def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next ``size`` rows (``arraysize`` when not given), fewer at the end."""
        wanted = self.arraysize if size is None else size
        rows: list[Row] = []
        while len(rows) < wanted and await self._ready():
            rows += self._window.many(wanted - len(rows))
        return rows

    async def fetchall(self) -> list[Row]:
        """All rows that were not fetched yet."""
        return await self.fetchmany(_EVERYTHING)

    async def __aiter__(self) -> AsyncIterator[Row]:
        while await self._ready():
            yield self._window.one()

    # ---- Arrow ----

    async def batches(self) -> AsyncIterator[pyarrow.RecordBatch]:
        """The rows that were not fetched yet, batch by batch as they come."""
        while await self._ready():
            yield self._window.arrow(_EVERYTHING)

    async def fetchmany_arrow(self, size: int | None = None) -> pyarrow.Table:
        """The next ``size`` rows (``arraysize`` when not given) as a table of pyarrow."""
        import pyarrow

        self._with_rows()
        assert self._schema is not None
        wanted = self.arraysize if size is None else size
        parts: list[pyarrow.RecordBatch] = []
        while wanted > 0 and await self._ready():
            parts.append(self._window.arrow(wanted))
            wanted -= parts[-1].num_rows
        return pyarrow.Table.from_batches(parts, schema=self._schema.get())

    async def fetchall_arrow(self) -> pyarrow.Table:
        """All rows that were not fetched yet as a table of pyarrow."""
        return await self.fetchmany_arrow(_EVERYTHING)

    async def fetch_df(self) -> pandas.DataFrame:
        """The rows that were not fetched yet as a DataFrame of pandas; needs pandas and pyarrow."""
        return (await self.fetchall_arrow()).to_pandas()

    async def fetch_polars(self) -> polars.DataFrame:
        """The rows that were not fetched yet as a DataFrame of polars; needs polars and pyarrow."""
        import polars

        return polars.DataFrame(await self.fetchall_arrow())

    # ---- the catalog: each gives the cursor, ready to fetch ----

    async def catalogs(self) -> Cursor:
        return await self._list(_CATALOGS)

    async def schemas(self, catalog: str | None = None, schema_pattern: str | None = None) -> Cursor:
        return await self._list(_SCHEMAS, catalog, schema_pattern)

    async def tables(
        self, catalog: str | None = None, schema_pattern: str | None = None, table_pattern: str | None = None
    ) -> Cursor:
        return await self._list(_TABLES, catalog, schema_pattern, table_pattern)

    async def columns(
        self,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        column_pattern: str | None = None,
    ) -> Cursor:
        return await self._list(_COLUMNS, catalog, schema_pattern, table_pattern, column_pattern)

    async def primary_keys(self, catalog: str, schema: str, table: str) -> Cursor:
        return await self._list(_PRIMARY_KEYS, catalog, schema, table)

    async def foreign_keys(self, catalog: str, schema: str, table: str) -> Cursor:
        return await self._list(_FOREIGN_KEYS, catalog, schema, table)

    async def _list(self, call: int, *filters: str | None) -> Cursor:
        self._reset()
        self.query_id = None
        loop = self._driver.loop
        await self._show(await self._driver.complete(loop.metadata, self._session(), call, *filters), None, None)
        return self

    # ---- what PEP 249 asks for ----

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Nothing: values bring their types."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing: values come whole."""

    async def close(self) -> None:
        """Drops the rows that were not fetched. The cursor cannot be used any more."""
        if not self._closed and not self.connection.closed:
            self._reset()
        self._closed = True

    @property
    def closed(self) -> bool:
        return self._closed

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ---- inside ----

    def _session(self) -> kernel.Session:
        if self._closed:
            raise InterfaceError("the cursor is closed", code="InvalidStatementHandle")
        return self.connection._session_in_use()

    def _reset(self) -> None:
        self._session()
        if self._result is not None:
            with translated():
                self._result.close()  # never waits: the server is told in the background
        self._window.load(None)
        self._ended = True
        self._result = None
        self._canceller = None
        self.description = None
        self.rowcount = -1

    def _with_rows(self) -> Result:
        self._session()
        if self._result is None:
            raise InterfaceError("there are no rows: execute a query first")
        return self._result

    async def _ready(self) -> bool:
        """Is there a row? Waits for the next batch when the last one was handed out."""
        result = self._with_rows()
        while self._window.left == 0:
            if self._ended:
                return False
            await self._driver.complete(self._driver.loop.next_batch, result, keep=self._keep_batch)
        return True

    def _keep_batch(self, operation: kernel.Operation) -> None:
        """A batch that came while the task was cancelled is not lost."""
        try:
            batch = operation.result()
        except kernel.KernelError:
            return  # told by complete()
        self._window.load(batch)
        self._ended = batch is None
