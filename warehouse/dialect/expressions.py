"""Scalar and aggregate expressions: static types by Spark's rules, and the rewrites they need.

``visit`` works bottom-up on sqlglot's tree and returns the node to put in its place together with its
type, or None when the type is not known; then the engine's own type is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from warehouse.dialect import functions as F
from warehouse.dialect import types as T
from warehouse.dialect.literals import (
    bad_interval,
    canonical_date,
    canonical_timestamp,
    interval_type,
    interval_value,
    number_type,
)  # fmt: skip
from warehouse.dialect.numbers import (
    add_type,
    as_decimal,
    divide_type,
    multiply_type,
    remainder_type,
    wider,
)  # fmt: skip
from warehouse.dialect.types import SparkType, decimal, parse_type
from warehouse.errors import SqlError

Typed = tuple[exp.Expression, SparkType | None]
_ARITHMETIC = {
    exp.Add: add_type,
    exp.Sub: add_type,
    exp.Mul: multiply_type,
    exp.Div: divide_type,
    exp.Mod: remainder_type,
}


@dataclass
class Scope:
    """The columns that an expression can see: sources by alias, then the enclosing query's."""

    sources: list[tuple[str, dict[str, SparkType | None] | None]] = field(default_factory=list)
    aliases: dict[str, SparkType | None] = field(default_factory=dict)
    outer: "Scope | None" = None

    def find(self, table: str, name: str) -> SparkType | None:
        name, table = name.lower(), table.lower()
        for alias, columns in self.sources:
            if columns is not None and (not table or alias == table) and name in columns:
                return columns[name]
        if not table and name in self.aliases:
            return self.aliases[name]
        return self.outer.find(table, name) if self.outer else None

    def has_source(self, table: str) -> bool:
        table = table.lower()
        return any(a == table for a, _ in self.sources) or (self.outer is not None and self.outer.has_source(table))


def duck_type(kind: SparkType) -> exp.DataType:
    return exp.DataType.build(kind.duck(), dialect="duckdb")


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


def spark_type(node: exp.DataType) -> SparkType:
    source = node.sql(dialect="databricks")
    try:
        return parse_type(source)
    except ValueError as error:
        raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{source}"', "0A000") from error


