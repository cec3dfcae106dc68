"""Casts by Spark's rules, and what texts and intervals become.

A mixin of ``Expressions``: it uses its ``visit``, ``child`` and ``children``.
"""

from __future__ import annotations

from sqlglot import exp

from warehouse.dialect import templates
from warehouse.dialect import types as T
from warehouse.dialect.literals import bad_interval, canonical_date, canonical_timestamp, interval_type, interval_value
from warehouse.dialect.nodes import call, cast, duck_type, number, raise_error, text
from warehouse.dialect.scope import Scope, Typed, spark_type
from warehouse.dialect.types import SparkType
from warehouse.errors import SqlError

WRAP = {"TINYINT": "lw_i8", "SMALLINT": "lw_i16", "INT": "lw_i32", "BIGINT": "lw_i64"}


class Casts:
    def _cast(self, node: exp.Cast, scope: Scope) -> Typed:
        target = spark_type(node.to)
        source_node = node.this
        source = self.child(node, "this", scope)
        safe = isinstance(node, exp.TryCast) or not self.ansi
        if target.kind == "DECIMAL" and isinstance(source_node, exp.Literal) and source_node.is_string:
            return cast(node.this, target, safe), target  # 5E3BD comes as CAST('5E3' AS DECIMAL(4,0))
        return self.convert(node.this, source, target, safe), target

    _trycast = _cast

    def convert(self, node: exp.Expression, source: SparkType | None, target: SparkType, safe: bool) -> exp.Expression:
        """CAST with Spark's meaning where DuckDB's differs."""
        if target.kind == "VOID":
            return exp.Null()
        if source is not None and source.kind == "VOID":
            return cast(exp.Null(), target)
        if source is not None and source.is_string():
            return self._from_string(node, target, safe)
        if (
            source is not None
            and source.args
            and not target.args
            and not target.is_string()
            and target.kind != "VARIANT"
        ):
            raise SqlError(
                "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION",
                f'Cannot resolve the expression due to data type mismatch: cannot cast "{source.sql()}" to "{target.sql()}"',
                "42K09",
            )
        if source is not None and source.kind == target.kind == "STRUCT" and len(source.args) == len(target.args):
            return self._struct_by_position(node, source, target, safe)
        if target.is_integral() and not self.ansi and source is not None and source.is_integral():
            return call(WRAP[target.kind], node)
        if target.is_string() and source is not None and (source.args or source.kind == "INTERVAL"):
            return self._nested_text(node, source)
        if target.is_string() and source is not None and source.kind == "DOUBLE":
            return call("lw_double_text", node)
        numeric = source is not None and source.kind in ("DECIMAL", "DOUBLE", "FLOAT")
        if target.is_integral() and numeric:
            return cast(call("trunc", node), target, safe)
        if target.is_integral() and source is not None and source.kind == "TIMESTAMP":
            return cast(call("floor", call("epoch", node)), target, safe)
        if target.kind == "TIMESTAMP" and source is not None and source.is_numeric():
            return call(
                "make_timestamptz", cast(exp.Mul(this=cast(node, T.DOUBLE), expression=number(1_000_000)), T.BIGINT)
            )
        if target.kind == "TIME" and source is not None and source.kind == "TIMESTAMP":
            return cast(cast(node, T.TIMESTAMP_NTZ), target, safe)
        if target.is_string() and source is not None and source.kind == "TIMESTAMP":
            return cast(cast(node, T.TIMESTAMP_NTZ), T.STRING)
        if target.is_string() and source is not None and source.kind == "BINARY":
            return call("decode", node)
        if target.is_string() and source is not None and source.kind == "VARIANT":
            return exp.Anonymous(this="json_extract_string", expressions=[node, text("$")])
        if target.kind == "VARIANT":
            if source is not None and source.kind == "VARIANT":
                return node
            return cast(call("to_json", node), target)
        return cast(node, target, safe)

    def _struct_by_position(self, node, source: SparkType, target: SparkType, safe: bool) -> exp.Expression:
        """Spark casts the fields of a struct in their order, DuckDB by their names."""
        if [n.lower() for n in source.names] == [n.lower() for n in target.names]:
            return cast(node, target, safe)
        fields = [
            exp.PropertyEQ(
                this=exp.to_identifier(name, True),
                expression=self.convert(call("struct_extract", node.copy(), text(old)), a, b, safe),
            )
            for old, name, a, b in zip(source.names, target.names, source.args, target.args)
        ]
        present = exp.Not(this=exp.Is(this=node.copy(), expression=exp.Null()))
        return exp.Case(ifs=[exp.If(this=present, true=exp.Struct(expressions=fields))])

    def _from_string(self, node: exp.Expression, target: SparkType, safe: bool) -> exp.Expression:
        literal = node.this if isinstance(node, exp.Literal) else None
        if target.kind == "INTERVAL" and literal is not None:
            return self._interval_from(literal, target, safe)
        if target.kind == "BINARY":
            return call("encode", node)
        if target.kind in ("TIMESTAMP", "TIMESTAMP_NTZ", "DATE"):
            if literal is None:
                if target.kind == "DATE":  # a time behind the date is ignored
                    node = call("regexp_extract", call("lw_time_text", node), text(r"^[^ T]*"))
                    return cast(node, target, safe)
                return cast(call("lw_time_text", node), target, safe)
            with_zone = target.kind == "TIMESTAMP"
            value = canonical_date(literal) if target.kind == "DATE" else canonical_timestamp(literal, with_zone)
            return cast(text(literal if value is None else value), target, safe)
        if target.is_integral() and literal is not None and not safe and not literal.strip().lstrip("+-").isdigit():
            return (
                exp.Cast(this=text(literal), to=duck_type(T.BIGINT if "." in literal else target))
                if ("." not in literal)
                else raise_error(
                    "CAST_INVALID_INPUT",
                    f'The value \'{literal}\' of the type "STRING" cannot be cast to "{target.sql()}" because it is malformed',
                    "22018",
                )
            )
        if target.is_integral() and not self.ansi:  # what is behind the point is cut off
            return templates.fill(f"TRY_CAST(trunc(TRY_CAST(a AS DECIMAL(38, 6))) AS {target.duck()})", [node])
        return cast(node, target, safe)

    @staticmethod
    def _interval_from(literal: str, target: SparkType, safe: bool) -> exp.Expression:
        first, _, last = target.interval.partition(" TO ")
        try:
            return interval_node(*interval_value(literal, first, last or None))
        except SqlError:
            if safe:
                return cast(exp.Null(), target)
            raise

    # -- intervals -----------------------------------------------------------------------------
    def _interval(self, node: exp.Interval, scope: Scope) -> Typed:
        unit = node.args.get("unit")
        if unit is None:
            return node, None
        if isinstance(unit, exp.IntervalSpan):
            first, last = unit.this.name, unit.expression.name
        else:
            first, last = unit.name, None
        kind = interval_type(first, last)
        value, sign = node.this, ""
        while isinstance(value, (exp.Neg, exp.Paren)):
            sign = ("" if sign else "-") if isinstance(value, exp.Neg) else sign
            value = value.this
        if isinstance(value, exp.Literal):
            return interval_node(*interval_value(sign + value.this, first, last)), kind
        if last is not None:
            raise bad_interval(node.sql(dialect="databricks"))
        self.child(node, "this", scope)
        months, size = interval_value("1", first, None)
        amount = exp.Mul(this=exp.Paren(this=node.this), expression=number(size))
        return call("to_months" if months else "to_microseconds", cast(amount, T.INT if months else T.BIGINT)), kind


def interval_node(months: bool, size: int) -> exp.Expression:
    if months:
        return call("to_months", cast(number(size), T.INT))
    return call("to_microseconds", cast(number(size), T.BIGINT))
