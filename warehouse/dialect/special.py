"""Functions whose rewriting depends on the types of their arguments, or that take a lambda.

A mixin of ``Expressions``: it uses its ``visit``, ``child``, ``children`` and ``convert``.
"""

from __future__ import annotations

from sqlglot import exp

from warehouse.dialect import templates
from warehouse.dialect import types as T
from warehouse.dialect.nodes import call, cast, number, raise_error, text
from warehouse.dialect.types import SparkType, parse_type
from warehouse.errors import SqlError

Typed = tuple[exp.Expression, SparkType | None]
_UNITS = {"YYYY": "YEAR", "YY": "YEAR", "MM": "MONTH", "MON": "MONTH", "Q": "QUARTER"}
_ENTRY = "lw_entry"


class SpecialFunctions:
    def special(self, node: exp.Anonymous, scope) -> Typed | None:
        method = self._BY_NAME.get(str(node.this).lower())
        return method(self, node, scope) if method is not None else None

    # -- arrays and maps -------------------------------------------------------------------------
    def _arraysize(self, node: exp.Expression, scope) -> Typed:
        """size and cardinality, of a map too; without ANSI the size of NULL is -1."""
        kind = self.children(node, scope)[0]
        size = cast(call("cardinality" if kind is not None and kind.kind == "MAP" else "len", templates.arguments(node)[0]), T.INT)
        if kind is not None and kind.kind == "VOID":
            size = cast(exp.Null(), T.INT)
        return (size if self.ansi else call("coalesce", size, number(-1))), T.INT

    def _element_at(self, node: exp.Bracket, container: SparkType) -> Typed:
        """Positions from 1, from the end when negative; outside of the array an error or, with try_, NULL."""
        place = node.expressions[0]
        if container.kind == "MAP":
            return call("map_extract_value", node.this, place), container.args[1]
        zero = raise_error("INVALID_INDEX_OF_ZERO", "The index 0 is invalid. An index shall be either < 0 or > 0", "22003")
        outside = raise_error(
            "INVALID_ARRAY_INDEX_IN_ELEMENT_AT",
            "The index is out of bounds of the array. Use `try_element_at` to tolerate accessing element at invalid "
            "index and return NULL instead",
            "22003",
        )
        branches = [exp.If(this=exp.EQ(this=place.copy(), expression=number(0)), true=zero)]
        if self.ansi and not node.args.get("safe"):
            far = exp.GT(this=call("abs", place.copy()), expression=call("len", node.this.copy()))
            branches.append(exp.If(this=far, true=outside))
        return exp.Case(ifs=branches, default=call("list_extract", node.this, place)), container.args[0]

    def _arraysort(self, node: exp.Expression, scope) -> Typed:
        """array_sort has its NULLs last, sort_array first, or last when it goes down."""
        kind = self.child(node, "this", scope)
        if node.expression is not None and isinstance(node.expression, exp.Lambda):
            raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse has no array_sort with a comparator", "0A000")
        down = isinstance(node.args.get("asc"), exp.Boolean) and not node.args["asc"].this
        first = isinstance(node.args.get("nulls_first"), exp.Boolean) and node.args["nulls_first"].this
        name = "lw_sort_down" if down else "lw_sort_up" if first else "lw_sort_up_last"
        return call(name, node.this), kind

    def _transform(self, node: exp.Expression, scope) -> Typed:
        """transform(array, (x, i) -> ...): Spark counts from 0, DuckDB from 1."""
        function = node.expression
        if isinstance(function, exp.Lambda) and len(function.expressions) == 2:
            index = function.expressions[1]
            from_zero = exp.Paren(this=exp.Sub(this=cast(index.copy(), T.INT), expression=number(1)))
            function.set("this", templates.substituted(exp.Lambda(this=function.this, expressions=[index]), [from_zero]))
        self.children(node, scope)
        return node, None

    def _exists(self, node: exp.Exists, scope) -> Typed:
        self.children(node, scope)
        if node.args.get("expression") is None:
            return node, T.BOOLEAN
        found = call("len", call("list_filter", node.this, node.expression))
        return exp.Paren(this=exp.GT(this=found, expression=number(0))), T.BOOLEAN

    def _forall(self, node: exp.Anonymous, scope) -> Typed:
        self.children(node, scope)
        items, test = node.expressions
        kept = call("len", call("list_filter", items, test))
        return exp.Paren(this=exp.EQ(this=kept, expression=call("len", items.copy()))), T.BOOLEAN

    def _reduce(self, node: exp.Expression, scope) -> Typed:
        self.child(node, "this", scope)
        kind = self.child(node, "initial", scope)
        self.child(node, "merge", scope)
        value = call("list_reduce", node.this, node.args["merge"], node.args["initial"])
        finish = node.args.get("finish")
        if finish is None:
            return value, kind
        return self.visit(templates.substituted(finish, [value]), scope)

    def _zip_with(self, node: exp.Anonymous, scope) -> Typed:
        left, right, function = node.expressions
        left, right = self.visit(left, scope)[0], self.visit(right, scope)[0]
        items = [call("list_extract", side.copy(), exp.column("lw_at")) for side in (left, right)]
        body = self.visit(templates.substituted(function, items), scope)[0]
        longest = call("greatest", call("len", left), call("len", right))
        places = call("range", number(1), exp.Add(this=longest, expression=number(1)))
        return call("list_transform", places, exp.Lambda(this=body, expressions=[exp.to_identifier("lw_at")])), None

    def _over_entries(self, node: exp.Anonymous, scope) -> Typed:
        """map_filter, transform_keys and transform_values go over the map's entries."""
        source, function = node.expressions
        source, kind = self.visit(source, scope)
        key, value = entry_parts()
        body = self.visit(templates.substituted(function, [key, value]), scope)[0]
        entries, name = call("map_entries", source), str(node.this).lower()
        if name == "map_filter":
            return call("map_from_entries", call("list_filter", entries, over_entry(body))), kind
        key, value = (body, value) if name == "transform_keys" else (key, body)
        pair = templates.fill("{'k': a, 'v': b}", [key, value])
        return call("map_from_entries", call("list_transform", entries, over_entry(pair))), None

    # -- texts and numbers -----------------------------------------------------------------------
    def _safeadd(self, node: exp.Expression, scope) -> Typed:
        value, kind = self.visit(exp.Add(this=node.this, expression=node.expression), scope)
        return call("try", value), kind

    def _bround(self, node: exp.Anonymous, scope) -> Typed:
        places = node.expressions[1] if len(node.expressions) > 1 else number(0)
        _, kind = self.visit(exp.Round(this=node.expressions[0].copy(), decimals=places.copy()), scope)
        rounded = call("round_even", self.visit(node.expressions[0], scope)[0], places)
        return (cast(rounded, kind) if kind is not None else rounded), kind

    def _elt(self, node: exp.Expression, scope) -> Typed:
        self.children(node, scope)
        return call("list_extract", exp.Array(expressions=node.expressions), node.this), T.STRING

    def _format(self, node: exp.Expression, scope) -> Typed:
        self.children(node, scope)
        return call("printf", node.this, *node.expressions), T.STRING

    def _length(self, node: exp.Length, scope) -> Typed:
        kind = self.child(node, "this", scope)
        binary = kind is not None and kind.kind == "BINARY"
        return cast(call("octet_length" if binary else "length", node.this), T.INT), T.INT

    def _reverse(self, node: exp.Expression, scope) -> Typed:
        kind = self.child(node, "this", scope)
        if kind is not None and kind.kind == "ARRAY":
            return call("list_reverse", node.this), kind
        return node, T.STRING

    def _substring(self, node: exp.Substring, scope) -> Typed:
        """Position 0 counts as 1."""
        self.children(node, scope)
        start = node.args.get("start")
        if start is not None and not (isinstance(start, exp.Literal) and start.this != "0"):
            zero = exp.EQ(this=exp.Paren(this=start.copy()), expression=number(0))
            node.set("start", exp.Case(ifs=[exp.If(this=zero, true=number(1))], default=start))
        return node, T.STRING

    # -- JSON ------------------------------------------------------------------------------------
    def _variant_get(self, node: exp.Anonymous, scope) -> Typed:
        value, path, kind = [*node.expressions, text("VARIANT")][:3]
        found = call("json_extract", self.visit(value, scope)[0], path)
        target = parse_type(kind.name)
        return self.convert(found, T.VARIANT, target, str(node.this).lower() == "try_variant_get"), target

    def _fromjson(self, node: exp.Expression, scope) -> Typed:
        schema = node.expression.name
        try:
            kind = parse_type(schema)
        except ValueError:
            kind = parse_type(f"STRUCT<{schema}>")
        self.child(node, "this", scope)
        return cast(call("try", cast(node.this, T.VARIANT)), kind, safe=True), kind

    def _to_csv(self, node: exp.Anonymous, scope) -> Typed:
        value, kind = self.visit(node.expressions[0], scope)
        if kind is None or kind.kind != "STRUCT":
            raise SqlError("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "to_csv needs a struct", "42K09")
        fields = [
            call("coalesce", self.convert(call("struct_extract", value.copy(), text(n)), k, T.STRING, False), text(""))
            for n, k in zip(kind.names, kind.args)
        ]
        return templates.fill("array_to_string(a, ',')", [exp.Array(expressions=fields)]), T.STRING

    # -- dates -----------------------------------------------------------------------------------
    def _datetrunc(self, node: exp.Expression, scope) -> Typed:
        """trunc(date, 'MM')"""
        self.child(node, "this", scope)
        unit = node.args["unit"].name.upper()
        return cast(call("date_trunc", text(_UNITS.get(unit, unit)), cast(node.this, T.DATE)), T.DATE), T.DATE

    def _datediff(self, node: exp.Expression, scope) -> Typed:
        """With another unit than days datediff counts whole units and answers with a BIGINT."""
        self.child(node, "this", scope), self.child(node, "expression", scope)
        unit = node.args.get("unit")
        if unit is None or unit.name.upper() == "DAY":
            return cast(node, T.INT), T.INT
        return cast(call("date_sub", text(unit.name), node.expression, node.this), T.BIGINT), T.BIGINT

    def _timestampadd(self, node: exp.Expression, scope) -> Typed:
        kind = self.child(node, "this", scope)
        self.child(node, "expression", scope)
        target = kind if kind is not None and kind.kind == "TIMESTAMP_NTZ" else T.TIMESTAMP
        return cast(exp.Paren(this=node), target), target

    def _monthsbetween(self, node: exp.Expression, scope) -> Typed:
        self.children(node, scope)
        return call("round", cast(exp.Paren(this=node), T.DOUBLE), number(8)), T.DOUBLE

    def _strtotime(self, node: exp.Expression, scope) -> Typed:
        self.children(node, scope)
        return cast(node, T.TIMESTAMP), T.TIMESTAMP

    def _date_part(self, node: exp.Anonymous, scope) -> Typed:
        unit, value = node.expressions
        return self.visit(exp.Extract(this=exp.Var(this=unit.name), expression=value), scope)

    def _make_date(self, node: exp.Anonymous, scope) -> Typed:
        self.children(node, scope)
        return (node if self.ansi else call("try", node)), T.DATE

    # -- values as texts -------------------------------------------------------------------------
    def _nested_text(self, node: exp.Expression, kind: SparkType) -> exp.Expression:
        """As Spark shows values: {1, null}, [1, 2], {k -> 1}, INTERVAL '1 02:03:04' DAY TO SECOND."""
        if kind.kind == "INTERVAL" and kind.interval in ("DAY TO SECOND", "YEAR TO MONTH"):
            inside = "lw_ym_text" if kind.is_year_month() else "lw_dt_text"
            return templates.fill(f"""'INTERVAL ''' || {inside}(a) || ''' {kind.interval}'""", [node])
        if kind.kind == "STRUCT":
            fields = [self._shown(call("struct_extract", node.copy(), text(n)), k) for n, k in zip(kind.names, kind.args)]
            joined = templates.fill("'{' || array_to_string(a, ', ') || '}'", [exp.Array(expressions=fields)])
            present = exp.Not(this=exp.Is(this=node.copy(), expression=exp.Null()))
            return exp.Case(ifs=[exp.If(this=present, true=joined)])
        if kind.kind == "MAP":
            key, value = entry_parts()
            pair = templates.fill("a || ' -> ' || b", [self._shown(key, kind.args[0]), self._shown(value, kind.args[1])])
            items = call("list_transform", call("map_entries", node), over_entry(pair))
            return templates.fill("'{' || array_to_string(a, ', ') || '}'", [items])
        if kind.kind == "ARRAY":
            items = call("list_transform", node, over_entry(self._shown(exp.column(_ENTRY), kind.args[0])))
            return templates.fill("'[' || array_to_string(a, ', ') || ']'", [items])
        return cast(node, T.STRING)

    def _shown(self, node: exp.Expression, kind: SparkType) -> exp.Expression:
        return call("coalesce", self.convert(node, kind, T.STRING, False), text("null"))

    _BY_NAME = {
        "cardinality": _arraysize, "forall": _forall, "zip_with": _zip_with, "map_filter": _over_entries,
        "transform_keys": _over_entries, "transform_values": _over_entries, "bround": _bround,
        "variant_get": _variant_get, "try_variant_get": _variant_get, "date_part": _date_part, "to_csv": _to_csv, "make_date": _make_date,
    }  # fmt: skip


def entry_parts() -> list[exp.Expression]:
    """Key and value of the entry that ``over_entry``'s lambda is called with."""
    return [exp.Dot(this=exp.to_identifier(_ENTRY), expression=exp.to_identifier(name)) for name in ("key", "value")]


def over_entry(body: exp.Expression) -> exp.Lambda:
    return exp.Lambda(this=body, expressions=[exp.to_identifier(_ENTRY)])
