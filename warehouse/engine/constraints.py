"""CHECK constraints and generated columns: what runs behind a change of rows, in its transaction.

DuckDB can add neither to a table that exists, so both are plain SQL over the table: a generated column is filled
where the change left it out, and a row for which a condition is not true ends the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from warehouse.catalog import ColumnDef, Table, quote
from warehouse.dialect import types as T
from warehouse.dialect.nodes import cast, duck_sql
from warehouse.dialect.queries import Translator, parse
from warehouse.dialect.scope import Scope
from warehouse.errors import SqlError

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine


def after_change(engine: "DuckEngine", translator: Translator, table: Table, given: Iterable[str] = ()) -> list[str]:
    """The statements for a change of the table's rows; ``given`` are the columns that it set itself (lower case)."""
    rules = _Rules(translator, table)
    generated = [c for c in table.columns if c.generated is not None]
    statements = [rules.filled(c) for c in generated if c.name.lower() not in given]
    statements += [rules.kept(c) for c in generated if c.name.lower() in given]
    statements += [rules.checked(name, condition) for name, condition in table.checks.items()]
    engine.need(" ".join(statements))
    return statements


def on_new_check(engine: "DuckEngine", translator: Translator, table: Table, condition: str) -> str:
    """The statement that refuses a condition which rows of the table break."""
    statement = _Rules(translator, table).new(condition)
    engine.need(statement)
    return statement


def depending(table: Table, column: str) -> list[str]:
    """The names of the table's checks and generated columns that read this column."""
    rules = {**table.checks, **{c.name: c.generated for c in table.columns if c.generated is not None}}
    return [name for name, text in rules.items() if column.lower() in _columns_of(text)]


def _columns_of(text: str) -> list[str]:
    return list(dict.fromkeys(c.name.lower() for c in parse(f"SELECT {text}").find_all(exp.Column)))


class _Rules:
    def __init__(self, translator: Translator, table: Table) -> None:
        self._translator = translator
        self._table = table
        self._place = ".".join(quote(part) for part in table.physical())

    def filled(self, column: ColumnDef) -> str:
        value, name = self._value(column), quote(column.name)
        return f"UPDATE {self._place} SET {name} = {value} WHERE {name} IS DISTINCT FROM {value}"

    def kept(self, column: ColumnDef) -> str:
        """What was given for a generated column must be what it would have been."""
        broken = f"{quote(column.name)} IS DISTINCT FROM {self._value(column)}"
        what = f"Generated Column ({column.name} <=> {column.generated})"
        return self._refusing(broken, f"CHECK constraint {what}", [column.name, *_columns_of(column.generated)])

    def checked(self, name: str, condition: str) -> str:
        broken = f"({self._condition(condition)}) IS NOT TRUE"
        return self._refusing(broken, f"CHECK constraint {name} ({condition})", _columns_of(condition))

    def new(self, condition: str) -> str:
        shown = condition.replace("'", "''")
        return (
            f"SELECT error('[DELTA_NEW_CHECK_CONSTRAINT_VIOLATION] ' || count(*) || ' rows in {self._table.full_name} violate "
            f"the new CHECK constraint ({shown}). SQLSTATE: 23512') FROM {self._place} "
            f"WHERE ({self._condition(condition)}) IS NOT TRUE HAVING count(*) > 0"
        )

    def _refusing(self, broken: str, what: str, shown: list[str]) -> str:
        head = f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] {what} violated by row with values:".replace("'", "''")
        values = "".join(f" || ' - {name} : ' || coalesce(CAST({quote(name)} AS VARCHAR), 'null')" for name in shown)
        return f"SELECT error('{head}'{values} || '. SQLSTATE: 23001') FROM {self._place} WHERE {broken} LIMIT 1"

    def _value(self, column: ColumnDef) -> str:
        value, _ = self._visited(column.generated)
        return duck_sql(cast(value, column.type))

    def _condition(self, text: str) -> str:
        value, kind = self._visited(text)
        if kind is not None and kind != T.BOOLEAN:
            raise SqlError(
                "DELTA_NON_BOOLEAN_CHECK_CONSTRAINT", f"CHECK constraint ({text}) should be a boolean expression", "42621"
            )
        return duck_sql(value)

    def _visited(self, text: str):
        known = {c.name.lower(): c.type for c in self._table.columns}
        for name in _columns_of(text):
            if name not in known:
                raise SqlError(
                    "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
                    f"A column, variable, or function parameter with name `{name}` cannot be resolved", "42703",
                )  # fmt: skip
        scope = Scope(sources=[(self._table.name, known)])
        return self._translator.expressions.visit(parse(f"SELECT {text}").expressions[0], scope)
