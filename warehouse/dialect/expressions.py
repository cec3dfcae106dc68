"""Scalar and aggregate expressions: static types by Spark's rules, and the rewrites they need.

``visit`` works bottom-up on sqlglot's tree and returns the node to put in its place together with its
type, or None when the type is not known; then the engine's own type is used.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from warehouse.dialect import functions as F
from warehouse.dialect import templates
from warehouse.dialect import types as T
from warehouse.dialect.aggregates import Aggregates
from warehouse.dialect.arithmetic import ARITHMETIC, Arithmetic
from warehouse.dialect.casts import Casts, interval_node
from warehouse.dialect.literals import number_type
from warehouse.dialect.nested import NestedValues
from warehouse.dialect.nodes import call, cast, number, text
from warehouse.dialect.numbers import wider
from warehouse.dialect.scope import Scope, Typed
from warehouse.dialect.special import SpecialFunctions
from warehouse.dialect.types import SparkType, decimal
from warehouse.errors import SqlError
from warehouse.sessions import zone_for_engine

_MAX_CALLS = 40  # SQL functions inside of each other


class Expressions(Casts, Arithmetic, NestedValues, Aggregates, SpecialFunctions):
    """``subquery`` types and rewrites a nested query; given by the translator of queries."""

    def __init__(self, ansi: bool, context: dict[str, str], subquery: Callable) -> None:
        self.ansi = ansi
        self.context = context  # current_catalog, current_schema, current_user, version
        self.volatile = False
        self.variables: dict[str, exp.Expression] = {}  # of the session
        self.nested_query = subquery
        self.routine: Callable = lambda parts: None  # a SQL function of the user by its name
        self._calls = 0

    # -- dispatch ------------------------------------------------------------------------------
    def visit(self, node: exp.Expression, scope: Scope) -> Typed:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node, scope)
        if type(node) in ARITHMETIC:
            return self._arithmetic(node, scope)
        if isinstance(node, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
            return self._comparison(node, scope)
        if isinstance(node, exp.Query):
            columns = self.nested_query(node, scope)
            return node, columns[0][1] if columns and len(columns) == 1 else None
        types = self.children(node, scope)
        return templates.use(node, types) or self._known_function(node, types)

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

    # -- conditionals --------------------------------------------------------------------------
    def _case(self, node: exp.Case, scope: Scope) -> Typed:
        plain = node.args.get("this") is None
        self.child(node, "this", scope)
        types = []
        for branch in node.args["ifs"]:
            test = self.child(branch, "this", scope)
            if plain:
                _need_boolean(test)
            types.append(self.child(branch, "true", scope))
        types.append(self.child(node, "default", scope) if node.args.get("default") is not None else T.VOID)
        places = [(branch, "true") for branch in node.args["ifs"]]
        places += [(node, "default")] if node.args.get("default") is not None else []
        return node, self._one_type(places, types)

    def _if(self, node: exp.If, scope: Scope) -> Typed:
        _need_boolean(self.child(node, "this", scope))
        types = [self.child(node, "true", scope)]
        types.append(self.child(node, "false", scope) if node.args.get("false") is not None else T.VOID)
        return node, self._widest(types)

    def _coalesce(self, node: exp.Expression, scope: Scope) -> Typed:
        types = self.children(node, scope)
        return node, self._one_type([(node, "this"), *((node, at) for at in range(len(node.expressions)))], types)

    def _one_type(self, places: list, types: list[SparkType | None]) -> SparkType | None:
        """The common type of branches; where texts meet numbers the others are cast to it."""
        known = [k for k in types if k is not None and k.kind != "VOID"]
        texts = [k for k in known if k.is_string()]
        numbers = [k for k in known if k.is_numeric()]
        if not texts or not numbers or len(known) != len(texts) + len(numbers):
            return self._widest(types)
        target = T.STRING
        if self.ansi:
            target = T.BIGINT if all(k.is_integral() for k in numbers) else T.DOUBLE
        for (holder, key), kind in zip(places, types):
            value = holder.expressions[key] if isinstance(key, int) else holder.args[key]
            fresh = self.convert(value, kind, target, False)
            if isinstance(key, int):
                holder.expressions[key] = fresh
            else:
                holder.set(key, fresh)
        return target

    def _in(self, node: exp.In, scope: Scope) -> Typed:
        """A text that is looked for among numbers is a number."""
        kind = self.child(node, "this", scope)
        if node.args.get("query") is not None:
            self.child(node, "query", scope)
            return node, T.BOOLEAN
        items = [self.visit(item, scope) for item in node.expressions]
        node.set("expressions", [item for item, _ in items])
        kinds = [k for _, k in items]
        self._as_number(node, kind, kinds)
        return node, T.BOOLEAN

    def _between(self, node: exp.Between, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        self._as_number(node, kind, [self.child(node, "low", scope), self.child(node, "high", scope)])
        return node, T.BOOLEAN

    def _as_number(self, node: exp.Expression, kind: SparkType | None, others: list[SparkType | None]) -> None:
        if kind is not None and kind.is_string() and others and all(k is not None and k.is_numeric() for k in others):
            target = T.BIGINT if all(k.is_integral() for k in others) else T.DOUBLE
            node.set("this", self.convert(node.this, kind, target, not self.ansi))

    def _alias(self, node: exp.Alias, scope: Scope) -> Typed:
        return node, self.child(node, "this", scope)

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

    def _currenttimezone(self, node, scope: Scope) -> Typed:
        return self._named("timezone")

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
        if types and all(k is not None and k.kind == "BINARY" for k in types):
            joined = node.expressions[0]
            for part in node.expressions[1:]:
                joined = exp.DPipe(this=joined, expression=part)
            return exp.Paren(this=joined), T.BINARY
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
        if kind is not None and kind.kind == "STRUCT":  # fields without a value are left out
            return cast(call("json_merge_patch", text("{}"), call("to_json", node.this)), T.STRING), T.STRING
        return node, T.STRING

    _jsonformat = _tojson

    def _tsordstodate(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if node.args.get("format") is None:
            return self.convert(node.this, kind, T.DATE, not self.ansi), T.DATE
        return (node if self.ansi else call("try", node)), T.DATE

    def _unixtostr(self, node: exp.UnixToStr, scope: Scope) -> Typed:
        """from_unixtime. In UTC without the engine's calendar of zones, which takes three times as long."""
        kind = self.children(node, scope)[0]
        if kind is None or not kind.is_integral() or zone_for_engine(self.context["timezone"]) != "Etc/UTC":
            return node, T.STRING
        micros = exp.Mul(this=cast(exp.Paren(this=node.this), T.BIGINT), expression=number(1_000_000))
        return exp.TimeToStr(this=call("make_timestamp", micros), format=node.args["format"]), T.STRING

    def _strtounix(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if node.args.get("format") is None and kind is not None and kind.is_string():
            node.set("this", self.convert(node.this, kind, T.TIMESTAMP, not self.ansi))
            kind = T.TIMESTAMP
        if kind is not None and kind.kind in ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ"):
            return cast(call("floor", call("epoch", node.this)), T.BIGINT), T.BIGINT
        return cast(node, T.BIGINT), T.BIGINT

    def _timestamptrunc(self, node: exp.Expression, scope: Scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.kind in ("DATE", "TIMESTAMP_NTZ") and kind.kind != "TIMESTAMP_NTZ":
            node.set("this", cast(node.this, T.TIMESTAMP))
        return node, kind if kind is not None and kind.kind == "TIMESTAMP_NTZ" else T.TIMESTAMP

    def _extract(self, node: exp.Extract, scope: Scope) -> Typed:
        kind = self.child(node, "expression", scope)
        unit = node.this.name.upper()
        if kind is not None and kind.kind == "INTERVAL" and unit in ("HOUR", "MINUTE", "MONTH"):
            within = exp.Mod(this=node, expression=number(24)) if unit == "HOUR" else node
            return cast(exp.Paren(this=within), T.TINYINT), T.TINYINT
        if unit in ("SECOND", "SECONDS"):
            kind = decimal(8, 6)
            micros = exp.Anonymous(this="microsecond", expressions=[node.expression])
            return cast(exp.Paren(this=exp.Div(this=micros, expression=exp.Literal.number("1000000.0"))), kind), kind
        return cast(node, T.INT), T.INT

    def _sequence(self, node: exp.Expression, scope: Scope) -> Typed:
        types = self.children(node, scope)
        kind = wider(types[0], types[1]) if len(types) > 1 else None
        if kind is not None and kind.kind == "DATE":
            step = node.args.get("step") or interval_node(False, 86_400_000_000)
            return cast(call("generate_series", node.args["start"], node.args["end"], step), T.array(kind)), T.array(
                kind
            )
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

    def _user_function(self, place: list[str], node: exp.Anonymous, scope: Scope) -> Typed | None:
        routine = self.routine([*place, str(node.this)])
        if routine is None:
            return None
        if self._calls >= _MAX_CALLS:
            raise SqlError("RECURSIVE_FUNCTION", f"The function `{node.this}` is nested too deeply", "42836")
        self._calls += 1
        try:
            return self.visit(routine.call(node.expressions), scope)
        finally:
            self._calls -= 1

    def _anonymous(self, node: exp.Anonymous, scope: Scope) -> Typed:
        name = str(node.this).lower()
        own = self._user_function([], node, scope)
        if own is not None:
            return own
        if name in ("version", "current_version"):
            return self._named("version")
        if name in ("current_user", "user", "session_user"):
            return self._named("current_user")
        if name == "st_point" and len(node.expressions) == 2:
            self.children(node, scope)
            return self._point(*node.expressions)
        if name == "div":
            self.children(node, scope)
            return cast(
                exp.Paren(this=exp.IntDiv(this=node.expressions[0], expression=node.expressions[1])), T.BIGINT
            ), T.BIGINT
        special = self.special(node, scope)
        if special is not None:
            return special
        types = self.children(node, scope)
        return templates.use(node, types) or self._known_function(node, types)


def _need_boolean(kind: SparkType | None) -> None:
    if kind is not None and (kind.is_numeric() or kind.is_string()):
        raise SqlError(
            "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
            f'The condition requires the "BOOLEAN" type, not "{kind.sql()}"',
            "42K09",
        )
