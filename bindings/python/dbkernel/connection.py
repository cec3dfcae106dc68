"""A session on the server."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import databricks_sql_kernel as kernel

from . import errors
from .cursor import Cursor
from .errors import InterfaceError, NotSupportedError, translated

if TYPE_CHECKING:
    from .window import Row


class Connection:
    """What :func:`dbkernel.connect` gives. Threads may share it; each takes its own cursor.

    Every statement is a transaction of its own: :meth:`commit` has nothing to do, :meth:`rollback` is not supported.
    """

    # PEP 249, optional extension: the exceptions, for code that has a connection but not the module.
    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, host: str, http_path: str, *, progress: bool = False, **options: Any) -> None:
        self._progress = progress
        options.setdefault("intervals_as_string", True)  # pyarrow and pandas cannot hold intervals of months
        with translated():
            self._session = kernel.Session(host, http_path, **options)

    @property
    def session_id(self) -> str:
        """The server's id, also after :meth:`close`."""
        return self._session.session_id

    @property
    def closed(self) -> bool:
        return self._session.closed

    def cursor(self, *, progress: bool | None = None) -> Cursor:
        """A new cursor; nothing is sent. ``progress`` instead of the connection's own."""
        self._session_in_use()
        return Cursor(self, progress=self._progress if progress is None else progress)

    def execute(self, sql: str, parameters: Any = None) -> Cursor:
        """A new cursor that has executed ``sql``."""
        return self.cursor().execute(sql, parameters)

    def fetchall(self, sql: str, parameters: Any = None) -> list[Row]:
        """All rows of ``sql``."""
        with self.execute(sql, parameters) as cursor:
            return cursor.fetchall()

    def commit(self) -> None:
        """Nothing: every statement has committed when it ended."""
        self._session_in_use()

    def rollback(self) -> None:
        raise NotSupportedError("every statement has committed when it ended: there is nothing to roll back")

    def close(self) -> None:
        """Closes the session on the server; results that were not read are lost. Again: nothing."""
        with translated():
            self._session.close()

    def _session_in_use(self) -> kernel.Session:
        if self._session.closed:
            raise InterfaceError("the connection is closed", code="InvalidStatementHandle")
        return self._session

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
