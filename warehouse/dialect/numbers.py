"""Spark's rules for the result types of arithmetic."""

from __future__ import annotations

from warehouse.dialect import types as T
from warehouse.dialect.types import INTEGRAL, SparkType, decimal

_INTEGRAL_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 20}


def as_decimal(kind: SparkType, literal: str | None = None) -> SparkType | None:
    """The decimal that an operand counts as; an integer literal counts with its own digits."""
    if kind.kind == "DECIMAL":
        return kind
    if kind.kind in _INTEGRAL_DIGITS:
        if literal is not None and literal.isdigit():
            return decimal(max(1, len(literal.lstrip("0"))), 0)
        return decimal(_INTEGRAL_DIGITS[kind.kind], 0)
    return None


def bounded(precision: int, scale: int) -> SparkType:
    """Loses scale before it loses integer digits, but keeps at least six decimals."""
    if precision <= 38:
        return decimal(precision, scale)
    least = min(scale, 6)
    return decimal(38, max(38 - (precision - scale), least))


def add_type(a: SparkType, b: SparkType) -> SparkType:
    scale = max(a.scale, b.scale)
    return bounded(max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)


def multiply_type(a: SparkType, b: SparkType) -> SparkType:
    return bounded(a.precision + b.precision + 1, a.scale + b.scale)


def divide_type(a: SparkType, b: SparkType) -> SparkType:
    scale = max(6, a.scale + b.precision + 1)
    return bounded(a.precision - a.scale + b.scale + scale, scale)


def remainder_type(a: SparkType, b: SparkType) -> SparkType:
    scale = max(a.scale, b.scale)
    return bounded(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)


_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")


def _span(a: SparkType, b: SparkType) -> SparkType:
    """The interval type that holds both: from the largest to the smallest unit."""
    places = sorted(_UNITS.index(unit) for kind in (a, b) for unit in kind.interval.split(" TO "))
    first, last = _UNITS[places[0]], _UNITS[places[-1]]
    return SparkType("INTERVAL", interval=first if first == last else f"{first} TO {last}")


def wider(a: SparkType | None, b: SparkType | None) -> SparkType | None:
    """The common type of two branches (UNION, CASE, COALESCE, array elements); None: unknown."""
    if a is None or b is None:
        return None
    if a == b or b.kind == "VOID":
        return a
    if a.kind == "VOID":
        return b
    if a.is_integral() and b.is_integral():
        return a if INTEGRAL.index(a.kind) >= INTEGRAL.index(b.kind) else b
    if a.is_numeric() and b.is_numeric():
        left, right = as_decimal(a), as_decimal(b)
        if left is None or right is None:
            return T.FLOAT if {a.kind, b.kind} <= {"FLOAT", *INTEGRAL} else T.DOUBLE
        scale = max(left.scale, right.scale)
        return bounded(max(left.precision - left.scale, right.precision - right.scale) + scale, scale)
    if a.is_string() and b.is_string():
        return T.STRING
    times = {"DATE", "TIMESTAMP", "TIMESTAMP_NTZ"}
    if {a.kind, b.kind} <= times:
        return T.TIMESTAMP if "TIMESTAMP" in (a.kind, b.kind) else T.TIMESTAMP_NTZ
    if a.kind == b.kind == "INTERVAL" and a.is_year_month() == b.is_year_month():
        return _span(a, b)
    if a.kind == b.kind and len(a.args) == len(b.args) and a.args:
        args = tuple(wider(x, y) for x, y in zip(a.args, b.args))
        if None not in args:
            return SparkType(a.kind, args=args, names=a.names)
    return None
