"""Queries: resolving names, typing columns, naming outputs, and rewriting for the engine."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from warehouse.catalog import INFORMATION_SCHEMA, Catalogs, Table, backquote, table_not_found
from warehouse.dialect import types as T
from warehouse.dialect.expressions import Expressions
from warehouse.dialect.lexer import syntax_error
from warehouse.dialect.names import Namer
from warehouse.dialect.nodes import cast, duck_sql, text, written_type
from warehouse.dialect.numbers import wider
from warehouse.dialect.scope import Scope
from warehouse.dialect.types import SparkType, parse_type
from warehouse.engine.base import Parameter
from warehouse.errors import SqlError
from warehouse.sessions import Session

Columns = list[tuple[str, SparkType | None]]
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns about every command it does not know

_MAX_VIEW_DEPTH = 40


@dataclass
class Translation:
    """A statement ready for the engine."""

    sql: str
    columns: Columns | None  # None: names and types are the engine's
    tables: list[Table] = field(default_factory=list)
    system_views: dict[str, tuple[str, str]] = field(default_factory=dict)  # relation -> (catalog, view)
    relations: dict[str, pa.Table] = field(default_factory=dict)  # rows that are in no table
    volatile: bool = False


def parse(sql: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(sql, read="databricks")
    except SqlglotError as error:
        if "number of provided arguments" in str(error) or "Required keyword: 'this' missing" in str(error):
            called = re.search(r"\w+\s*\([^()]*\)", sql)
            raise SqlError(
                "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                f"The number of arguments is wrong: {called[0] if called else sql[:100]}", "42605",
            ) from error  # fmt: skip
        unknown = re.search(r"Expected TYPE after CAST", str(error))
        details = getattr(error, "errors", None) or [{}]
        near = details[0].get("highlight") or ""
        if unknown and re.fullmatch(r"\w+", near):
            raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{near.upper()}"', "0A000") from error
        line, column = details[0].get("line") or 1, details[0].get("col") or 1
        lines = sql.split("\n")
        position = sum(len(text) + 1 for text in lines[: line - 1]) + max(0, column - len(near))
        raise syntax_error(near, sql, min(position, len(sql))) from error
    except RecursionError as error:
        raise SqlError("PARSE_SYNTAX_ERROR", "The statement is nested too deeply", "42601") from error
    if len(trees) != 1 or trees[0] is None:
        raise syntax_error("", sql, len(sql))
    return trees[0]


def _time_travel(relation: str) -> SqlError:
    text = f"The feature is not supported: Time travel on the relation: {relation}"
    return SqlError("UNSUPPORTED_FEATURE.TIME_TRAVEL", text, "0A000")


def _not_integral(kind: SparkType) -> SqlError:
    text = f'The limit expression must be integer type, but got "{kind.sql()}"'
    return SqlError("INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", text, "42K0E")


class Binder:
    """Puts parameter values in the place of markers."""

    def __init__(self, parameters: list[Parameter]) -> None:
        self._named = {p.name.lower(): p for p in parameters if p.name is not None}
        self._ordinal = {p.ordinal: p for p in parameters if p.ordinal is not None}
        self._next = 1
        self._kinds: set[str] = set()

    def bind(self, tree: exp.Expression) -> exp.Expression:
        markers = [n for n in tree.find_all(exp.Placeholder, exp.Parameter, bfs=False)]
        for marker in markers:
            fresh = self._value(marker)
            if marker is tree:
                return fresh
            marker.replace(fresh)
        return tree

    def _value(self, marker: exp.Expression) -> exp.Expression:
        if isinstance(marker.parent, exp.TableAlias):  # t@v1
            raise _time_travel(marker.parent.parent.name)
        name = marker.text("this")  # .name of an unnamed marker is "?"
        self._kinds.add("named" if name else "positional")
        if len(self._kinds) > 1:
            raise SqlError(
                "INVALID_QUERY_MIXED_QUERY_PARAMETERS",
                "Parameterized query must either use positional, or named parameters, but not both",
                "42613",
            )
        if name:
            found, shown = self._named.get(name.lower()), name
        else:
            found, shown = self._ordinal.get(self._next), f"_{self._next}"
            self._next += 1
        if found is None:
            raise SqlError(
                "UNBOUND_SQL_PARAMETER",
                f"Found the unbound parameter: {shown}. Please, fix `args` and provide a mapping of the parameter to "
                "either a SQL literal or collection constructor functions such as `map()`, `array()`, `struct()`",
                "42P02",
            )
        if isinstance(marker.parent, (exp.Limit, exp.Offset)):
            return self._limit(found)
        return self.typed(found)

    @staticmethod
    def _limit(parameter: Parameter) -> exp.Expression:
        kind = _parameter_type(parameter)
        if not kind.is_integral() or parameter.value is None:
            raise _not_integral(kind)
        if not parameter.value.strip().isdigit():
            raise SqlError(
                "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
                f"The limit expression must be equal to or greater than 0, but got {parameter.value}",
                "42K0E",
            )
        return exp.Literal.number(int(parameter.value))

    @staticmethod
    def typed(parameter: Parameter) -> exp.Expression:
        kind = _parameter_type(parameter)
        if parameter.value is None or kind.kind == "VOID":
            node: exp.Expression = exp.Null()
            if kind.kind != "VOID" and parameter.type.strip():
                node = exp.Cast(this=node, to=written_type(kind))
            node.meta["lw_name"] = "NULL"
            return node
        if "\x00" in parameter.value:
            raise SqlError("INVALID_PARAMETER_VALUE", "A parameter must not contain a NUL character", "22023")
        node = text(parameter.value)
        if kind.kind != "STRING":
            node = exp.Cast(this=node, to=written_type(kind))
        node.meta["lw_name"] = parameter.value
        return node


def _parameter_type(parameter: Parameter) -> SparkType:
    try:
        return parse_type(parameter.type)
    except ValueError as error:
        raise SqlError(
            "INVALID_PARAMETER_MARKER_VALUE.UNSUPPORTED_TYPE", f"Unsupported parameter type: {parameter.type}", "22023"
        ) from error


class Translator:
    """One statement. ``context`` gives the current catalog and schema; views bring their own."""

    def __init__(self, catalogs: Catalogs, session: Session, sql: str, system_columns: Callable) -> None:
        self.catalogs = catalogs
        self.session = session
        self.sql = sql
        self.catalog, self.schema = session.catalog, session.schema
        self.namer = Namer(sql)
        self.tables: list[Table] = []
        self.system_views: dict[str, tuple[str, str]] = {}
        self.relations: dict[str, pa.Table] = {}
        self.depth = 0
        self._system_columns = system_columns
        context = {
            "current_catalog": session.catalog,
            "current_schema": session.schema,
            "current_user": session.user,
            "timezone": session.conf("TIMEZONE"),
            "version": "17.3 dbkernel-local-warehouse",
        }
        self.expressions = Expressions(session.ansi, context, self._nested)
        self.expressions.variables = {name: Binder.typed(value) for name, value in session.variables.items()}
        self._ctes: list[dict[str, Columns | None]] = [{}]
        self._views: list[str] = []

    # -- entry ---------------------------------------------------------------------------------
    def add_relation(self, name: str, rows: pa.Table, columns: Columns) -> None:
        """Rows that the statement may call by a name, like a common table expression."""
        self.relations[name] = rows
        self._ctes[0][name] = columns

    def query(self, tree: exp.Expression) -> Translation:
        columns = self.visit(tree, None)
        return self.done(tree, columns)

    def done(self, tree: exp.Expression, columns: Columns | None) -> Translation:
        sql = duck_sql(tree)
        volatile = self.expressions.volatile or tree.find(exp.TableSample) is not None
        return Translation(sql, columns, self.tables, self.system_views, self.relations, volatile)

    def _nested(self, node: exp.Query, scope: Scope) -> Columns | None:
        return self.visit(node, scope)

    def visit(self, node: exp.Expression, outer: Scope | None) -> Columns | None:
        """Rewrites a query in place; returns its columns, or None when they are not all known."""
        with_ = node.args.get("with_") or node.args.get("with")
        if with_ is not None:
            self._ctes.append(dict(self._ctes[-1]))
            for cte in with_.expressions:
                self._cte(cte, bool(with_.args.get("recursive")), outer)
        try:
            if isinstance(node, exp.Select):
                return self._select(node, outer)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, outer)
            if isinstance(node, exp.Subquery):
                columns = self.visit(node.this, outer)
                self._modifiers(node, Scope(outer=outer))
                return columns
            if isinstance(node, exp.Values):
                return self._values(node, Scope(outer=outer))
            if isinstance(node, exp.Table):  # TABLE t
                self._source(node, Scope(outer=outer))
                return None
            raise SqlError("UNSUPPORTED_FEATURE", f"Unsupported query: {type(node).__name__}", "0A000")
        finally:
            if with_ is not None:
                self._ctes.pop()

    def _cte(self, cte: exp.CTE, recursive: bool, outer: Scope | None) -> None:
        name = cte.alias.lower()
        names = [c.name for c in cte.args["alias"].args.get("columns") or []]
        if recursive:
            self._ctes[-1][name] = [(n, None) for n in names] or None
        columns = self.visit(cte.this, outer)
        if columns is not None and names:
            columns = [(n, kind) for n, (_, kind) in zip(names, columns)]
        self._ctes[-1][name] = columns

    # -- SELECT --------------------------------------------------------------------------------
    def _select(self, node: exp.Select, outer: Scope | None) -> Columns | None:
        scope = Scope(outer=outer)
        from_ = node.args.get("from_") or node.args.get("from")
        if from_ is not None:
            from_.set("this", self._source(from_.this, scope))
        for join in node.args.get("joins") or []:
            join.set("this", self._source(join.this, scope))
            if join.args.get("on") is not None:
                self.expressions.child(join, "on", scope)
        for lateral in node.args.get("laterals") or []:
            self._lateral(lateral, scope)
        merged = any(j.args.get("using") or j.method == "NATURAL" for j in node.args.get("joins") or [])
        columns = self._projections(node, scope, merged)
        if from_ is not None and from_.this.args.get("pivots"):
            columns = None  # DuckDB names what PIVOT and UNPIVOT make
        for key in ("where", "group", "having", "qualify"):
            value = node.args.get(key)
            if value is not None:
                types = self.expressions.children(value, scope)
                if key == "where" and types and types[0] is not None and types[0].is_numeric():
                    raise SqlError(
                        "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
                        f'The filter expression must be of type "BOOLEAN", not "{types[0].sql()}"', "42K09",
                    )  # fmt: skip
        self._modifiers(node, scope)
        return columns

    def _modifiers(self, node: exp.Expression, scope: Scope) -> None:
        for key in ("order", "limit", "offset", "distinct", "windows", "sort", "cluster"):
            value = node.args.get(key)
            if isinstance(value, (exp.Limit, exp.Offset)):
                kind = self.expressions.child(value, "expression", scope)
                if kind is not None and not kind.is_integral():
                    raise _not_integral(kind)
            elif isinstance(value, exp.Expression):
                self.expressions.children(value, scope)

    def _projections(self, node: exp.Select, scope: Scope, merged: bool) -> Columns | None:
        columns: Columns | None = []
        fresh = []
        for item in node.expressions:
            if item.is_star:
                found = None if merged else self._star(item, scope)
                columns = columns + found if columns is not None and found is not None else None
                fresh.append(item)
                continue
            alias = item.alias if isinstance(item, exp.Alias) else ""
            name = alias or self.namer.top(item)
            inner, kind = self.expressions.visit(item, scope)
            if not alias and not (isinstance(inner, exp.Column) and inner.name == name):
                inner = exp.alias_(inner, name or "_", quoted=True)
            if alias:
                scope.aliases.setdefault(alias.lower(), kind)
            fresh.append(inner)
            if columns is not None:
                columns.append((name, kind))
        node.set("expressions", fresh)
        return columns

    @staticmethod
    def _star(item: exp.Expression, scope: Scope) -> Columns | None:
        star = item.this if isinstance(item, exp.Column) else item
        if star.args.get("replace") or star.args.get("rename"):
            return None
        dropped = {c.name.lower() for c in star.args.get("except_") or star.args.get("except") or []}
        wanted = item.table.lower() if isinstance(item, exp.Column) else ""
        columns: Columns = []
        for alias, known in scope.sources:
            if wanted and alias != wanted:
                continue
            if known is None:
                return None
            shown = known.shown if isinstance(known, _Known) else {n: n for n in known}
            columns.extend((shown[n], k) for n, k in known.items() if n not in dropped)
        return columns

    # -- FROM ----------------------------------------------------------------------------------
    def _source(self, node: exp.Expression, scope: Scope) -> exp.Expression:
        if isinstance(node, exp.Table):
            return self._table_source(node, scope)
        if isinstance(node, exp.Values):
            columns = self._values(node, scope)
            self._add(scope, node, columns)
            return node
        if isinstance(node, exp.Subquery):
            if isinstance(node.this, exp.Table):  # FROM (a JOIN b)
                node.set("this", self._source(node.this, scope))
                for join in node.args.get("joins") or node.this.args.get("joins") or []:
                    join.set("this", self._source(join.this, scope))
                    if join.args.get("on") is not None:
                        self.expressions.child(join, "on", scope)
                return node
            columns = self.visit(node.this, scope if node.args.get("lateral") else scope.outer)
            self._add(scope, node, columns)
            return node
        if isinstance(node, exp.Lateral):
            self._lateral(node, scope)
            return node
        if isinstance(node, (exp.Unnest, exp.Explode)):
            self.expressions.children(node, scope)
            scope.sources.append((node.alias.lower(), None))
            return node
        self.expressions.children(node, scope)
        scope.sources.append((node.alias_or_name.lower(), None))
        return node

    @staticmethod
    def _add(scope: Scope, node: exp.Expression, columns: Columns | None, name: str = "") -> None:
        alias = node.args.get("alias")
        names = [c.name for c in alias.args.get("columns") or []] if isinstance(alias, exp.TableAlias) else []
        if columns is not None and names:
            columns = [(n, kind) for n, (_, kind) in zip(names, columns)] + columns[len(names) :]
        known = None
        if columns is not None:
            known = _Known((n.lower(), kind) for n, kind in columns)
            known.shown = {n.lower(): n for n, _ in columns}
            if len(known) != len(columns):  # two columns of one name: only the engine can tell
                known = None
        scope.sources.append(((node.alias or name).lower(), known))

    def _table_source(self, node: exp.Table, scope: Scope) -> exp.Expression:
        if isinstance(node.this, exp.Anonymous):
            return self._table_function(node, scope)
        if isinstance(node.this, exp.Func):
            name = node.this.sql_name().lower()
            if name in ("explode", "unnest", "posexplode", "inline"):
                self.expressions.children(node.this, scope)
                scope.sources.append((node.alias.lower(), None))
                return node
            raise unresolvable_function(name)
        parts = [p.name for p in node.parts]
        for join in node.args.get("joins") or []:
            join.set("this", self._source(join.this, scope))
            if join.args.get("on") is not None:
                self.expressions.child(join, "on", scope)
        if len(parts) == 1 and parts[0].lower() in self._ctes[-1]:
            self._add(scope, node, self._ctes[-1][parts[0].lower()], parts[0])
            return node
        return self._named_table(node, parts, scope)

    def _named_table(self, node: exp.Table, parts: list[str], scope: Scope) -> exp.Expression:
        if node.args.get("version") is not None:
            raise _time_travel(backquote(self.full_name(parts)))
        if len(parts) == 2 and "/" in parts[1]:
            raise SqlError("UNSUPPORTED_FEATURE", f"Files are read by COPY INTO only: {backquote(parts)}", "0A000")
        table = self._temporary(parts)
        if table is None:
            catalog, schema, name = self.full_name(parts)
            if schema.lower() == INFORMATION_SCHEMA:
                return self._system_view(node, catalog, name, parts, scope)
            table = self.find(parts)
        if table.kind == "VIEW":
            return self._expand_view(node, table, scope)
        if not table.columns:
            raise SqlError(
                "DELTA_READ_TABLE_WITHOUT_COLUMNS", f"The table `{table.full_name}` does not have any columns", "428GU"
            )
        self.tables.append(table)
        self._add(scope, node, [(c.name, c.type) for c in table.columns], table.name)
        physical = self._physical(table, node)
        return physical

    @staticmethod
    def _physical(table: Table, node: exp.Table) -> exp.Table:
        catalog, schema, name = table.physical()
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        node.set("this", exp.to_identifier(name, quoted=True))
        node.set("db", exp.to_identifier(schema, quoted=True))
        node.set("catalog", exp.to_identifier(catalog, quoted=True))
        return node

    def _temporary(self, parts: list[str]) -> Table | None:
        """A table or view of the session; views of the catalog do not see it."""
        return self.session.temporary.get(parts[0].lower()) if len(parts) == 1 and not self._views else None

    def find(self, parts: list[str]) -> Table:
        table = self._temporary(parts) or self.catalogs.find_table(*self.full_name(parts))
        if table is None:
            raise table_not_found(parts)
        return table

    def full_name(self, parts: list[str]) -> tuple[str, str, str]:
        if len(parts) == 1:
            return self.catalog, self.schema, parts[0]
        if len(parts) == 2:
            return self.catalog, parts[0], parts[1]
        if len(parts) == 3:
            return parts[0], parts[1], parts[2]
        raise table_not_found(parts)

    def _expand_view(self, node: exp.Table, view: Table, scope: Scope) -> exp.Expression:
        if len(self._views) >= _MAX_VIEW_DEPTH or view.full_name in self._views:
            raise SqlError("RECURSIVE_VIEW", f"Recursive view `{view.name}` detected", "42K0H")
        kept = self.catalog, self.schema, self.namer, self._ctes
        self.catalog, self.schema = view.view_context
        self.namer, self._ctes = Namer(view.view_sql), [{}]
        self._views.append(view.full_name)
        try:
            tree = parse(view.view_sql)
            self.visit(tree, None)
        finally:
            self.catalog, self.schema, self.namer, self._ctes = kept
            self._views.pop()
        columns = [(c.name, c.type) for c in view.columns]
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(view.name, quoted=True))
        given = [c.name for c in alias.args.get("columns") or []]
        names = given + [n for n, _ in columns[len(given) :]]
        alias.set("columns", [exp.to_identifier(n, quoted=True) for n in names])
        subquery = exp.Subquery(this=tree, alias=alias)
        if node.args.get("joins"):
            subquery.set("joins", node.args["joins"])
        self._add(scope, subquery, [(n, k) for n, (_, k) in zip(names, columns)], view.name)
        return subquery

    def _system_view(self, node: exp.Table, catalog: str, name: str, parts, scope: Scope) -> exp.Expression:
        if not self.catalogs.has_catalog(catalog):
            raise table_not_found(parts)
        columns = self._system_columns(name)
        if columns is None:
            raise table_not_found(parts)
        relation = f"lw_system_{len(self.system_views)}"
        self.system_views[relation] = (catalog.lower(), name.lower())
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name.lower(), quoted=True)))
        node.set("this", exp.to_identifier(relation)), node.set("db", None), node.set("catalog", None)
        self._add(scope, node, columns, name.lower())
        return node

    def _table_function(self, node: exp.Table, scope: Scope) -> exp.Expression:
        name = str(node.this.this).lower()
        if name == "identifier":
            literal = node.this.expressions[0] if node.this.expressions else None
            if isinstance(literal, exp.Literal) and literal.is_string:
                named = exp.to_table(literal.this, dialect="databricks")
                named.set("alias", node.args.get("alias"))
                return self._source(named, scope)
        if name != "range" or not 1 <= len(node.this.expressions) <= 4:
            raise unresolvable_function(name)
        arguments = []
        for argument in node.this.expressions[:3]:
            value, _ = self.expressions.visit(argument, scope)
            arguments.append(cast(value, T.BIGINT))
        call = exp.Table(this=exp.Anonymous(this="range", expressions=arguments))
        inner = exp.Select(expressions=[exp.alias_(exp.column("range"), "id")], from_=exp.From(this=call))
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier("range", quoted=True))
        subquery = exp.Subquery(this=inner, alias=alias)
        if node.args.get("joins"):
            subquery.set("joins", node.args["joins"])
            for join in node.args["joins"]:
                join.set("this", self._source(join.this, scope))
        self._add(scope, subquery, [("id", T.BIGINT)], "range")
        return subquery

    def _lateral(self, node: exp.Lateral, scope: Scope) -> None:
        if isinstance(node.this, exp.Subquery):
            columns = self.visit(node.this.this, scope)
            self._add(scope, node, columns)
            return
        types = [self.expressions.child(node, "this", scope)]
        alias = node.args.get("alias")
        names = [c.name for c in alias.args.get("columns") or []] if alias is not None else []
        known = {n.lower(): k for n, k in zip(names, types)} if len(names) == 1 else None
        scope.sources.append((node.alias.lower(), known))

    # -- VALUES, set operations ------------------------------------------------------------------
    def _values(self, node: exp.Values, scope: Scope) -> Columns:
        kinds: list[SparkType | None] = []
        for at, row in enumerate(node.expressions):
            if not isinstance(row, exp.Tuple):
                row = exp.Tuple(expressions=[row])
                node.expressions[at] = row
            found = self.expressions.children(row, scope)
            if at == 0:
                kinds = found
            else:
                kinds = [wider(a, b) for a, b in zip(kinds, found)]
        node.set("expressions", node.expressions)
        names = [f"col{i}" for i in range(1, len(kinds) + 1)]
        alias = node.args.get("alias")
        if isinstance(node.parent, (exp.From, exp.Join, exp.Subquery)) or alias is not None:
            if alias is None:
                alias = exp.TableAlias(this=exp.to_identifier("values", quoted=True))
                node.set("alias", alias)
            given = [c.name for c in alias.args.get("columns") or []]
            if not given:
                alias.set("columns", [exp.to_identifier(n, quoted=True) for n in names])
            else:
                if len(given) != len(names):
                    raise SqlError(
                        "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                        f"The inline table has {len(names)} columns, but {len(given)} names were given", "42000",
                    )  # fmt: skip
                names = given
        return list(zip(names, kinds))

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Columns | None:
        left = self.visit(node.this, outer)
        right = self.visit(node.expression, outer)
        self._modifiers(node, Scope(outer=outer))
        if left is None or right is None:
            return left and [(n, None) for n, _ in left]
        if len(left) != len(right):
            raise SqlError(
                "NUM_COLUMNS_MISMATCH",
                f"{type(node).__name__.upper()} can only be performed on inputs with the same number of columns, but the "
                f"first input has {len(left)} columns and the second input has {len(right)} columns",
                "42826",
            )
        return [(name, wider(a, b)) for (name, a), (_, b) in zip(left, right)]


class _Known(dict):
    """Column types by lower-case name, with the names as written."""

    shown: dict[str, str]


def unresolvable_function(name: str) -> SqlError:
    return SqlError(
        "UNRESOLVABLE_TABLE_VALUED_FUNCTION",
        f"Could not resolve `{name}` to a table-valued function. Please make sure that `{name}` is defined as a "
        "table-valued function and that all required parameters are provided correctly",
        "42883",
    )
