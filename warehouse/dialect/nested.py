"""Arrays, maps, structs and VARIANT: how they are made and reached into.

A mixin of ``Expressions``: it uses its ``visit``, ``child`` and ``children``.
"""

from __future__ import annotations

from sqlglot import exp

from warehouse.dialect import types as T
from warehouse.dialect.nodes import call, cast, raise_error, text
from warehouse.dialect.scope import Scope, Typed
from warehouse.dialect.types import SparkType
from warehouse.errors import SqlError


class NestedValues:
    def _array(self, node: exp.Array, scope: Scope) -> Typed:
        types = self.children(node, scope)
        element = self._widest(types) if types else T.VOID
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
        if node.args.get("offset") == 1:
            return self._element_at(node, container)
        if container.kind == "MAP":
            if (
                len(types) > 1
                and types[1] is not None
                and (types[1].kind == "BOOLEAN") != (container.args[0].kind == "BOOLEAN")
            ):
                raise SqlError(
                    "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                    f'The key must have the "{container.args[0].sql()}" type',
                    "42K09",
                )
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
        if isinstance(node.expression, exp.Anonymous):
            found = self._user_function([p.name for p in node.parts[:-1]], node.expression, scope)
            if found is not None:
                return found
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


def _path_step(part: exp.Expression) -> str:
    if isinstance(part, exp.JSONPathSubscript):
        return f"[{part.this}]"
    if isinstance(part, exp.JSONPathKey):
        return '."' + str(part.this).replace('"', '\\"') + '"'
    return ""
