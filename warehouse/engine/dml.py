"""INSERT, UPDATE, DELETE, MERGE: implicit casts, counts, one writer at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from warehouse.catalog import Table, table_not_found
from warehouse.dialect import types as T
from warehouse.dialect.expressions import Scope
from warehouse.dialect.queries import Translation, Translator
from warehouse.engine.base import CancelToken, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine


def run(
    engine: "DuckEngine", session: Session, sql: str, tree: exp.Expression, cancel: CancelToken, original: str
) -> Outcome:
    translator = engine.translator(session, sql)
    rewrite = {exp.Insert: _insert, exp.Update: _update, exp.Delete: _delete, exp.Merge: _merge}[type(tree)]
    before = rewrite(translator, tree)
    translation = Translation(
        tree.sql(dialect="duckdb", comments=False), None, translator.tables, translator.system_views
    )
    statements = [*before, translation.sql]
    if session.transaction is not None:
        counts = session.transaction.write(session, statements, translation, cancel, sql, tree)
    else:
        counts = write(engine, session, statements, translation, cancel, sql)
    engine.effects.record(original.strip())
    return _answer(tree, counts)


def write(
    engine: "DuckEngine",
    session: Session,
    statements: list[str],
    translation: Translation,
    cancel: CancelToken,
    sql: str,
) -> list[tuple]:
    """Runs them in one transaction under the writer's lock; returns the last one's rows."""
    from warehouse.engine.duck import failure

    cursor = engine.connection(session, translation, cancel)
    while not engine.write_lock.acquire(timeout=0.05):
        cancel.check()
    try:
        engine.write_epoch += 1
        cursor.execute("BEGIN")
        rows: list[tuple] = []
        for statement in statements:
            rows = cursor.execute(statement).fetchall()
        cancel.check()
        cursor.execute("COMMIT")
        return rows
    except Exception as error:
        raise failure(error, sql, cancel) from error
    finally:
        engine.write_epoch += 1
        engine.write_lock.release()
        cursor.close()  # rolls back what was not committed


def _answer(tree: exp.Expression, rows: list[tuple]) -> Outcome:
    """One row of counts, named as the service names them (spec local-warehouse 2.3)."""
    from warehouse.engine.duck import rows_outcome

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
    parts = [p.name for p in node.parts]
    name = translator.full_name(parts)
    table = translator.catalogs.find_table(*name)
    if table is None:
        raise table_not_found(parts)
    if table.kind != "TABLE":
        raise SqlError(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
            f"The operation expects a table but `{table.name}` is a view",
            "42809",
        )
    translator._source(node, scope)
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
    source = tree.expression
    if isinstance(source, exp.Values):
        _cast_values(translator, source, targets, table)
    else:
        columns = translator.visit(source, None)
        if columns is not None and len(columns) != len(targets) and not tree.args.get("by_name"):
            raise _arity(table, len(targets), len(columns))
    tree.set("alternative", None)
    overwrite = tree.args.get("overwrite")
    tree.set("overwrite", None)
    return [f"DELETE FROM {node.sql(dialect='duckdb')}"] if overwrite else []


def _arity(table: Table, have: int, gave: int) -> SqlError:
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
            raise _arity(table, len(targets), len(items))
        fresh = []
        for item, target in zip(items, targets):
            if isinstance(item, exp.Column) and item.name.upper() == "DEFAULT":
                fresh.append(exp.Var(this="DEFAULT"))
                continue
            value, kind = translator.expressions.visit(item, scope)
            fresh.append(_assign(translator, value, kind, target))
        source.expressions[at] = exp.Tuple(expressions=fresh)
    source.set("expressions", source.expressions)


def _assign(translator: Translator, value: exp.Expression, kind, target: T.SparkType) -> exp.Expression:
    """The implicit cast of a store assignment."""
    if kind is None or kind == target or kind.kind == "VOID" or (kind.is_string() and target.is_string()):
        return value
    return translator.expressions.convert(value, kind, target, safe=False)


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
