"""Arithmetic and comparisons: result types, overflow, division by zero.

A mixin of ``Expressions``: it uses its ``visit``, ``child`` and ``children``.
"""

from __future__ import annotations

from sqlglot import exp

from warehouse.dialect import types as T
from warehouse.dialect.casts import WRAP
from warehouse.dialect.literals import interval_type
from warehouse.dialect.nodes import call, cast, huge, raise_error, text
from warehouse.dialect.numbers import add_type, as_decimal, divide_type, multiply_type, remainder_type, wider
from warehouse.dialect.scope import Scope, Typed
from warehouse.dialect.types import SparkType, decimal
from warehouse.errors import SqlError

ARITHMETIC = {
    exp.Add: add_type,
    exp.Sub: add_type,
    exp.Mul: multiply_type,
    exp.Div: divide_type,
    exp.Mod: remainder_type,
}


class Arithmetic:
    def _arithmetic(self, node: exp.Binary, scope: Scope) -> Typed:
        left_text, right_text = _integer_text(node.this), _integer_text(node.expression)
        left, right = self.child(node, "this", scope), self.child(node, "expression", scope)
        if left is None or right is None:
            if isinstance(node, exp.Div):
                node.set("expression", self._divisor(node.expression))
            return node, None
        if left.is_string() and right.is_string() and self.ansi:
            raise SqlError(
                "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE",
                "Cannot resolve the expression due to data type mismatch: the binary operator requires the input type "
                '("NUMERIC" or "INTERVAL"), not "STRING"',
                "42K09",
            )
        left, right = self._strings_to_numbers(node, left, right)
        if "INTERVAL" in (left.kind, right.kind) or {left.kind, right.kind} & {"DATE", "TIMESTAMP", "TIMESTAMP_NTZ"}:
            return self._time_arithmetic(node, left, right)
        if not left.is_numeric() or not right.is_numeric():
            return node, None
        a, b = as_decimal(left, left_text), as_decimal(right, right_text)
        if a is None or b is None or "DECIMAL" not in (left.kind, right.kind):
            return self._plain_arithmetic(node, left, right, left_text, right_text)
        return self._decimal_arithmetic(node, a, b)

    def _strings_to_numbers(self, node, left: SparkType, right: SparkType) -> tuple[SparkType, SparkType]:
        for key, kind, other in (("this", left, right), ("expression", right, left)):
            if kind.is_string() and other.is_numeric():
                target = T.BIGINT if other.is_integral() and self.ansi else T.DOUBLE
                node.set(key, self.convert(node.args[key], kind, target, not self.ansi))
                left, right = (target, right) if key == "this" else (left, target)
        return left, right

    def _plain_arithmetic(self, node, left, right, left_text, right_text) -> Typed:
        if isinstance(node, exp.Div):
            node.set("this", cast(node.this, T.DOUBLE))
            node.set("expression", self._divisor(node.expression))
            return node, T.DOUBLE
        kind = wider(left, right)
        if kind.kind == "FLOAT" and left.kind != right.kind:  # arithmetic of FLOAT with whole numbers is DOUBLE
            kind = T.DOUBLE
            for key in ("this", "expression"):
                node.set(key, cast(node.args[key], kind))
        if not self.ansi and kind.is_integral() and not isinstance(node, exp.Mod):  # wraps around
            for key in ("this", "expression"):
                node.set(key, exp.Cast(this=node.args[key], to=huge()))
            return call(WRAP[kind.kind], node), kind
        # DuckDB lets a literal take the column's narrow type; Spark's literal is an INT.
        if kind.is_integral():
            if left_text and left.kind == kind.kind != right.kind:
                node.set("this", cast(node.this, kind))
            if right_text and right.kind == kind.kind != left.kind:
                node.set("expression", cast(node.expression, kind))
        if isinstance(node, exp.Mod):
            node.set("expression", self._divisor(node.expression, "REMAINDER_BY_ZERO"))
        return node, kind

    def _divisor(self, node: exp.Expression, condition: str = "DIVIDE_BY_ZERO") -> exp.Expression:
        """ANSI: an error on zero; otherwise NULL. DuckDB itself answers with infinity."""
        if isinstance(node, exp.Literal) and not node.is_string and float(node.this) != 0:
            return node
        zero = exp.Literal.number(0)
        if not self.ansi:
            return call("nullif", node, zero)
        failure = raise_error(
            condition,
            "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead",
            "22012",
        )
        branch = exp.If(this=exp.EQ(this=node.copy(), expression=zero), true=failure)
        return exp.Paren(this=exp.Case(ifs=[branch], default=node))

    def _decimal_arithmetic(self, node, a: SparkType, b: SparkType) -> Typed:
        kind = ARITHMETIC[type(node)](a, b)
        if isinstance(node, exp.Div):
            return self._decimal_division(node, a, b, kind), kind
        left, right = cast(node.this, a), cast(node.expression, b)
        if isinstance(node, exp.Mul) and a.precision + b.precision > 38:
            left, right = exp.Paren(this=left), exp.Paren(this=right)
        if isinstance(node, (exp.Add, exp.Sub)):
            scale = max(a.scale, b.scale)
            room = min(38, max(a.precision - a.scale, b.precision - b.scale) + scale + 1)
            wide = decimal(room, min(scale, kind.scale) if room == 38 else scale)
            left, right = cast(node.this, wide), cast(node.expression, wide)
        node.set("this", left)
        node.set("expression", right)
        result = cast(exp.Paren(this=node), kind)
        return (result if self.ansi else call("try", result)), kind

    def _decimal_division(self, node, a: SparkType, b: SparkType, kind: SparkType) -> exp.Expression:
        """Exact, rounded half up, through 128-bit integers when the digits fit; else via DOUBLE."""
        shift = kind.scale - a.scale + b.scale
        divisor = self._divisor(cast(node.expression, b))
        if a.precision + shift > 37 or shift < 0:
            quotient = exp.Div(this=cast(node.this, T.DOUBLE), expression=cast(divisor, T.DOUBLE))
            return cast(exp.Paren(this=quotient), kind)
        top = exp.Mul(
            this=call("lw_unscaled", cast(node.this, a)),
            expression=exp.Cast(this=text("1" + "0" * shift), to=huge()),
        )
        return from_unscaled(call("lw_idiv", top, call("lw_unscaled", divisor)), kind)

    def _time_arithmetic(self, node, left: SparkType, right: SparkType) -> Typed:
        minus = isinstance(node, exp.Sub)
        if left.kind == "INTERVAL" and right.kind == "INTERVAL":
            return node, wider(left, right)
        if isinstance(node, (exp.Mul, exp.Div)):
            interval = left if left.kind == "INTERVAL" else right
            return node, T.YEAR_MONTH if interval.is_year_month() else T.DAY_TIME
        if left.kind == "DATE" and right.kind == "DATE" and minus:
            return call("to_days", cast(exp.Paren(this=node), T.INT)), interval_type("DAY")
        moment, other = (left, right) if right.kind in ("INTERVAL", *T.INTEGRAL) else (right, left)
        if other.kind == "INTERVAL":
            if moment.kind == "DATE":
                if other.is_year_month() or other.interval == "DAY":
                    return cast(exp.Paren(this=node), T.DATE), T.DATE
                return cast(exp.Paren(this=node), T.TIMESTAMP), T.TIMESTAMP
            return node, moment
        if moment.kind == "DATE" and other.is_integral():
            key = "expression" if moment is left else "this"
            node.set(key, cast(node.args[key], T.INT))
            return node, T.DATE
        return node, T.DAY_TIME if minus else None

    def _intdiv(self, node: exp.IntDiv, scope: Scope) -> Typed:
        types = self.children(node, scope)
        if any(k is not None and k.kind == "DECIMAL" for k in types):
            quotient = exp.Div(
                this=cast(node.this, T.DOUBLE), expression=self._divisor(cast(node.expression, T.DOUBLE))
            )
            return cast(call("trunc", quotient), T.BIGINT), T.BIGINT
        return cast(exp.Paren(this=node), T.BIGINT), T.BIGINT

    def _neg(self, node: exp.Neg, scope: Scope) -> Typed:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            digits = node.this.this
            if digits in ("2147483648", "9223372036854775808"):
                kind = T.INT if len(digits) == 10 else T.BIGINT
                return cast(text("-" + digits), kind), kind
        kind = self.child(node, "this", scope)
        if not self.ansi and kind is not None and kind.is_integral():
            return call(WRAP[kind.kind], exp.Neg(this=exp.Cast(this=node.this, to=huge()))), kind
        return node, kind

    def _abs(self, node: exp.Abs, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.is_string():
            node.set("this", self.convert(node.this, kind, T.DOUBLE, not self.ansi))
            return node, T.DOUBLE
        if not self.ansi and kind is not None and kind.is_integral():
            return call(WRAP[kind.kind], exp.Abs(this=exp.Cast(this=node.this, to=huge()))), kind
        return node, kind

    def _comparison(self, node: exp.Binary, scope: Scope) -> Typed:
        left, right = self.child(node, "this", scope), self.child(node, "expression", scope)
        if left is not None and right is not None:
            for key, kind, other in (("this", left, right), ("expression", right, left)):
                if kind.is_string() and not other.is_string() and not other.args and other.kind != "VOID":
                    target = T.BIGINT if other.is_integral() else other
                    node.set(key, self.convert(node.args[key], kind, target, not self.ansi))
        return node, T.BOOLEAN

    def _like(self, node: exp.Like, scope: Scope) -> Typed:
        self.children(node, scope)
        if isinstance(node.parent, exp.Escape):
            return node, T.BOOLEAN
        return exp.Escape(this=node, expression=text("\\")), T.BOOLEAN

    _ilike = _like


def from_unscaled(node: exp.Expression, kind: SparkType) -> exp.Expression:
    """A 128-bit integer as DECIMAL(p,s) without going through text."""
    whole = cast(node, decimal(38, 0))
    if kind.scale == 0:
        return cast(whole, kind)
    unit = cast(text("0." + "0" * (kind.scale - 1) + "1"), decimal(kind.scale, kind.scale))
    return cast(exp.Paren(this=exp.Mul(this=whole, expression=unit)), kind)


def _integer_text(node: exp.Expression) -> str | None:
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.this.name == "BIGINT":
        node = node.this  # 1L
    return node.this if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None
