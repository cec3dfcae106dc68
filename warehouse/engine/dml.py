"""INSERT, UPDATE, DELETE, MERGE: implicit casts, counts, one writer at a time."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from warehouse import versions
from warehouse.catalog import Table
from warehouse.dialect import types as T
from warehouse.dialect.nodes import call, cast, duck_sql, number, text
from warehouse.dialect.queries import Columns, Translation, Translator
from warehouse.dialect.scope import Scope
from warehouse.engine import constraints
from warehouse.engine.base import CancelToken, Outcome, rows_outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine


def run(
    engine: "DuckEngine",
    session: Session,
    sql: str,
    tree: exp.Expression,
    cancel: CancelToken,
    original: str,
    relations: dict[str, pa.Table] | None = None,
    operation: str = "",
) -> Outcome:
    translator = engine.translator(session, sql, relations)
    rewrite = {exp.Insert: _insert, exp.Update: _update, exp.Delete: _delete, exp.Merge: _merge}[type(tree)]
    mode = "Overwrite" if tree.args.get("overwrite") else "Append"
    before = rewrite(translator, tree)
    table = translator.tables[0]  # what is changed was looked up first
    translation = translator.done(tree, None)
    statements = [*before, translation.sql]
    after = constraints.after_change(engine, translator, table, _given(tree, table))
    if session.transaction is not None:
        counts = session.transaction.write(session, statements, translation, cancel, sql, tree, after)
    else:
        counts = write(engine, session, statements, translation, cancel, sql, after)
    engine.effects.record(original.strip())
    outcome = _answer(tree, counts)
    parameters = {"mode": mode, "partitionBy": "[]"} if isinstance(tree, exp.Insert) else _predicate(original)
    metrics = {_METRICS[type(tree)]: outcome.modified_rows or 0}
    versions.record(session, table, operation or _OPERATIONS[type(tree)], parameters, metrics)
    return outcome


_OPERATIONS = {exp.Insert: "WRITE", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "MERGE"}
_METRICS = {
    exp.Insert: "numOutputRows", exp.Update: "numUpdatedRows", exp.Delete: "numDeletedRows",
    exp.Merge: "numTargetRowsChanged",
}  # fmt: skip


def _given(tree: exp.Expression, table: Table) -> set[str]:
    """The columns that a statement sets itself, lower case; those of a MERGE or BY NAME are not looked at."""
    if isinstance(tree, exp.Insert) and not tree.args.get("by_name"):
        listed = tree.this.expressions if isinstance(tree.this, exp.Schema) else table.columns
        return {column.name.lower() for column in listed}
    if isinstance(tree, exp.Update):
        return {assignment.this.name.lower() for assignment in tree.expressions}
    return set()


def _predicate(sql: str) -> dict[str, str]:
    found = re.search(r"\b(?:WHERE|ON)\b(.*?)(?:\bWHEN\b|$)", sql, re.IGNORECASE | re.DOTALL)
    return {"predicate": f"[{found[1].strip()}]"} if found else {}


def write(
    engine: "DuckEngine",
    session: Session,
    statements: list[str],
    translation: Translation,
    cancel: CancelToken,
    sql: str,
    after: list[str] | None = None,
) -> list[tuple]:
    """Runs them in one transaction under the writer's lock; returns the rows of the last before ``after``."""
    from warehouse.engine.duck import failure

    cursor = engine.connection(session, translation, cancel)
    with contextlib.closing(cursor), cancel.waiting_for(engine.write_lock):  # closing rolls back
        engine.write_epoch += 1
        try:
            cursor.execute("BEGIN")
            rows: list[tuple] = []
            for statement in statements:
                rows = cursor.execute(statement).fetchall()
            for statement in after or ():
                cursor.execute(statement).fetchall()
            cancel.check()
            cursor.execute("COMMIT")
            return rows
        except Exception as error:
            cursor.close()  # before the next writer comes
            raise failure(error, sql, cancel) from error
        finally:
            engine.write_epoch += 1


