"""Databricks SQL from Python (PEP 249), on the module ``databricks_sql_kernel`` and nothing else::

    import dbkernel

    with dbkernel.connect(host, http_path, access_token=token) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT :n AS n", {"n": 42})
            print(cursor.fetchall())

``dbkernel.aio`` is the same for asyncio. Importing this package loads neither the kernel nor Arrow: the first
``connect`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from .types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

if TYPE_CHECKING:
    from .connection import Connection
    from .cursor import Cursor

__version__ = "0.1.0"

apilevel = "2.0"
threadsafety = 2  # threads may share the module and connections; a cursor belongs to one thread at a time
paramstyle = "named"  # what the server reads: :name with a mapping; ? with a sequence works as well

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]


def connect(host: str, http_path: str, *, progress: bool = False, **options: Any) -> Connection:
    """Opens a session and gives a :class:`Connection`.

    ``options`` are those of ``databricks_sql_kernel.Session``: ``access_token`` or another ``auth_type``, ``catalog``,
    ``schema``, ``session_conf``, ``proxy``, ``tls_ca_cert`` and more. ``progress`` shows a bar while rows are read, where
    tqdm is installed.
    """
    from .connection import Connection

    return Connection(host, http_path, progress=progress, **options)


def __getattr__(name: str) -> Any:
    if name == "Connection":
        from .connection import Connection

        return Connection
    if name == "Cursor":
        from .cursor import Cursor

        return Cursor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