class Expressions:
    """``subquery`` types and rewrites a nested query; given by the translator of queries."""

    def __init__(self, ansi: bool, context: dict[str, str], subquery: Callable) -> None:
        self.ansi = ansi
        self.context = context  # current_catalog, current_schema, current_user, version
        self.volatile = False
        self.variables: dict[str, exp.Expression] = {}  # of the session
        self.nested_query = subquery

    # -- dispatch ------------------------------------------------------------------------------
    def visit(self, node: exp.Expression, scope: Scope) -> Typed:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node, scope)
        if type(node) in _ARITHMETIC:
            return self._arithmetic(node, scope)
        if isinstance(node, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
            return self._comparison(node, scope)
        if isinstance(node, exp.Query):
            columns = self.nested_query(node, scope)
            return node, columns[0][1] if columns and len(columns) == 1 else None
        types = self.children(node, scope)
        return self._known_function(node, types)

    def children(self, node: exp.Expression, scope: Scope) -> list[SparkType | None]:
        """Visits all children in order; returns the types of the expressions among them."""
        types: list[SparkType | None] = []
        for key, value in list(node.args.items()):
            if isinstance(value, exp.Expression) and not isinstance(value, (exp.DataType, exp.Identifier)):
                types.append(self.child(node, key, scope))
            elif isinstance(value, list):
                fresh = []
                for item in value:
                    if isinstance(item, exp.Expression) and not isinstance(item, exp.Identifier):
                        item, kind = self.visit(item, scope)
                        types.append(kind)
                    fresh.append(item)
                node.set(key, fresh)
        return types

    def child(self, node: exp.Expression, key: str, scope: Scope) -> SparkType | None:
        value = node.args.get(key)
        if not isinstance(value, exp.Expression):
            return None
        fresh, kind = self.visit(value, scope)
        if fresh is not value:
            node.set(key, fresh)
        return kind

    def _known_function(self, node: exp.Expression, types: list[SparkType | None]) -> Typed:
        name = str(node.this).lower() if isinstance(node, exp.Anonymous) else type(node).__name__
        if name in F.VOLATILE:
            self.volatile = True
        if name in F.CAST_TO:
            return cast(node, F.CAST_TO[name]), F.CAST_TO[name]
        if name in F.RETURNS:
            return node, F.RETURNS[name]
        if name in F.SAME_AS_FIRST:
            return node, types[0] if types else None
        if name in F.WIDEST:
            return node, self._widest(types)
        return node, None

    @staticmethod
    def _widest(types: list[SparkType | None]) -> SparkType | None:
        kind = types[0] if types else None
        for other in types[1:]:
            kind = wider(kind, other)
        return kind

    # -- leaves --------------------------------------------------------------------------------
    def _column(self, node: exp.Column, scope: Scope) -> Typed:
        parts = [p.name for p in node.parts]
        if len(parts) == 1:
            found = scope.find("", parts[0])
            return self._variable(parts[0], scope) or (node, None) if found is None else (node, found)
        if [p.lower() for p in parts[:-1]] in (["session"], ["system", "session"]):
            return self._variable(parts[-1], scope) or (node, None)
        found = scope.find(parts[-2], parts[-1])
        if found is not None:
            if len(parts) > 2:  # catalog.schema.table.column: the alias is enough
                node.set("db", None), node.set("catalog", None)
            return node, found
        return node, self._struct_path(parts, scope)

    def _variable(self, name: str, scope: Scope) -> Typed | None:
        """A session variable stands where no column has its name."""
        value = self.variables.get(name.lower())
        return self.visit(value.copy(), scope) if value is not None else None

    @staticmethod
    def _struct_path(parts: list[str], scope: Scope) -> SparkType | None:
        """a.b.c where a (or a.b) is a column of type STRUCT."""
        kind, rest = scope.find("", parts[0]), parts[1:]
        if kind is None and len(parts) > 2:
            kind, rest = scope.find(parts[0], parts[1]), parts[2:]
        for name in rest:
            if kind is None or kind.kind != "STRUCT":
                return None
            lower = [n.lower() for n in kind.names]
            kind = kind.args[lower.index(name.lower())] if name.lower() in lower else None
        return kind

    def _literal(self, node: exp.Literal, scope: Scope) -> Typed:
        if node.is_string:
            return node, T.STRING
        kind = number_type(node.this)
        if kind.kind == "DECIMAL":
            return cast(text(node.this), kind), kind
        return node, kind

    def _null(self, node: exp.Null, scope: Scope) -> Typed:
        return node, T.VOID

    def _boolean(self, node: exp.Boolean, scope: Scope) -> Typed:
        return node, T.BOOLEAN

    def _star(self, node: exp.Star, scope: Scope) -> Typed:
        return node, None

    def _lambda(self, node: exp.Lambda, scope: Scope) -> Typed:
        self.child(node, "this", scope)
        return node, None

    def _hexstring(self, node: exp.HexString, scope: Scope) -> Typed:
        return node, T.BINARY

    # -- casts ---------------------------------------------------------------------------------
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
        numeric = source is not None and source.kind in ("DECIMAL", "DOUBLE", "FLOAT")
        if target.is_integral() and numeric:
            return cast(call("trunc", node), target, safe)
        if target.is_integral() and source is not None and source.kind == "TIMESTAMP":
            return cast(call("floor", call("epoch", node)), target, safe)
        if target.kind == "TIMESTAMP" and source is not None and source.is_numeric():
            return call(
                "make_timestamptz", cast(exp.Mul(this=cast(node, T.DOUBLE), expression=number(1_000_000)), T.BIGINT)
            )
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

    # -- arithmetic ----------------------------------------------------------------------------
    def _arithmetic(self, node: exp.Binary, scope: Scope) -> Typed:
        left_text, right_text = _integer_text(node.this), _integer_text(node.expression)
        left, right = self.child(node, "this", scope), self.child(node, "expression", scope)
        if left is None or right is None:
            if isinstance(node, exp.Div):
                node.set("expression", self._divisor(node.expression))
            return node, None
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
                target = T.BIGINT if other.is_integral() else T.DOUBLE
                node.set(key, self.convert(node.args[key], kind, target, not self.ansi))
                left, right = (target, right) if key == "this" else (left, target)
        return left, right

    def _plain_arithmetic(self, node, left, right, left_text, right_text) -> Typed:
        if isinstance(node, exp.Div):
            node.set("this", cast(node.this, T.DOUBLE))
            node.set("expression", self._divisor(node.expression))
            return node, T.DOUBLE
        kind = wider(left, right)
        # DuckDB lets a literal take the column's narrow type; Spark's literal is an INT.
        if kind.is_integral():
            if left_text and left.kind == kind.kind != right.kind:
                node.set("this", cast(node.this, kind))
            if right_text and right.kind == kind.kind != left.kind:
                node.set("expression", cast(node.expression, kind))
        if isinstance(node, exp.Mod) and not kind.is_integral():
            node.set("expression", self._divisor(node.expression))
        return node, kind

    def _divisor(self, node: exp.Expression) -> exp.Expression:
        """ANSI: an error on zero; otherwise NULL. DuckDB itself answers with infinity."""
        if isinstance(node, exp.Literal) and not node.is_string and float(node.this) != 0:
            return node
        zero = exp.Literal.number(0)
        if not self.ansi:
            return call("nullif", node, zero)
        failure = raise_error(
            "DIVIDE_BY_ZERO",
            "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead",
            "22012",
        )
        branch = exp.If(this=exp.EQ(this=node.copy(), expression=zero), true=failure)
        return exp.Paren(this=exp.Case(ifs=[branch], default=node))

    def _decimal_arithmetic(self, node, a: SparkType, b: SparkType) -> Typed:
        kind = _ARITHMETIC[type(node)](a, b)
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
        return cast(exp.Paren(this=node), kind), kind

    def _decimal_division(self, node, a: SparkType, b: SparkType, kind: SparkType) -> exp.Expression:
        """Exact, rounded half up, through 128-bit integers when the digits fit; else via DOUBLE."""
        shift = kind.scale - a.scale + b.scale
        divisor = self._divisor(cast(node.expression, b))
        if a.precision + shift > 37 or shift < 0:
            quotient = exp.Div(this=cast(node.this, T.DOUBLE), expression=cast(divisor, T.DOUBLE))
            return cast(exp.Paren(this=quotient), kind)
        top = exp.Mul(
            this=call("lw_unscaled", cast(node.this, a)),
            expression=exp.Cast(this=text("1" + "0" * shift), to=exp.DataType.build("HUGEINT", dialect="duckdb")),
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
        self.children(node, scope)
        return cast(exp.Paren(this=node), T.BIGINT), T.BIGINT

    def _neg(self, node: exp.Neg, scope: Scope) -> Typed:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            digits = node.this.this
            if digits in ("2147483648", "9223372036854775808"):
                kind = T.INT if len(digits) == 10 else T.BIGINT
                return cast(text("-" + digits), kind), kind
        return node, self.child(node, "this", scope)

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

    # -- conditionals --------------------------------------------------------------------------
    def _case(self, node: exp.Case, scope: Scope) -> Typed:
        self.child(node, "this", scope)
        types = []
        for branch in node.args["ifs"]:
            self.child(branch, "this", scope)
            types.append(self.child(branch, "true", scope))
        types.append(self.child(node, "default", scope) if node.args.get("default") is not None else T.VOID)
        return node, self._widest(types)

    def _if(self, node: exp.If, scope: Scope) -> Typed:
        self.child(node, "this", scope)
        types = [self.child(node, "true", scope)]
        types.append(self.child(node, "false", scope) if node.args.get("false") is not None else T.VOID)
        return node, self._widest(types)

    def _alias(self, node: exp.Alias, scope: Scope) -> Typed:
        return node, self.child(node, "this", scope)

    # -- nested values -------------------------------------------------------------------------
    def _array(self, node: exp.Array, scope: Scope) -> Typed:
        types = self.children(node, scope)
        element = self._widest(types) if types else T.STRING
        return node, T.array(element) if element is not None else None

    def _struct(self, node: exp.Struct, scope: Scope) -> Typed:
        names, types = [], []
        for position, item in enumerate(node.expressions, start=1):
            if isinstance(item, exp.PropertyEQ):
                name = item.this.name if not isinstance(item.this, exp.Literal) else item.this.this
                types.append(self.child(item, "expression", scope))
            else:
                name = item.alias_or_name if isinstance(item, (exp.Alias, exp.Column)) else f"col{position}"
                fresh, kind = self.visit(item.unalias(), scope)
                node.expressions[position - 1] = exp.PropertyEQ(this=exp.to_identifier(name, True), expression=fresh)
                types.append(kind)
            names.append(name)
        node.set("expressions", node.expressions)
        return node, T.struct(names, types) if None not in types else None

    def _map(self, node: exp.Expression, scope: Scope) -> Typed:
        types = self.children(node, scope)
        if len(types) == 2 and types[0] is not None and types[1] is not None:
            if types[0].kind == "ARRAY" and types[1].kind == "ARRAY":
                return node, SparkType("MAP", args=(types[0].args[0], types[1].args[0]))
        return node, None

    _varmap = _map

    def _bracket(self, node: exp.Bracket, scope: Scope) -> Typed:
        types = self.children(node, scope)
        container = types[0]
        if container is None or container.kind not in ("ARRAY", "MAP"):
            return node, None
        if container.kind == "MAP":
            return call("map_extract_value", node.this, node.expressions[0]), container.args[1]
        index = node.expressions[0]
        item = call("list_extract", node.this, exp.Add(this=exp.Paren(this=index), expression=exp.Literal.number(1)))
        if not self.ansi:
            outside = exp.LT(this=index.copy(), expression=exp.Literal.number(0))
            return exp.Case(ifs=[exp.If(this=outside, true=exp.Null())], default=item), container.args[0]
        size = call("len", node.this.copy())
        outside = exp.Or(
            this=exp.LT(this=index.copy(), expression=exp.Literal.number(0)),
            expression=exp.GTE(this=index.copy(), expression=size),
        )
        failure = raise_error(
            "INVALID_ARRAY_INDEX",
            "The index is out of bounds of the array. Use the SQL function `get()` to tolerate accessing element at "
            "invalid index and return NULL instead",
            "22003",
        )
        return exp.Case(ifs=[exp.If(this=outside, true=failure)], default=item), container.args[0]

    def _dot(self, node: exp.Dot, scope: Scope) -> Typed:
        container = self.child(node, "this", scope)
        if container is not None and container.kind == "STRUCT":
            lower = [n.lower() for n in container.names]
            name = node.expression.name.lower()
            if name in lower:
                return node, container.args[lower.index(name)]
        return node, None

    def _jsonextract(self, node: exp.JSONExtract, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if node.args.get("variant_extract"):
            path = text(node.expression.sql(dialect="databricks"))
            steps = "".join(_path_step(p) for p in node.expression.expressions)
            path = text("$" + steps)
            source = node.this if kind is None or kind.kind == "VARIANT" else cast(node.this, T.VARIANT)
            return call("json_extract", source, path), T.VARIANT
        return node, None

    def _explode(self, node: exp.Explode, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        return node, kind.args[0] if kind is not None and kind.kind == "ARRAY" else None

    # -- aggregates ----------------------------------------------------------------------------
    def _sum(self, node: exp.Sum, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        result = _sum_type(kind)
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
            expression=exp.Cast(
                this=text("1" + "0" * (result.scale - kind.scale)), to=exp.DataType.build("HUGEINT", dialect="duckdb")
            ),
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

    # -- functions with a value of the session --------------------------------------------------
    def _named(self, key: str) -> Typed:
        return text(self.context[key]), T.STRING

    def _currentcatalog(self, node, scope: Scope) -> Typed:
        return self._named("current_catalog")

    def _currentschema(self, node, scope: Scope) -> Typed:
        return self._named("current_schema")

    _currentdatabase = _currentschema

    def _currentuser(self, node, scope: Scope) -> Typed:
        return self._named("current_user")

    def _sessionuser(self, node, scope: Scope) -> Typed:
        return self._named("current_user")

    def _currentversion(self, node, scope: Scope) -> Typed:
        return self._named("version")

    def _version(self, node, scope: Scope) -> Typed:
        return self._named("version")

    def _typeof(self, node: exp.Typeof, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        return (text(kind.simple()) if kind is not None else node), T.STRING

    def _concat(self, node: exp.Concat, scope: Scope) -> Typed:
        types = self.children(node, scope)
        if types and types[0] is not None and types[0].kind == "ARRAY":
            return call("list_concat", *node.expressions), types[0]
        parts = [
            e if k is not None and k.is_string() else self.convert(e, k, T.STRING, False)
            for e, k in zip(node.expressions, types)
        ]
        joined = parts[0] if parts else text("")
        for part in parts[1:]:
            joined = exp.DPipe(this=joined, expression=part)
        return exp.Paren(this=joined), T.STRING

    def _dpipe(self, node: exp.DPipe, scope: Scope) -> Typed:
        for key in ("this", "expression"):
            kind = self.child(node, key, scope)
            if kind is not None and not kind.is_string():
                node.set(key, self.convert(node.args[key], kind, T.STRING, False))
        return node, T.STRING

    def _round(self, node: exp.Round, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        places = node.args.get("decimals")
        if kind is None or kind.kind != "DECIMAL":
            return node, kind
        digits = int(places.this) if isinstance(places, exp.Literal) and not places.is_string else 0
        scale = min(kind.scale, digits)
        result = decimal(min(38, max(1, kind.precision - kind.scale + scale + 1)), scale)
        return cast(node, result), result

    def _floor(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is None:
            return node, None
        if kind.kind == "DECIMAL":
            result = decimal(min(38, kind.precision - kind.scale + 1), 0)
            return cast(node, result), result
        return cast(node, T.BIGINT), T.BIGINT

    _ceil = _floor

    def _parsejson(self, node: exp.ParseJSON, scope: Scope) -> Typed:
        self.children(node, scope)
        return call("json", node.this), T.VARIANT

    def _tojson(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.kind == "VARIANT":
            return cast(node.this, T.STRING), T.STRING
        return node, T.STRING

    _jsonformat = _tojson

    def _strtounix(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.kind in ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ"):
            return cast(call("floor", call("epoch", node.this)), T.BIGINT), T.BIGINT
        return cast(node, T.BIGINT), T.BIGINT

    def _timestamptrunc(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.kind in ("DATE", "TIMESTAMP_NTZ") and kind.kind != "TIMESTAMP_NTZ":
            node.set("this", cast(node.this, T.TIMESTAMP))
        return node, kind if kind is not None and kind.kind == "TIMESTAMP_NTZ" else T.TIMESTAMP

    def _extract(self, node: exp.Extract, scope: Scope) -> Typed:
        self.child(node, "expression", scope)
        unit = node.this.name.upper()
        if unit in ("SECOND", "SECONDS"):
            kind = decimal(8, 6)
            micros = exp.Anonymous(this="microsecond", expressions=[node.expression])
            return cast(exp.Paren(this=exp.Div(this=micros, expression=exp.Literal.number("1000000.0"))), kind), kind
        return cast(node, T.INT), T.INT

    def _sequence(self, node: exp.Expression, scope: Scope) -> Typed:
        types = self.children(node, scope)
        kind = wider(types[0], types[1]) if len(types) > 1 else None
        return (cast(node, T.array(kind)) if kind and kind.is_integral() else node), T.array(kind) if kind else None

    _generateseries = _sequence

    def _stpoint(self, node: exp.Expression, scope: Scope) -> Typed:
        self.children(node, scope)
        return self._point(node.this, node.expression)

    @staticmethod
    def _point(x: exp.Expression, y: exp.Expression) -> Typed:
        """Geometry travels as text (WKT); DuckDB's spatial extension would be a download."""
        texts = [cast(cast(e, T.DOUBLE), T.STRING) for e in (x, y)]
        short = [call("regexp_replace", v, text(r"\.0$"), text("")) for v in texts]
        inside = exp.DPipe(this=exp.DPipe(this=short[0], expression=text(" ")), expression=short[1])
        point = exp.DPipe(this=exp.DPipe(this=text("POINT("), expression=inside), expression=text(")"))
        return exp.Paren(this=point), T.GEOMETRY

    def _anonymous(self, node: exp.Anonymous, scope: Scope) -> Typed:
        name = str(node.this).lower()
        if name in ("version", "current_version"):
            return self._named("version")
        if name in ("current_user", "user", "session_user"):
            return self._named("current_user")
        if name == "st_point" and len(node.expressions) == 2:
            self.children(node, scope)
            return self._point(*node.expressions)
        if name in ("raise_error", "error"):
            self.children(node, scope)
            return call("error", *node.expressions), T.VOID
        if name == "div":
            self.children(node, scope)
            return cast(
                exp.Paren(this=exp.IntDiv(this=node.expressions[0], expression=node.expressions[1])), T.BIGINT
            ), T.BIGINT
        types = self.children(node, scope)
        return self._known_function(node, types)


# -- helpers --------------------------------------------------------------------------------------
def interval_node(months: bool, size: int) -> exp.Expression:
    if months:
        return call("to_months", cast(number(size), T.INT))
    return call("to_microseconds", cast(number(size), T.BIGINT))


def from_unscaled(node: exp.Expression, kind: SparkType) -> exp.Expression:
    """A 128-bit integer as DECIMAL(p,s) without going through text."""
    whole = cast(node, decimal(38, 0))
    if kind.scale == 0:
        return cast(whole, kind)
    unit = cast(text("0." + "0" * (kind.scale - 1) + "1"), decimal(kind.scale, kind.scale))
    return cast(exp.Paren(this=exp.Mul(this=whole, expression=unit)), kind)


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


def _integer_text(node: exp.Expression) -> str | None:
    return node.this if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None


def _path_step(part: exp.Expression) -> str:
    if isinstance(part, exp.JSONPathSubscript):
        return f"[{part.this}]"
    if isinstance(part, exp.JSONPathKey):
        return '."' + str(part.this).replace('"', '\\"') + '"'
    return ""