def _answer(tree: exp.Expression, rows: list[tuple]) -> Outcome:
    """One row of counts, named as the service names them (spec local-warehouse 2.3)."""
    if isinstance(tree, exp.Merge):
        actions = [row[0] for row in rows]
        updated, deleted, inserted = (actions.count(a) for a in ("UPDATE", "DELETE", "INSERT"))
        names = ["num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"]
        values = (updated + deleted + inserted, updated, deleted, inserted)
    else:
        count = rows[0][0] if rows else 0
        names = ["num_affected_rows", "num_inserted_rows"] if isinstance(tree, exp.Insert) else ["num_affected_rows"]
        values = (count,) * len(names)
    outcome = rows_outcome([(n, T.BIGINT) for n in names], [values])
    outcome.modified_rows = values[0]
    return outcome


# -- the four statements --------------------------------------------------------------------------
def _target(translator: Translator, node: exp.Expression, scope: Scope) -> Table:
    if not isinstance(node, exp.Table):
        raise SqlError("UNSUPPORTED_FEATURE", "Only tables can be changed", "0A000")
    table = changeable(translator, [p.name for p in node.parts])
    translator._source(node, scope)
    return table


def changeable(translator: Translator, parts: list[str]) -> Table:
    """The table of this name, which is no view."""
    table = translator.find(parts)
    if table.kind != "TABLE":
        raise SqlError(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
            f"The operation expects a table but `{table.name}` is a view",
            "42809",
        )
    return table


def _insert(translator: Translator, tree: exp.Insert) -> list[str]:
    place = tree.this
    node = place.this if isinstance(place, exp.Schema) else place
    table = _target(translator, node, Scope())
    node.set("alias", None)  # not allowed on the target of an INSERT
    names = [c.name for c in place.expressions] if isinstance(place, exp.Schema) else [c.name for c in table.columns]
    targets = []
    for name in names:
        column = table.column(name)
        if column is None:
            raise SqlError(
                "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
                f"A column, variable, or function parameter with name `{name}` cannot be resolved", "42703",
            )  # fmt: skip
        targets.append(column.type)
        if column.identity == "ALWAYS" and isinstance(place, exp.Schema):
            raise SqlError(
                "DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED",
                f"Providing values for GENERATED ALWAYS AS IDENTITY column {column.name} is not supported", "42808",
            )  # fmt: skip
    source = _source_of(tree)
    if isinstance(source, exp.Values):
        _cast_values(translator, source, targets, table)
    else:
        columns = translator.visit(source, None)
        if columns is not None and not tree.args.get("by_name"):
            if len(columns) != len(targets):
                raise arity(table, len(targets), len(columns))
            tree.set("expression", _assigned(translator, source, columns, targets))
    tree.set("alternative", None)
    overwrite = tree.args.get("overwrite")
    tree.set("overwrite", None)
    replaced = _replaced(translator, tree, table)
    return [f"DELETE FROM {node.sql(dialect='duckdb')}{replaced}"] if overwrite or replaced else []


def _source_of(tree: exp.Insert) -> exp.Expression:
    """The rows' query; ``INSERT INTO a TABLE b`` is one too."""
    named = tree.args.get("source")
    if isinstance(named, exp.Table):
        tree.set("source", None)
        tree.set("expression", exp.select("*").from_(named))
    if tree.expression is None or tree.args.get("using"):
        raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse does not support this form of INSERT", "0A000")
    return tree.expression


def _replaced(translator: Translator, tree: exp.Insert, table: Table) -> str:
    """REPLACE WHERE: the rows that make room."""
    where = tree.args.get("where")
    if where is None:
        return ""
    tree.set("where", None)
    scope = Scope(sources=[(table.name, {c.name.lower(): c.type for c in table.columns})])
    condition, _ = translator.expressions.visit(where, scope)
    return f" WHERE {duck_sql(condition)}"


def arity(table: Table, have: int, gave: int) -> SqlError:
    kind = "NOT_ENOUGH_DATA_COLUMNS" if gave < have else "TOO_MANY_DATA_COLUMNS"
    return SqlError(
        f"INSERT_COLUMN_ARITY_MISMATCH.{kind}",
        f"Cannot write to `{table.catalog}`.`{table.schema}`.`{table.name}`, the reason is "
        f"{'not enough' if gave < have else 'too many'} data columns: the table takes {have} columns, the data has {gave}",
        "21S01",
    )


