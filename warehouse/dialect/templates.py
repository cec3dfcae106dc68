"""Spark functions written in DuckDB's SQL: a template whose words ``a b c d e f`` are the arguments.

The key is the function's SQL name, or sqlglot's class name for the functions that it knows. The type is
Spark's result type, ``0`` for the type of the first argument, ``-1`` for that of its elements, None for
what DuckDB finds.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from warehouse.dialect import types as T
from warehouse.dialect.types import SparkType

_PARAMETERS = "abcdefgh"


@dataclass(frozen=True)
class Template:
    duck: str
    type: SparkType | int | None
    least: int = 1  # arguments without which it is not used


def _element(kind: SparkType) -> SparkType:
    return kind.args[0]


TEMPLATES: dict[str, Template] = {
    # intervals
    "make_dt_interval": Template("to_microseconds(CAST(((CAST(a AS BIGINT) * 24 + b) * 60 + c) * 60000000 + d * 1000000 AS BIGINT))", T.DAY_TIME, 4),
    "make_ym_interval": Template("to_months(CAST(a * 12 + b AS INTEGER))", T.YEAR_MONTH, 2),
    # numbers
    "pmod": Template("((a % b) + b) % b", 0, 2),
    "WidthBucket": Template(
        "CASE WHEN a < b THEN 0 WHEN a >= c THEN d + 1 ELSE CAST(floor((a - b) / (c - b) * d) AS BIGINT) + 1 END", T.BIGINT, 4
    ),
    "nullifzero": Template("nullif(a, 0)", 0),
    "zeroifnull": Template("coalesce(a, 0)", T.INT),
    "Sign": Template("CAST(sign(a) AS DOUBLE)", T.DOUBLE),
    "try_subtract": Template("TRY(a - b)", 0, 2),
    "try_multiply": Template("TRY(a * b)", 0, 2),
    # texts
    "octet_length": Template("strlen(a)", T.INT),
    "Soundex": Template("lw_soundex(a)", T.STRING),
    "schema_of_variant": Template("schema_of_variant(CAST(a AS VARCHAR))", T.STRING),
    "Shuffle": Template("lw_shuffle(a)", 0),
    "btrim": Template("trim(a)", T.STRING),
    "ucase": Template("upper(a)", T.STRING),
    "lcase": Template("lower(a)", T.STRING),
    "url_encode": Template("replace(url_encode(a), '%20', '+')", T.STRING),
    "url_decode": Template("url_decode(replace(a, '+', ' '))", T.STRING),
    "find_in_set": Template("coalesce(list_position(string_split(b, ','), a), 0)", T.INT, 2),
    "format_number": Template("format('{:,.' || b || 'f}', CAST(a AS DOUBLE))", T.STRING, 2),
    "StrToMap": Template(
        "map_from_entries(list_transform(string_split(a, b), LAMBDA x : {'k': split_part(x, c, 1), 'v': split_part(x, c, 2)}))",
        SparkType("MAP", args=(T.STRING, T.STRING)), 3,
    ),
    # dates
    "timestamp_seconds": Template("make_timestamptz(CAST(CAST(a AS DOUBLE) * 1000000 AS BIGINT))", T.TIMESTAMP),
    "timestamp_millis": Template("make_timestamptz(CAST(a AS BIGINT) * 1000)", T.TIMESTAMP),
    "timestamp_micros": Template("make_timestamptz(CAST(a AS BIGINT))", T.TIMESTAMP),
    "UnixToTime": Template("make_timestamptz(CAST(CAST(a AS DOUBLE) * 1000000 AS BIGINT))", T.TIMESTAMP),
    "weekday": Template("CAST(isodow(a) - 1 AS INTEGER)", T.INT),
    "DayOfWeek": Template("CAST(dayofweek(a) + 1 AS INTEGER)", T.INT),
    "Dayname": Template("left(dayname(a), 3)", T.STRING),
    "Monthname": Template("left(monthname(a), 3)", T.STRING),
    "UnixDate": Template("CAST(a - DATE '1970-01-01' AS INTEGER)", T.INT),
    "DateFromUnixDate": Template("DATE '1970-01-01' + CAST(a AS INTEGER)", T.DATE),
    "TimestampFromParts": Template("CAST(make_timestamp(a, b, c, d, e, CAST(f AS DOUBLE)) AS TIMESTAMPTZ)", T.TIMESTAMP, 6),
    "AtTimeZone": Template("CAST(CAST(a AS TIMESTAMPTZ) AT TIME ZONE b AS TIMESTAMPTZ)", T.TIMESTAMP, 2),
    "FromTimeZone": Template("CAST(a AS TIMESTAMP) AT TIME ZONE b", T.TIMESTAMP, 2),
    "try_to_timestamp": Template("TRY_CAST(lw_time_text(a) AS TIMESTAMPTZ)", T.TIMESTAMP),
    "to_unix_timestamp": Template("CAST(floor(epoch(CAST(a AS TIMESTAMPTZ))) AS BIGINT)", T.BIGINT),
    # arrays and maps
    "get": Template("CASE WHEN b >= 0 THEN list_extract(a, b + 1) END", -1, 2),
    "ArrayDistinct": Template("lw_distinct(a)", 0),
    "array_union": Template("lw_distinct(list_concat(a, b))", 0, 2),
    "ArrayIntersect": Template("lw_distinct(list_filter(a, LAMBDA x : list_contains(b, x)))", 0, 2),
    "ArrayExcept": Template("lw_distinct(list_filter(a, LAMBDA x : NOT list_contains(b, x)))", 0, 2),
    "array_repeat": Template("list_transform(range(b), LAMBDA x : a)", None, 2),
    "ArraySlice": Template("list_slice(a, b, b + c - 1)", 0, 3),
    "arrays_overlap": Template("list_has_any(a, b)", T.BOOLEAN, 2),
    "ArraysZip": Template(
        "list_transform(range(1, greatest(len(a), len(b)) + 1), LAMBDA x : {'0': list_extract(a, x), '1': list_extract(b, x)})",
        None, 2,
    ),
    "ArrayPosition": Template("CAST(coalesce(list_position(a, b), 0) AS BIGINT)", T.BIGINT, 2),
    "MapContainsKey": Template("list_contains(map_keys(a), b)", T.BOOLEAN, 2),
    "json_array_length": Template("CAST(json_array_length(a) AS INTEGER)", T.INT),
    "is_variant_null": Template("coalesce(CAST(a AS VARCHAR) = 'null', FALSE)", T.BOOLEAN),
    # aggregates and errors
    "Skewness": Template("skewness(a) * (count(a) - 2) / sqrt(count(a) * (count(a) - 1))", T.DOUBLE),
    "Kurtosis": Template("kurtosis_pop(a)", T.DOUBLE),
    "Quantile": Template("CAST(quantile_cont(a, b) AS DOUBLE)", T.DOUBLE, 2),
    "Median": Template("CAST(median(a) AS DOUBLE)", T.DOUBLE),
    "Grouping": Template("CAST(grouping(a) AS TINYINT)", T.TINYINT),
    "assert_true": Template(
        "CASE WHEN a THEN NULL ELSE error('[USER_RAISED_EXCEPTION] the condition is not true! SQLSTATE: P0001') END", T.VOID
    ),
    "raise_error": Template("error('[USER_RAISED_EXCEPTION] ' || a || '. SQLSTATE: P0001')", T.VOID),
}  # fmt: skip


@functools.lru_cache(maxsize=None)
def _tree(duck: str) -> exp.Expression:
    return sqlglot.parse_one(duck, read="duckdb")


def arguments(node: exp.Expression) -> list[exp.Expression]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found: list[exp.Expression] = []
    for key in node.arg_types:
        value = node.args.get(key)
        found += value if isinstance(value, list) else [value] if isinstance(value, exp.Expression) else []
    return found


def fill(duck: str, values: list[exp.Expression]) -> exp.Expression:
    """The template with these arguments."""
    given = dict(zip(_PARAMETERS, values))

    def put(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.table and node.name in given:
            value = given[node.name].copy()
            return value if isinstance(value, (exp.Column, exp.Literal, exp.Func)) else exp.Paren(this=value)
        return node

    return exp.Paren(this=_tree(duck).copy().transform(put))


def use(node: exp.Expression, types: list[SparkType | None]) -> tuple[exp.Expression, SparkType | None] | None:
    """The rewritten call and its type, or None when there is no template for it."""
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else type(node).__name__
    template = TEMPLATES.get(name)
    values = arguments(node) if template else []
    if template is None or len(values) < template.least:
        return None
    first = types[0] if types else None
    if template.type == 0:
        kind = first
    elif template.type == -1:
        kind = _element(first) if first is not None and first.kind == "ARRAY" else None
    else:
        kind = template.type
    return fill(template.duck, values), kind


def substituted(function: exp.Lambda, values: list[exp.Expression]) -> exp.Expression:
    """The body of a lambda with these values in the place of its parameters."""
    given = {p.name.lower(): v for p, v in zip(function.expressions, values)}

    def put(node: exp.Expression) -> exp.Expression:
        name = node.name.lower() if isinstance(node, (exp.Column, exp.Identifier)) else ""
        if name not in given or (isinstance(node, exp.Column) and node.table):
            return node
        return node if isinstance(node.parent, (exp.Column, exp.Dot)) else given[name].copy()

    return function.this.copy().transform(put)
