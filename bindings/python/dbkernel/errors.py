"""The exceptions of PEP 249, and which of them a failure of the kernel becomes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


class Warning(Exception):  # noqa: A001 - PEP 249 names it so
    """Something important that is no error."""


class Error(Exception):
    """Every failure.

    ``code`` is the kernel's word ("SqlError", "Timeout", ...), ``sqlstate`` the five characters of SQL, ``error_class`` the
    server's name of the condition, ``query_id`` the statement it is about; ``retryable``: repeating is safe and may
    help; ``may_have_executed``: the statement may have run although the call failed. Unknown ones are None.
    """

    def __init__(self, message: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code: str | None = facts.get("code")
        self.sqlstate: str | None = facts.get("sqlstate")
        self.error_class: str | None = facts.get("error_class")
        self.query_id: str | None = facts.get("query_id")
        self.http_status: int | None = facts.get("http_status")
        self.retryable: bool = facts.get("retryable", False)
        self.may_have_executed: bool = facts.get("may_have_executed", False)


class InterfaceError(Error):
    """A mistake in the use of this package, such as a closed cursor."""


class DatabaseError(Error):
    """A failure of the server or of its answer."""


class DataError(DatabaseError):
    """A value that does not fit."""


class OperationalError(DatabaseError):
    """Network, credentials, time limits, cancelled statements."""


class IntegrityError(DatabaseError):
    """A constraint is violated."""


class InternalError(DatabaseError):
    """Something that should not happen."""


class ProgrammingError(DatabaseError):
    """SQL that cannot run, wrong parameters or arguments."""


class NotSupportedError(DatabaseError):
    """Something that the server cannot do, such as rollback."""


_BY_CODE: dict[str, type[Error]] = {
    "InvalidArgument": ProgrammingError,
    "NotFound": ProgrammingError,
    "InvalidStatementHandle": InterfaceError,
    "Unauthenticated": OperationalError,
    "PermissionDenied": OperationalError,
    "ResourceExhausted": OperationalError,
    "Unavailable": OperationalError,
    "Timeout": OperationalError,
    "Cancelled": OperationalError,
    "NetworkError": OperationalError,
    "Internal": InternalError,
}
# The first two characters of SQLSTATE.
_BY_SQLSTATE_CLASS: dict[str, type[Error]] = {
    "0A": NotSupportedError,
    "21": ProgrammingError,
    "22": DataError,
    "23": IntegrityError,
    "42": ProgrammingError,
    "XX": InternalError,
}


def from_kernel(error: Any) -> Error:
    """The exception for a ``databricks_sql_kernel.KernelError``."""
    kind = _BY_CODE.get(error.code, DatabaseError)
    if error.code == "SqlError" and error.sql_state:
        kind = _BY_SQLSTATE_CLASS.get(error.sql_state[:2], DatabaseError)
    return kind(
        error.message,
        code=error.code,
        sqlstate=error.sql_state,
        error_class=_error_class(error),
        query_id=error.query_id,
        http_status=error.http_status,
        retryable=error.retryable,
        may_have_executed=error.may_have_executed,
    )


def _error_class(error: Any) -> str | None:
    """The condition in brackets at the start of the message, else the server's error code."""
    message: str = error.message
    if message.startswith("[") and "]" in message:
        return message[1 : message.index("]")]
    code: str | None = error.error_code
    return code


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Failures of the kernel inside leave it as exceptions of this package."""
    import databricks_sql_kernel as kernel

    try:
        yield
    except kernel.KernelError as error:
        raise from_kernel(error) from error