def _cast_values(translator: Translator, source: exp.Values, targets: list[T.SparkType], table: Table) -> None:
    scope = Scope()
    for at, row in enumerate(source.expressions):
        items = row.expressions if isinstance(row, exp.Tuple) else [row]
        if len(items) != len(targets):
            raise arity(table, len(targets), len(items))
        fresh = []
        for item, target in zip(items, targets):
            if isinstance(item, exp.Column) and item.name.upper() == "DEFAULT":
                fresh.append(exp.Var(this="DEFAULT"))
                continue
            value, kind = translator.expressions.visit(item, scope)
            fresh.append(_assign(translator, value, kind, target))
        source.expressions[at] = exp.Tuple(expressions=fresh)
    source.set("expressions", source.expressions)


def _assigned(
    translator: Translator, query: exp.Query, columns: Columns, targets: list[T.SparkType]
) -> exp.Expression:
    """A query with its columns cast to those of the table."""
    names = [f"c{i}" for i in range(len(columns))]
    values = [_assign(translator, exp.column(n, table="q"), kind, to) for n, (_, kind), to in zip(names, columns, targets)]
    if all(isinstance(value, exp.Column) for value in values):
        return query
    alias = exp.TableAlias(this=exp.to_identifier("q"), columns=[exp.to_identifier(n) for n in names])
    return exp.select(*values).from_(exp.Subquery(this=query, alias=alias))


def _assign(translator: Translator, value: exp.Expression, kind, target: T.SparkType) -> exp.Expression:
    """The implicit cast of a store assignment."""
    if target.kind in ("CHAR", "VARCHAR") and (kind is None or kind.is_string()):
        return _fitted(value, target)
    if kind is None or kind == target or kind.kind == "VOID" or (kind.is_string() and target.is_string()):
        return value
    return translator.expressions.convert(value, kind, target, safe=False)


def _fitted(value: exp.Expression, target: T.SparkType) -> exp.Expression:
    """CHAR is filled with blanks; what is too long is an error."""
    pad, name = target.kind == "CHAR", f"char/varchar({target.length})"
    return call("lw_fit", cast(value, T.STRING), number(target.length), exp.Boolean(this=pad), text(name))


def _update(translator: Translator, tree: exp.Update) -> list[str]:
    scope = Scope()
    table = _target(translator, tree.this, scope)
    for assignment in tree.expressions:
        name = assignment.this.name
        column = table.column(name)
        assignment.set("this", exp.column(name, quoted=True))
        kind = translator.expressions.child(assignment, "expression", scope)
        if column is not None:
            assignment.set("expression", _assign(translator, assignment.expression, kind, column.type))
    _where(translator, tree, scope)
    return []


def _delete(translator: Translator, tree: exp.Delete) -> list[str]:
    scope = Scope()
    _target(translator, tree.this, scope)
    _where(translator, tree, scope)
    return []


def _where(translator: Translator, tree: exp.Expression, scope: Scope) -> None:
    where = tree.args.get("where")
    if where is not None:
        translator.expressions.children(where, scope)


def _merge(translator: Translator, tree: exp.Merge) -> list[str]:
    scope = Scope()
    table = _target(translator, tree.this, scope)
    tree.set("using", translator._source(tree.args["using"], scope))
    translator.expressions.child(tree, "on", scope)
    for when in tree.args["whens"].expressions:
        translator.expressions.child(when, "condition", scope)
        action = when.args["then"]
        if isinstance(action, exp.Update):
            for assignment in action.expressions if isinstance(action.expressions, list) else []:
                if isinstance(assignment, exp.EQ):
                    column = table.column(assignment.this.name)
                    assignment.set("this", exp.column(assignment.this.name, quoted=True))
                    kind = translator.expressions.child(assignment, "expression", scope)
                    if column is not None:
                        assignment.set("expression", _assign(translator, assignment.expression, kind, column.type))
        elif isinstance(action, exp.Insert) and isinstance(action.expression, exp.Tuple):
            translator.expressions.children(action.expression, scope)
    tree.set("returning", exp.Returning(expressions=[exp.column("merge_action")]))
    return []
