"""Session variables: DECLARE, SET VAR, DROP TEMPORARY VARIABLE. Scalar types only.

A variable is kept as a typed text, like a parameter, and takes the place of a column name that no
table of the query has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.dialect.lexer import Cursor
from warehouse.dialect.queries import Binder, parse
from warehouse.dialect.types import SparkType, parse_type
from warehouse.engine.base import CancelToken, Outcome, Parameter
from warehouse.errors import SqlError
from warehouse.sessions import Session
from warehouse.wire import Converter, value_text

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

_COMPLEX = ("ARRAY", "MAP", "STRUCT", "VARIANT", "INTERVAL", "BINARY")


def declare(engine: "DuckEngine", session: Session, at: Cursor, cancel: CancelToken) -> Outcome:
    """``DECLARE [OR REPLACE] [VARIABLE] name [type] [DEFAULT expression]``, behind the first word."""
    replace = at.accept("OR", "REPLACE")
    at.accept("VARIABLE") or at.accept("VAR")
    name = name_of(at)
    if name in session.variables and not replace:
        raise SqlError("VARIABLE_ALREADY_EXISTS", f"Cannot create the variable `{name}` because it already exists", "42723")
    start, kind = at.at, None
    while not at.done() and at.word() != "DEFAULT" and at.peek().text != "=":
        at.next()
    if at.at > start:
        kind = _type(at.sql[at.tokens[start].start : at.tokens[at.at - 1].end])
    value: str | None = None
    if at.accept("DEFAULT") or at.accept("="):
        kind, value = evaluate(engine, session, at.rest(), kind, cancel)
    if kind is None:
        raise at.error()
    session.variables[name] = Parameter(kind.sql(), value)
    return Outcome(has_rows=False)


def assign(engine: "DuckEngine", session: Session, at: Cursor, cancel: CancelToken) -> Outcome:
    """``SET VAR name = expression``, behind VAR."""
    name = name_of(at)
    at.expect("=")
    rest = at.rest()
    if rest.upper() == "DEFAULT":
        rest = "NULL"
    _, value = evaluate(engine, session, rest, _type(_known(session, name).type), cancel)
    session.variables[name] = Parameter(session.variables[name].type, value)
    return Outcome(has_rows=False)


def store(engine: "DuckEngine", session: Session, name: str, value: Parameter, cancel: CancelToken) -> None:
    """Assigns the value of a parameter called ``v``, as the variable's type."""
    declared = session.variables[name].type
    _, text = evaluate(engine, session, ":v", _type(declared), cancel, [value])
    session.variables[name] = Parameter(declared, text)


def drop(session: Session, at: Cursor) -> Outcome:
    """``DROP TEMPORARY VARIABLE [IF EXISTS] name``, behind VARIABLE."""
    tolerate = at.accept("IF", "EXISTS")
    name = name_of(at)
    at.end()
    if not tolerate:
        _known(session, name)
    session.variables.pop(name, None)
    return Outcome(has_rows=False)


def name_of(at: Cursor) -> str:
    """``name``, ``session.name`` or ``system.session.name``."""
    parts = [p.lower() for p in at.qualified_name()]
    if parts[:-1] not in ([], ["session"], ["system", "session"]):
        raise _unresolved(".".join(parts))
    return parts[-1]


def _known(session: Session, name: str) -> Parameter:
    if name not in session.variables:
        raise _unresolved(name)
    return session.variables[name]


def _unresolved(name: str) -> SqlError:
    return SqlError("UNRESOLVED_VARIABLE", f"Cannot resolve variable `{name}` on search path", "42883")


def _type(text: str) -> SparkType:
    try:
        kind = parse_type(text)
    except ValueError as error:
        raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{text[:100].upper()}"', "0A000") from error
    if kind.kind in _COMPLEX:
        raise SqlError("UNSUPPORTED_FEATURE", f"Variables of type {kind.sql()} are not supported here", "0A000")
    return kind


def evaluate(
    engine: "DuckEngine",
    session: Session,
    text: str,
    kind: SparkType | None,
    cancel: CancelToken,
    parameters: list[Parameter] | None = None,
) -> tuple[SparkType, str | None]:
    """The type and the text of an expression's only value."""
    sql = f"SELECT CAST(({text}) AS {kind.sql()})" if kind is not None else f"SELECT ({text})"
    tree = parse(sql) if parameters is None else Binder(parameters).bind(parse(sql))
    outcome = engine.query(session, engine.translate(session, sql, tree), sql, cancel)
    try:
        column = outcome.columns[0]
        found = _type(column.type.sql()) if kind is None else kind
        converter = Converter(outcome.columns, session.zone)
        values = [v for b in outcome.batches for v in converter.convert(b).column(0).to_pylist()]
    finally:
        outcome.close()
    if len(values) > 1:
        raise SqlError("ROW_SUBQUERY_TOO_MANY_ROWS", "More than one row returned by an expression of a variable", "21000")
    value = values[0] if values else None
    return found, None if value is None else value_text(value, column.type)
