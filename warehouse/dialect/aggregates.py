"""Aggregates and windows: result types, and what DuckDB says otherwise.

A mixin of ``Expressions``: it uses its ``visit``, ``child`` and ``children``.
"""

from __future__ import annotations

from sqlglot import exp

from warehouse.dialect import templates
from warehouse.dialect import types as T
from warehouse.dialect.arithmetic import from_unscaled
from warehouse.dialect.nodes import call, cast, huge, text
from warehouse.dialect.scope import Scope, Typed
from warehouse.dialect.types import SparkType, decimal


class Aggregates:
    def _sum(self, node: exp.Sum, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        result = _sum_type(kind)
        if result is not None and result.kind == "INTERVAL" and not _wrapped(node):
            months = result.is_year_month()
            parts = "datepart('year', a) * 12 + datepart('month', a)" if months else "epoch_us(a)"
            total = cast(exp.Sum(this=templates.fill(parts, [node.this])), T.BIGINT)
            return call("to_months", cast(total, T.INT)) if months else call("to_microseconds", total), result
        if result is None or result.kind == "DOUBLE" or _wrapped(node):
            return node, result
        return cast(node, result), result

    def _avg(self, node: exp.Avg, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is None or kind.kind != "DECIMAL":
            return node, T.DOUBLE if kind is not None and kind.is_numeric() else None
        result = decimal(min(38, kind.precision + 4), min(38, kind.scale + 4))
        if _wrapped(node) or kind.precision > 30:
            return node if _wrapped(node) else cast(node, result), result
        total = cast(exp.Sum(this=node.this), decimal(38, kind.scale))
        top = exp.Mul(
            this=call("lw_unscaled", total),
            expression=exp.Cast(this=text("1" + "0" * (result.scale - kind.scale)), to=huge()),
        )
        count = exp.Count(this=node.this.copy())
        return from_unscaled(call("lw_idiv", top, count), result), result

    def _window(self, node: exp.Window, scope: Scope) -> Typed:
        function = node.this
        kind = self.child(node, "this", scope)
        if isinstance(node.this, exp.Cast) and not isinstance(function, exp.Cast):
            node.set("this", node.this.this)  # the cast of a known function belongs outside
        for key in ("partition_by", "order", "spec"):
            value = node.args.get(key)
            if isinstance(value, list):
                node.set(key, [self.visit(v, scope)[0] for v in value])
            elif isinstance(value, exp.Expression):
                self.children(value, scope)
        if kind is not None and (kind.is_integral() or kind.kind == "DECIMAL"):
            return cast(node, kind), kind
        return node, kind

    def _filter(self, node: exp.Filter, scope: Scope) -> Typed:
        function = node.this
        kind = self.child(node, "this", scope)
        if isinstance(node.this, exp.Cast) and not isinstance(function, exp.Cast):
            node.set("this", node.this.this)
        self.child(node, "expression", scope)
        if kind is not None and (kind.is_integral() or kind.kind == "DECIMAL"):
            return cast(node, kind), kind
        return node, kind

    def _arrayagg(self, node: exp.Expression, scope: Scope) -> Typed:
        types = self.children(node, scope)
        element = types[0] if types else None
        return node, T.array(element) if element is not None else None

    _arrayuniqueagg = _arrayagg


def _sum_type(kind: SparkType | None) -> SparkType | None:
    if kind is None:
        return None
    if kind.is_integral():
        return T.BIGINT
    if kind.kind == "DECIMAL":
        return decimal(min(38, kind.precision + 10), kind.scale)
    if kind.kind in ("DOUBLE", "FLOAT"):
        return T.DOUBLE
    return kind if kind.kind == "INTERVAL" else None


def _wrapped(node: exp.Expression) -> bool:
    return isinstance(node.parent, (exp.Window, exp.Filter))
