"""Errors that reach a client: a failed statement (HTTP 200, state FAILED) or a refused request."""

from __future__ import annotations


class SqlError(Exception):
    """A statement failed. The text follows Spark: ``[CONDITION] message. SQLSTATE: xxxxx``.

    ``context`` comes behind the state: the place in the statement and its text.
    """

    def __init__(
        self, condition: str, message: str, sql_state: str, error_code: str = "BAD_REQUEST", context: str = ""
    ):
        text = message.rstrip()
        if not text.endswith((".", "!", "?")):
            text += "."
        super().__init__(f"[{condition}] {text} SQLSTATE: {sql_state}{context}")
        self.condition = condition
        self.sql_state = sql_state
        self.error_code = error_code


class Canceled(Exception):
    """The statement was interrupted by its client."""


class ApiError(Exception):
    """A request was refused: answered as ``{error_code, message}`` with this HTTP status."""

    def __init__(self, status: int, error_code: str, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.headers = headers or {}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def not_found(message: str) -> ApiError:
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)
