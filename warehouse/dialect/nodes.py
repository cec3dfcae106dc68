"""Small pieces of DuckDB SQL, as nodes of sqlglot's tree."""

from __future__ import annotations

import functools

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from warehouse.dialect.types import SparkType


@functools.lru_cache(maxsize=1)
def _dialect() -> Dialect:
    """DuckDB with Spark's order of NULLs, to which ``default_null_order`` is set."""
    duck = Dialect.get_or_raise("duckdb")
    duck.NULL_ORDERING = "nulls_are_small"
    return duck


def duck_sql(tree: exp.Expression) -> str:
    return tree.sql(dialect=_dialect(), comments=False)


@functools.lru_cache(maxsize=1024)
def _type(text: str, dialect: str) -> exp.DataType:
    return exp.DataType.build(text, dialect=dialect)


def duck_type(kind: SparkType) -> exp.DataType:
    return _type(kind.duck(), "duckdb").copy()


def written_type(kind: SparkType) -> exp.DataType:
    """As it would be parsed from a statement; ``spark_type`` knows it at once."""
    node = _type(kind.sql(), "databricks").copy()
    node.meta["lw_type"] = kind
    return node


def huge() -> exp.DataType:
    return _type("HUGEINT", "duckdb").copy()


def cast(node: exp.Expression, kind: SparkType, safe: bool = False) -> exp.Expression:
    return (exp.TryCast if safe else exp.Cast)(this=node, to=duck_type(kind))


def call(name: str, *args: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(args))


def text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def number(value: int) -> exp.Expression:
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def raise_error(condition: str, message: str, state: str) -> exp.Expression:
    return call("error", text(f"[{condition}] {message}. SQLSTATE: {state}"))
