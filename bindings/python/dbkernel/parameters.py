"""Python values as typed parameters of a statement."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import DataError, NotSupportedError, ProgrammingError

Parameters = Mapping[str, Any] | Sequence[Any]


class Bound(NamedTuple):
    """A value as the kernel takes it: its text, or None, and its SQL type."""

    text: str | None
    sql_type: str


def bound(value: Any) -> Bound:
    """The smallest exact type that holds the value."""
    if value is None:
        return Bound(None, "VOID")
    if isinstance(value, bool):
        return Bound(str(value).lower(), "BOOLEAN")
    if isinstance(value, int):
        return _bound_int(value)
    if isinstance(value, float):
        return _bound_float(value)
    if isinstance(value, str):
        return Bound(value, "STRING")
    if isinstance(value, decimal.Decimal):
        return _bound_decimal(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return Bound(value.isoformat(" "), "TIMESTAMP_NTZ")
        return Bound(value.astimezone(datetime.timezone.utc).isoformat(" "), "TIMESTAMP")
    if isinstance(value, datetime.date):
        return Bound(value.isoformat(), "DATE")
    raise NotSupportedError(
        f"a parameter of the type {type(value).__name__} cannot be sent: use str, int, float, bool, Decimal, date, datetime or None"
        + (" (bytes: write unhex(:name) in the SQL and pass value.hex())" if isinstance(value, (bytes, bytearray)) else "")
    )


def _bound_int(value: int) -> Bound:
    if -(2**31) <= value < 2**31:
        return Bound(str(value), "INT")
    if -(2**63) <= value < 2**63:
        return Bound(str(value), "BIGINT")
    return _bound_decimal(decimal.Decimal(value))


def _bound_float(value: float) -> Bound:
    if value != value or value in (float("inf"), float("-inf")):
        raise DataError(f"the server takes no {value} as a parameter: write double('{value}') in the SQL")
    return Bound(repr(value), "DOUBLE")


def _bound_decimal(value: decimal.Decimal) -> Bound:
    if not value.is_finite():
        raise DataError(f"a DECIMAL cannot hold {value}")
    precision, scale = decimal_size(value)
    if precision > 38:
        raise DataError(f"{value} has {precision} digits; a DECIMAL holds 38")
    return Bound(format(value, "f"), f"DECIMAL({precision},{scale})")


def decimal_size(value: decimal.Decimal) -> tuple[int, int]:
    """Precision and scale that hold it exactly."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    return max(len(digits) + max(0, exponent), scale, 1), scale


def bind(statement: Any, parameters: Parameters | None) -> None:
    """Binds a mapping by name, a sequence by position."""
    if not parameters:
        return
    if isinstance(parameters, Mapping):
        for name, value in parameters.items():
            text, sql_type = bound(value)
            statement.bind_named_param(str(name).removeprefix(":"), text, sql_type)
    elif isinstance(parameters, Sequence) and not isinstance(parameters, (str, bytes)):
        for ordinal, value in enumerate(parameters, 1):
            text, sql_type = bound(value)
            statement.bind_param(ordinal, text, sql_type)
    else:
        raise ProgrammingError(f"parameters must be a mapping (:name) or a sequence (?), not {type(parameters).__name__}")


# ---- the parameters in a text: outside of strings, quoted names and comments ----

_TOKEN = re.compile(
    r"""(?P<skip> r'[^']*' | r"[^"]*"
                | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | :: )
      | (?P<name> :[A-Za-z_]\w* )
      | (?P<mark> \? )
      | (?P<word> [A-Za-z_]\w* )
      | (?P<other> . )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


class Token(NamedTuple):
    kind: str  # skip, name, mark, word, other
    text: str


def tokens(sql: str) -> Iterator[Token]:
    """The text in pieces, nothing left out."""
    for match in _TOKEN.finditer(sql):
        yield Token(match.lastgroup or "other", match.group())
