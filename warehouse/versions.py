"""What was done to a table: the versions that DESCRIBE HISTORY lists.

Only the list is kept. The rows of older versions are gone, so there is no time travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from warehouse.catalog import Table
from warehouse.dialect import types as T
from warehouse.dialect.lexer import Cursor
from warehouse.errors import SqlError
from warehouse.sessions import Session

KEPT = 1000  # versions of a table; older ones are forgotten
_TEXTS = T.SparkType("MAP", args=(T.STRING, T.STRING))
_COLUMNS = [
    ("version", T.BIGINT), ("timestamp", T.TIMESTAMP), ("userId", T.STRING), ("userName", T.STRING),
    ("operation", T.STRING), ("operationParameters", _TEXTS),
    ("job", T.struct(["jobId", "jobName", "jobRunId", "runId", "jobOwnerId", "triggerType"], [T.STRING] * 6)),
    ("notebook", T.struct(["notebookId"], [T.STRING])), ("clusterId", T.STRING), ("readVersion", T.BIGINT),
    ("isolationLevel", T.STRING), ("isBlindAppend", T.BOOLEAN), ("operationMetrics", _TEXTS),
    ("userMetadata", T.STRING), ("engineInfo", T.STRING),
]  # fmt: skip


@dataclass(frozen=True)
class Version:
    at: datetime
    user: str
    operation: str
    parameters: dict[str, str]
    metrics: dict[str, str]


def record(
    session: Session,
    table: Table,
    operation: str,
    parameters: dict[str, str] | None = None,
    metrics: dict[str, int] | None = None,
) -> None:
    """Adds a version; inside a transaction it waits for COMMIT."""
    texts = {name: str(count) for name, count in (metrics or {}).items()}
    version = Version(datetime.now(UTC), session.user, operation, parameters or {}, texts)
    if session.transaction is not None:
        session.transaction.versions.append((table, version))
    else:
        append(table, version)


def append(table: Table, version: Version) -> None:
    number = table.history[-1][0] + 1 if table.history else 0
    table.history.append((number, version))
    del table.history[:-KEPT]


def described(table: Table, at: Cursor) -> tuple[list, list[tuple]]:
    """Behind ``DESCRIBE HISTORY name``: the newest first."""
    most = None
    if at.accept("LIMIT"):
        token = at.next()
        if not token.text.isdigit():
            raise at.error()
        most = int(token.text)
    at.end()
    if table.kind != "TABLE":
        raise SqlError(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", f"DESCRIBE HISTORY expects a table: `{table.name}` is a view", "42809"
        )
    return _COLUMNS, [_row(number, version) for number, version in table.history[::-1][:most]]


def _row(number: int, version: Version) -> tuple:
    appends = version.operation == "WRITE" and version.parameters.get("mode") == "Append"
    return (
        number, version.at, version.user, version.user, version.operation, sorted(version.parameters.items()),
        None, None, None, number - 1 if number else None, "WriteSerializable", appends,
        sorted(version.metrics.items()), None, "dbkernel-local-warehouse",
    )  # fmt: skip
